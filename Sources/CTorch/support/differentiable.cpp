// See differentiable.h.
#include "differentiable.h"

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The backward pass, as libtorch keeps it beside the saved tensors.
struct Closure : torch::CustomClassHolder {
  shim::Backward backward;
  std::vector<bool> is_defined;  // by input: libtorch knows the defined ones only

  Closure(shim::Backward backward, const shim::Tensors &inputs) : backward(std::move(backward)) {
    for (const at::Tensor &input : inputs) is_defined.push_back(input.defined());
  }
};

struct Operation : torch::autograd::Function<Operation> {
  static at::Tensor forward(AutogradContext *context, at::TensorList, const shim::Forward *forward,
                            const c10::intrusive_ptr<Closure> &closure) {
    shim::Tensors saved;
    at::Tensor result = (*forward)(saved);
    context->save_for_backward(std::move(saved));
    context->saved_data["closure"] = c10::IValue::make_capsule(closure);
    return result;
  }

  static variable_list backward(AutogradContext *context, const variable_list &arriving) {
    const auto closure = c10::static_intrusive_pointer_cast<Closure>(context->saved_data["closure"].toCapsule());
    std::vector<bool> wanted;
    size_t edge = 0;
    for (bool defined : closure->is_defined) wanted.push_back(defined && context->needs_input_grad(edge++));
    const shim::Tensors gradients = closure->backward({arriving[0], context->get_saved_variables(), wanted});
    variable_list found;
    for (size_t i = 0; i < wanted.size(); i++)
      if (closure->is_defined[i]) found.push_back(gradients[i]);
    found.resize(found.size() + 2);  // for the arguments that are not tensors
    return found;
  }
};

}  // namespace

namespace shim {

at::Tensor differentiable(const Tensors &inputs, const Forward &forward, Backward backward) {
  Tensors defined;
  for (const at::Tensor &input : inputs)
    if (input.defined()) defined.push_back(input);
  return Operation::apply(at::TensorList(defined), &forward, c10::make_intrusive<Closure>(std::move(backward), inputs));
}

}  // namespace shim
