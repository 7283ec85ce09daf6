// Gradients, and the steps that change every parameter in place.
#include "meta.h"

#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

namespace shim {

Autocast autocast(at::DeviceType device) {
  if (device == at::kMeta) return meta::autocast();
  return {at::autocast::is_autocast_enabled(device), at::autocast::get_autocast_dtype(device)};
}

void set_autocast(at::DeviceType device, Autocast wanted) {
  if (device == at::kMeta) return meta::set_autocast(wanted);
  at::autocast::set_autocast_enabled(device, wanted.enabled);
  at::autocast::set_autocast_dtype(device, wanted.dtype);
  at::autocast::clear_cache();  // the casts of weights that it keeps must not outlive an optimiser step
}

}  // namespace shim

extern "C" {

bool ct_set_grad_enabled(bool enabled) {
  bool old = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(enabled);
  return old;
}

bool ct_grad_enabled(void) { return c10::GradMode::is_enabled(); }

ct_tensor *ct_leaf(const ct_tensor *x) {
  return shim::tensor([&] { return x->t.detach().set_requires_grad(true); });
}

ct_tensor *ct_grad(const ct_tensor *x) {
  const at::Tensor &grad = x->t.grad();
  return grad.defined() ? shim::make(grad) : nullptr;
}

int ct_backward(const ct_tensor *loss) {
  return shim::run([&] { torch::autograd::backward({loss->t}, {}); });
}

int ct_gradients(const ct_tensor *output, const ct_tensor *weights, ct_tensor *const *inputs, size_t n, bool record,
                 ct_tensor **out) {
  return shim::run([&] {
    std::vector<at::Tensor> seeds;
    if (weights) seeds.push_back(weights->t);
    auto grads = torch::autograd::grad({output->t}, shim::list(inputs, n), seeds, std::nullopt, record, true);
    for (size_t i = 0; i < n; i++) out[i] = grads[i].defined() ? shim::make(grads[i]) : nullptr;
  });
}

ct_autocast ct_set_autocast(ct_device where, ct_autocast wanted) {
  ct_autocast old{false, CT_BF16};
  shim::run([&] {
    auto type = shim::device(where).type();
    shim::Autocast before = shim::autocast(type);
    old = {before.enabled, shim::dtype_of(before.dtype)};
    shim::set_autocast(type, {wanted.enabled, shim::scalar_type(wanted.dtype)});
  });
  return old;
}

int ct_copy(ct_tensor *destination, const ct_tensor *source) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    TORCH_CHECK(destination->t.sizes() == source->t.sizes(), "shapes ", destination->t.sizes(), " and ", source->t.sizes(), " differ");
    destination->t.copy_(source->t);
  });
}

int ct_clear_grads(ct_tensor *const *parameters, size_t n) {
  return shim::run([&] {
    for (size_t i = 0; i < n; i++) parameters[i]->t.mutable_grad() = at::Tensor();
  });
}

int ct_clip_grads(ct_tensor *const *parameters, size_t n, double limit, double *norm) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    std::vector<at::Tensor> grads;
    for (size_t i = 0; i < n; i++)
      if (parameters[i]->t.grad().defined()) grads.push_back(parameters[i]->t.grad());
    *norm = 0;
    if (grads.empty()) return;
    *norm = at::stack(at::_foreach_norm(grads)).norm().item<double>();
    if (limit > 0 && *norm > limit) at::_foreach_mul_(grads, limit / *norm);
  });
}

/// Whether element i lies at the same place in both, which a walk through memory relies on. Strides of axes of 1 mean nothing.
static bool same_layout(const at::Tensor &a, const at::Tensor &b) {
  for (int64_t axis = 0; axis < a.dim(); axis++)
    if (a.size(axis) > 1 && a.stride(axis) != b.stride(axis)) return false;
  return true;
}

int ct_adamw(ct_tensor *const *parameters, ct_tensor *const *first, ct_tensor *const *second, ct_tensor *const *steps, size_t n,
             double lr, double beta1, double beta2, double eps, double decay) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    std::vector<at::Tensor> p, g, m, v, s;
    for (size_t i = 0; i < n; i++) {
      at::Tensor grad = parameters[i]->t.grad();
      if (!grad.defined()) continue;
      const at::Tensor &parameter = parameters[i]->t;
      // The fused kernel walks memory, so everything has the layout of the parameter.
      for (const at::Tensor *moment : {&first[i]->t, &second[i]->t})
        TORCH_CHECK(moment->sizes() == parameter.sizes() && same_layout(*moment, parameter) && parameter.is_non_overlapping_and_dense(),
                    "the running means of a parameter ", parameter.sizes(), " are laid out otherwise than it");
      p.push_back(parameter);
      g.push_back(same_layout(grad, parameter) ? grad : at::empty_like(parameter).copy_(grad));
      m.push_back(first[i]->t);
      v.push_back(second[i]->t);
      s.push_back(steps[i]->t);
    }
    if (p.empty()) return;
    at::_foreach_add_(s, 1);
    at::_fused_adamw_(p, g, m, v, {}, s, lr, beta1, beta2, decay, eps, false, false);
  });
}

int ct_ema(ct_tensor *const *averages, ct_tensor *const *values, size_t n, double rate) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    at::_foreach_lerp_(shim::list(averages, n), shim::list(values, n), 1 - rate);
  });
}

}  // extern "C"
