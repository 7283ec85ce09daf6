// Gradient checkpointing: a part of a network that is recomputed in the backward pass instead of keeping its intermediate results.
#include "../support/ctorch_internal.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// The computation, with the autocast state of its first run.
struct Computation : torch::CustomClassHolder {
  ct_computation body;
  at::DeviceType device;
  shim::Autocast autocast;

  Computation(ct_computation body, at::DeviceType device) : body(body), device(device), autocast(shim::autocast(device)) {}
  ~Computation() override { body.release(body.context); }

  at::Tensor run(const variable_list &inputs) const {
    std::vector<ct_tensor *> handles;
    for (const at::Tensor &input : inputs) handles.push_back(shim::make(input));
    char why[512] = "";
    std::unique_ptr<ct_tensor, void (*)(ct_tensor *)> result(
        body.run(body.context, handles.data(), handles.size(), why, sizeof why), ct_tensor_free);
    TORCH_CHECK(result, why);
    return result->t;
  }

  /// Under the first run's autocast, but recorded for gradients.
  at::Tensor run_again(const variable_list &inputs) const {
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

struct Recomputed : torch::autograd::Function<Recomputed> {
  /// - tensors: inputs, then parameters.
  static at::Tensor forward(AutogradContext *context, at::TensorList tensors, int64_t inputs,
                            const c10::intrusive_ptr<Computation> &computation) {
    context->save_for_backward(tensors.vec());
    context->saved_data["inputs"] = inputs;
    context->saved_data["computation"] = c10::IValue::make_capsule(computation);
    return computation->run(tensors.slice(0, inputs).vec());
  }

  static variable_list backward(AutogradContext *context, const variable_list &arriving) {
    TORCH_CHECK(!c10::GradMode::is_enabled(), "a recomputed part of a network has a first derivative only");
    variable_list tensors = context->get_saved_variables();
    const auto inputs = static_cast<size_t>(context->saved_data["inputs"].toInt());
    auto computation = c10::static_intrusive_pointer_cast<Computation>(context->saved_data["computation"].toCapsule());
    for (size_t i = 0; i < inputs; i++) tensors[i] = tensors[i].detach().set_requires_grad(tensors[i].requires_grad());
    at::Tensor y = computation->run_again({tensors.begin(), tensors.begin() + inputs});
    variable_list wanted;
    for (const at::Tensor &tensor : tensors)
      if (tensor.requires_grad()) wanted.push_back(tensor);
    variable_list found = torch::autograd::grad({y}, wanted, {arriving[0]}, std::nullopt, false, true), gradients;
    auto next = found.begin();
    for (const at::Tensor &tensor : tensors) gradients.push_back(tensor.requires_grad() ? *next++ : Variable());
    gradients.resize(tensors.size() + 2);
    return gradients;
  }
};

}  // namespace

extern "C" {

ct_tensor *ct_recomputed(ct_computation body, ct_tensor *const *inputs, size_t n, ct_tensor *const *parameters, size_t m) {
  return shim::tensor([&] {
    auto device = n > 0 ? inputs[0]->t.device().type() : at::kCPU;
    auto computation = c10::make_intrusive<Computation>(body, device);
    variable_list tensors = shim::list(inputs, n);
    for (const at::Tensor &parameter : shim::list(parameters, m)) tensors.push_back(parameter);
    return Recomputed::apply(at::TensorList(tensors), static_cast<int64_t>(n), computation);
  });
}

}  // extern "C"
