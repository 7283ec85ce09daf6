// Convolutions under autocast to bfloat16 whose weight gradient Winograd's kernel computes: oneDNN's sums of bfloat16 are the slowest part
// of such a training step where there is no AMX, and Winograd's in float32 take two thirds of the time and round less.
#include "convolution.h"

#include "../../support/differentiable.h"
#include "../../support/processor.h"

namespace {

constexpr auto channels_last = at::MemoryFormat::ChannelsLast;

std::tuple<at::Tensor, at::Tensor, at::Tensor> backward_of(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight,
                                                           std::array<bool, 3> wanted) {
  const int64_t outputs[] = {weight.size(0)};
  return at::convolution_backward(dy, x, weight, at::OptionalIntArrayRef(outputs), {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1, wanted);
}

shim::Tensors mixed_gradients(const shim::Arriving &arriving) {
  const at::Tensor &x = arriving.saved[0], &weight = arriving.saved[1], dy = arriving.dy.contiguous(channels_last);
  const std::array<bool, 3> wanted{arriving.wanted[0], arriving.wanted[1], arriving.wanted[2]};
  c10::impl::ExcludeDispatchKeyGuard cast_already(c10::autocast_dispatch_keyset);
  if (c10::GradMode::is_enabled()) {  // the gradients will be differentiated again: libtorch's are recorded
    auto [dx, dw, db] = backward_of(dy, x, weight.to(at::kBFloat16), wanted);
    return {wanted[0] ? dx : at::Tensor(), wanted[1] ? dw.to(at::kFloat) : at::Tensor(), wanted[2] ? db.to(at::kFloat) : at::Tensor()};
  }
  at::Tensor dx, dw, db;
  if (wanted[0]) dx = std::get<0>(backward_of(dy, x, arriving.saved[2], {true, false, false}));
  if (wanted[1]) std::tie(dw, db) = shim::convolution::weight_gradient(dy, x, weight, wanted[2]);
  else if (wanted[2]) db = dy.sum({0, 2, 3}, false, at::kFloat);
  return {dx, dw, db};
}

bool is_weight(const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat; }

}  // namespace

namespace shim::convolution {

bool suits_mixed(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride, int64_t padding) {
  const auto autocast = shim::autocast(at::kCPU);
  if (!autocast.enabled || autocast.dtype != at::kBFloat16 || shim::has_tiles() || !c10::GradMode::is_enabled()) return false;
  if (!x.is_cpu() || !is_weight(weight) || !weight.requires_grad() || (bias.defined() && !is_weight(bias))) return false;
  if (x.scalar_type() != at::kFloat && x.scalar_type() != at::kBFloat16) return false;
  return x.is_contiguous(channels_last) && suits(Pass::weight_gradient, x.sizes(), weight.sizes(), stride, padding);
}

at::Tensor mixed_conv2d(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
  const at::Tensor images = cast(x, at::kBFloat16);
  auto forward = [&](Tensors &saved) {
    const at::Tensor narrow = weight.to(at::kBFloat16);
    saved = {images, weight, narrow};
    c10::impl::ExcludeDispatchKeyGuard cast_already(c10::autocast_dispatch_keyset);
    return at::conv2d(images, narrow, bias.defined() ? std::optional(bias.to(at::kBFloat16)) : std::nullopt, 1, 1);
  };
  return differentiable({images, weight, bias}, forward, mixed_gradients);
}

}  // namespace shim::convolution
