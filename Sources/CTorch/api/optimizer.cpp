// Steps over all parameters, in place: clipping, AdamW, moving averages.
#include "../support/ctorch_internal.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

namespace {

/// Whether the elements of both are in the same order in memory. Strides of axes of size 1 do not matter.
bool same_layout(const at::Tensor &a, const at::Tensor &b) {
  for (int64_t axis = 0; axis < a.dim(); axis++)
    if (a.size(axis) > 1 && a.stride(axis) != b.stride(axis)) return false;
  return true;
}

}  // namespace

extern "C" {

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

int ct_adamw(ct_tensor *const *parameters, ct_tensor *const *first, ct_tensor *const *second, ct_tensor *const *steps, size_t n,
             double lr, double beta1, double beta2, double eps, double decay) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    std::vector<at::Tensor> p, g, m, v, s;
    for (size_t i = 0; i < n; i++) {
      at::Tensor grad = parameters[i]->t.grad();
      if (!grad.defined()) continue;
      const at::Tensor &parameter = parameters[i]->t;
      // The fused kernel runs over memory in order, so gradients and moments need the parameter's layout.
      for (const at::Tensor *moment : {&first[i]->t, &second[i]->t})
        TORCH_CHECK(moment->sizes() == parameter.sizes() && same_layout(*moment, parameter) && parameter.is_non_overlapping_and_dense(),
                    "the running means of a parameter ", parameter.sizes(), " have another memory layout than the parameter");
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
