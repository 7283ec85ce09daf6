// Gradients and autocast.
#include "../meta/meta.h"

namespace shim {

Autocast autocast(at::DeviceType device) {
  if (device == at::kMeta) return meta::autocast();
  return {at::autocast::is_autocast_enabled(device), at::autocast::get_autocast_dtype(device)};
}

void set_autocast(at::DeviceType device, Autocast wanted) {
  if (device == at::kMeta) return meta::set_autocast(wanted);
  at::autocast::set_autocast_enabled(device, wanted.enabled);
  at::autocast::set_autocast_dtype(device, wanted.dtype);
  at::autocast::clear_cache();  // cached casts of weights must not outlive an optimiser step
}

at::Tensor cast(const at::Tensor &t, at::ScalarType dtype) { return at::autocast::cached_cast(dtype, t, at::kCPU); }

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

}  // extern "C"
