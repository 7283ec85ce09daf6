// The convolution that networks call: by Winograd's kernels with their gradient if the operands suit them, otherwise by libtorch.
#include "convolution.h"

#include "../../meta/meta.h"
#include "../low_precision/low_precision.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <torch/csrc/autograd/custom_function.h>

namespace {

using shim::convolution::Addends;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;
using Operand = std::optional<at::Tensor>;

Operand operand(const at::Tensor &t) { return t.defined() ? Operand(t) : std::nullopt; }
at::Tensor or_undefined(const Operand &t) { return t.value_or(at::Tensor()); }

/// y + rows + residual, operation by operation.
at::Tensor plus(at::Tensor y, const Addends &addends) {
  if (addends.rows.defined()) y = y + addends.rows.to(y.scalar_type()).unsqueeze(-1).unsqueeze(-1);
  return addends.residual.defined() ? addends.residual + y : y;
}

void check_sizes(const at::Tensor &x, const at::Tensor &weight, const Addends &a) {
  const int64_t outputs = weight.size(0);
  const int64_t rows[] = {x.size(0), outputs}, result[] = {x.size(0), outputs, x.size(2), x.size(3)};
  TORCH_CHECK(!a.bias.defined() || a.bias.sizes() == weight.sizes().slice(0, 1), "expected one bias for each of ", outputs,
              " outputs, found ", a.bias.sizes());
  TORCH_CHECK(!a.rows.defined() || a.rows.sizes() == at::IntArrayRef(rows), "the addend of each image must be ", at::IntArrayRef(rows),
              ", not ", a.rows.sizes());
  TORCH_CHECK(!a.residual.defined() || a.residual.sizes() == at::IntArrayRef(result), "the residual must be ", at::IntArrayRef(result),
              ", not ", a.residual.sizes());
}

bool wants_gradient(std::initializer_list<const at::Tensor *> tensors) {
  if (!c10::GradMode::is_enabled()) return false;
  for (auto t : tensors)
    if (t->defined() && t->requires_grad()) return true;
  return false;
}

struct WinogradConvolution : torch::autograd::Function<WinogradConvolution> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const Operand &bias,
                            const Operand &rows, const Operand &residual) {
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["rows"] = rows.has_value();
    context->saved_data["residual"] = residual.has_value();
    const Addends addends{or_undefined(bias), or_undefined(rows), or_undefined(residual)};
    if (shim::convolution::fits(x, weight, 1, 1)) return shim::convolution::forward(x, weight, addends, {});
    return plus(at::conv2d(x, weight, bias, 1, 1), addends);
  }

  static variable_list backward(AutogradContext *context, const variable_list &arriving) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &dy = arriving[0];
    // libtorch does not count absent operands among a node's inputs.
    size_t input = 2;
    auto wants = [&](const char *name) { return context->saved_data[name].toBool() && context->needs_input_grad(input++); };
    const bool bias = wants("bias"), rows = wants("rows"), residual = wants("residual");
    auto d = gradients(dy, saved[0], saved[1], {context->needs_input_grad(0), context->needs_input_grad(1), bias});
    return {d.input, d.weight, d.bias, rows ? dy.sum({2, 3}) : Variable(), residual ? dy : Variable()};
  }

  /// libtorch's, which are recorded, where the gradients will be differentiated again.
  static shim::convolution::Gradients gradients(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight,
                                                std::array<bool, 3> wanted) {
    if (!c10::GradMode::is_enabled()) return shim::convolution::gradients(dy, x, weight, 1, 1, wanted);
    const int64_t outputs[] = {weight.size(0)};
    auto [dx, dw, db] =
        at::convolution_backward(dy, x, weight, at::OptionalIntArrayRef(outputs), {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1, wanted);
    return {wanted[0] ? dx : Variable(), wanted[1] ? dw : Variable(), wanted[2] ? db : Variable()};
  }
};

/// Whether Winograd's kernels compute the forward pass, or the gradient of the weights if that is wanted.
bool suits_some_pass(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding) {
  using shim::convolution::Pass;
  if (shim::convolution::fits(x, weight, stride, padding)) return true;
  return wants_gradient({&weight}) && x.is_cpu() && x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         shim::convolution::suits(Pass::weight_gradient, x.sizes(), weight.sizes(), stride, padding);
}

bool is_float(const at::Tensor &t) { return !t.defined() || (t.is_cpu() && t.scalar_type() == at::kFloat); }

}  // namespace

namespace shim::convolution {

at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const Addends &addends, int64_t stride, int64_t padding) {
  if (x.is_meta()) return shim::meta::conv2d(x, weight, addends, stride, padding);
  const Operand bias = operand(addends.bias);
  if (shim::low_precision::is_emulated(x, weight))
    return plus(shim::low_precision::conv2d(x, weight, bias, stride, padding), addends);
  if (suits_mixed(x, weight, addends.bias, stride, padding)) return plus(mixed_conv2d(x, weight, addends.bias), addends);
  const Addends read{addends.bias, addends.rows.defined() ? addends.rows.contiguous() : addends.rows, addends.residual};
  if (shim::autocast(at::kCPU).enabled || !suits_some_pass(x, weight, stride, padding) || !is_float(read.bias) || !is_float(read.rows) ||
      !is_float(read.residual))
    return plus(at::conv2d(x, weight, bias, stride, padding), addends);
  check_sizes(x, weight, read);
  if (!wants_gradient({&x, &weight, &read.bias, &read.rows, &read.residual})) return forward(x, weight, read, {});
  return WinogradConvolution::apply(x, weight, bias, operand(read.rows), operand(read.residual));
}

}  // namespace shim::convolution
