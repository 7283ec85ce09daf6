// See low_precision.h.
#include "low_precision.h"

#include "../../support/differentiable.h"
#include "../convolution/convolution.h"

namespace {

using Row = std::optional<at::Tensor>;

/// Asks libtorch, which asks oneDNN; a build without oneDNN has neither the operation nor the kernels.
bool ask(const char *operation) {
  auto handle = c10::Dispatcher::singleton().findSchema({operation, ""});
  if (!handle) return false;
  torch::jit::Stack stack;
  handle->callBoxed(&stack);
  return stack.front().toBool();
}

bool is_low(at::ScalarType type) { return type == at::kBFloat16 || type == at::kHalf; }

/// libtorch's autocast would narrow what was just widened.
struct WithoutAutocast {
  c10::impl::ExcludeDispatchKeyGuard guard{c10::autocast_dispatch_keyset};
};

at::Tensor wide(const at::Tensor &t) { return t.to(at::kFloat); }
Row wide(const Row &t) { return t ? Row(wide(*t)) : std::nullopt; }

/// The operand in autocast's dtype if autocast is on.
at::Tensor operand(const at::Tensor &t) {
  const auto autocast = shim::autocast(at::kCPU);
  return autocast.enabled ? shim::cast(t, autocast.dtype) : t;
}
Row operand(const Row &t) { return t ? Row(operand(*t)) : std::nullopt; }

at::Tensor wide_conv2d(const at::Tensor &x, const at::Tensor &weight, const Row &bias, int64_t stride, int64_t padding) {
  WithoutAutocast guard;
  const at::Tensor images = wide(x), weights = wide(weight);
  const Row added = wide(bias);
  if (shim::convolution::fits(images, weights, stride, padding))
    return shim::convolution::forward(images, weights, {shim::or_undefined(added)}, {}).to(x.scalar_type());
  return at::conv2d(images, weights, added, stride, padding).to(x.scalar_type());
}

/// - saved: x, weight.
shim::Tensors linear_gradients(const shim::Arriving &arriving) {
  const at::Tensor &x = arriving.saved[0], &weight = arriving.saved[1];
  WithoutAutocast guard;
  at::Tensor dy = wide(arriving.dy), dx, dw, db;
  const at::Tensor rows = dy.reshape({-1, weight.size(0)});
  if (arriving.wanted[0]) dx = at::matmul(dy, wide(weight)).to(x.scalar_type());
  if (arriving.wanted[1]) dw = at::mm(rows.t(), wide(x).reshape({-1, weight.size(1)})).to(weight.scalar_type());
  if (arriving.wanted[2]) db = rows.sum(0).to(weight.scalar_type());
  return {dx, dw, db};
}

}  // namespace

namespace shim::low_precision {

bool has_kernels(at::ScalarType type) {
  static const bool bfloat16 = ask("mkldnn::_is_mkldnn_bf16_supported"), float16 = ask("mkldnn::_is_mkldnn_fp16_supported");
  return type == at::kBFloat16 ? bfloat16 : type == at::kHalf ? float16 : true;
}

at::ScalarType computed_in(at::ScalarType type, at::Device device) {
  return (device.is_cpu() || device.is_meta()) && is_low(type) && !has_kernels(type) ? at::kFloat : type;
}

at::ScalarType computed_in(const at::Tensor &t) { return computed_in(t.scalar_type(), t.device()); }

bool is_emulated(const at::Tensor &x, const at::Tensor &weight) {
  if (!x.is_cpu() || !weight.is_cpu()) return false;
  const auto autocast = shim::autocast(at::kCPU);
  auto type = [&](const at::Tensor &t) { return autocast.enabled && t.scalar_type() == at::kFloat ? autocast.dtype : t.scalar_type(); };
  return type(x) == type(weight) && computed_in(type(x), x.device()) != type(x);
}

at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const Row &bias, int64_t stride, int64_t padding) {
  const at::Tensor images = operand(x), weights = operand(weight);
  const Row added = operand(bias);
  auto forward = [&](Tensors &saved) {
    saved = {images, weights};
    return wide_conv2d(images, weights, added, stride, padding);
  };
  auto backward = [stride, padding](const Arriving &arriving) -> Tensors {
    auto [dx, dw] = conv2d_gradients(arriving.dy, arriving.saved[0], arriving.saved[1], stride, padding, arriving.wanted[0],
                                     arriving.wanted[1]);
    return {dx, dw, arriving.wanted[2] ? arriving.dy.sum({0, 2, 3}) : at::Tensor()};
  };
  return differentiable({images, weights, or_undefined(added)}, forward, backward);
}

at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const Row &bias) {
  const at::Tensor rows = operand(x), weights = operand(weight);
  const Row added = operand(bias);
  auto forward = [&](Tensors &saved) {
    saved = {rows, weights};
    WithoutAutocast guard;
    return at::linear(wide(rows), wide(weights), wide(added)).to(rows.scalar_type());
  };
  return differentiable({rows, weights, or_undefined(added)}, forward, linear_gradients);
}

at::Tensor matmul(const at::Tensor &a, const at::Tensor &b) {
  const at::Tensor x = operand(a), y = operand(b);
  WithoutAutocast guard;
  return at::matmul(wide(x), wide(y)).to(x.scalar_type());
}

std::pair<at::Tensor, at::Tensor> conv2d_gradients(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight, int64_t stride,
                                                   int64_t padding, bool of_input, bool of_weight) {
  WithoutAutocast guard;
  const std::array<bool, 3> wanted{of_input, of_weight, false};
  const at::Tensor gradient = wide(dy), images = wide(x), weights = wide(weight);
  auto narrow = [](const at::Tensor &t, const at::Tensor &like) { return t.defined() ? t.to(like.scalar_type()) : t; };
  if (!c10::GradMode::is_enabled()) {
    auto d = shim::convolution::gradients(gradient, images, weights, stride, padding, wanted);
    return {narrow(d.input, x), narrow(d.weight, weight)};
  }
  auto [dx, dw, db] = at::convolution_backward(gradient, images, weights, std::nullopt, {stride, stride}, {padding, padding}, {1, 1}, false,
                                               {0, 0}, 1, wanted);
  return {of_input ? narrow(dx, x) : at::Tensor(), of_weight ? narrow(dw, weight) : at::Tensor()};
}

}  // namespace shim::low_precision
