// Gradient checkpointing: a part of a network that is recomputed in the backward pass instead of keeping its intermediate results.
#include "../support/differentiable.h"

#include <memory>

namespace {

using shim::Tensors;

/// The computation, with the autocast state of its first run.
struct Computation {
  ct_computation body;
  at::DeviceType device;
  shim::Autocast autocast;

  Computation(ct_computation body, at::DeviceType device) : body(body), device(device), autocast(shim::autocast(device)) {}
  Computation(const Computation &) = delete;
  ~Computation() { body.release(body.context); }

  at::Tensor run(const Tensors &inputs) const {
    std::vector<ct_tensor *> handles;
    for (const at::Tensor &input : inputs) handles.push_back(shim::make(input));
    char why[512] = "";
    std::unique_ptr<ct_tensor, void (*)(ct_tensor *)> result(
        body.run(body.context, handles.data(), handles.size(), why, sizeof why), ct_tensor_free);
    TORCH_CHECK(result, why);
    return result->t;
  }

  /// Under the first run's autocast, but recorded for gradients.
  at::Tensor run_again(const Tensors &inputs) const {
    c10::AutoGradMode recording(true);
    struct Restoring {  // also if the computation throws
      at::DeviceType device;
      shim::Autocast before;
      ~Restoring() { shim::set_autocast(device, before); }
    } restoring{device, shim::autocast(device)};
    shim::set_autocast(device, autocast);  // also clears cached casts, which were not recorded
    return run(inputs);
  }
};

/// The gradients of inputs and parameters, which are what the forward pass saved.
Tensors recomputed_gradients(const Computation &computation, const shim::Arriving &arriving, size_t inputs) {
  TORCH_CHECK(!c10::GradMode::is_enabled(), "a recomputed part of a network has a first derivative only");
  Tensors tensors = arriving.saved, wanted, gradients;
  for (size_t i = 0; i < inputs; i++) tensors[i] = tensors[i].detach().set_requires_grad(tensors[i].requires_grad());
  at::Tensor y = computation.run_again({tensors.begin(), tensors.begin() + static_cast<ptrdiff_t>(inputs)});
  for (const at::Tensor &tensor : tensors)
    if (tensor.requires_grad()) wanted.push_back(tensor);
  Tensors found = torch::autograd::grad({y}, wanted, {arriving.dy}, std::nullopt, false, true);
  auto next = found.begin();
  for (const at::Tensor &tensor : tensors) gradients.push_back(tensor.requires_grad() ? *next++ : at::Tensor());
  return gradients;
}

}  // namespace

extern "C" {

ct_tensor *ct_recomputed(ct_computation body, ct_tensor *const *inputs, size_t n, ct_tensor *const *parameters, size_t m) {
  return shim::tensor([&] {
    auto device = n > 0 ? inputs[0]->t.device().type() : at::kCPU;
    auto computation = std::make_shared<Computation>(body, device);
    Tensors tensors = shim::list(inputs, n);
    for (const at::Tensor &parameter : shim::list(parameters, m)) tensors.push_back(parameter);
    auto forward = [&](Tensors &saved) {
      saved = tensors;
      return computation->run({tensors.begin(), tensors.begin() + static_cast<ptrdiff_t>(n)});
    };
    return shim::differentiable(tensors, forward, [computation, n](const shim::Arriving &arriving) {
      return recomputed_gradients(*computation, arriving, n);
    });
  });
}

}  // extern "C"
