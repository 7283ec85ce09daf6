// The convolution that networks call: by Winograd's kernels with their gradient if the operands suit them, otherwise by libtorch.
#include "convolution.h"

#include "../../meta/meta.h"
#include "../../support/differentiable.h"
#include "../low_precision/low_precision.h"

namespace {

using shim::convolution::Addends;
using Operand = std::optional<at::Tensor>;

Operand operand(const at::Tensor &t) { return t.defined() ? Operand(t) : std::nullopt; }

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

/// libtorch's, which are recorded, where the gradients will be differentiated again.
shim::convolution::Gradients gradients(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight, std::array<bool, 3> wanted) {
  if (!c10::GradMode::is_enabled()) return shim::convolution::gradients(dy, x, weight, 1, 1, wanted);
  const int64_t outputs[] = {weight.size(0)};
  auto [dx, dw, db] =
      at::convolution_backward(dy, x, weight, at::OptionalIntArrayRef(outputs), {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1, wanted);
  return {wanted[0] ? dx : at::Tensor(), wanted[1] ? dw : at::Tensor(), wanted[2] ? db : at::Tensor()};
}

/// By Winograd's kernels, one of which suits some pass.
at::Tensor recorded(const at::Tensor &x, const at::Tensor &weight, const Addends &addends) {
  auto forward = [&](shim::Tensors &saved) {
    saved = {x, weight};
    if (shim::convolution::fits(x, weight, 1, 1)) return shim::convolution::forward(x, weight, addends, {});
    return plus(at::conv2d(x, weight, operand(addends.bias), 1, 1), addends);
  };
  auto backward = [](const shim::Arriving &arriving) -> shim::Tensors {
    const at::Tensor &dy = arriving.dy;
    const auto &wanted = arriving.wanted;
    auto d = gradients(dy, arriving.saved[0], arriving.saved[1], {wanted[0], wanted[1], wanted[2]});
    return {d.input, d.weight, d.bias, wanted[3] ? dy.sum({2, 3}) : at::Tensor(), wanted[4] ? dy : at::Tensor()};
  };
  return shim::differentiable({x, weight, addends.bias, addends.rows, addends.residual}, forward, backward);
}

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
  return recorded(x, weight, read);
}

}  // namespace shim::convolution
