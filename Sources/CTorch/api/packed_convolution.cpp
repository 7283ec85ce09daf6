// Convolutions for inference, whose weights are cast and packed for oneDNN once.
#include "../kernels/low_precision/low_precision.h"
#include "../meta/meta.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <string_view>

using shim::tensor;

struct ct_conv {
  at::ScalarType type;  // the dtype of images and results; weights and bias have the type that is computed in
  at::Tensor weight;    // used if there is no packed weight
  at::Tensor packed, bias;
  int64_t inputs, outputs, kernel, stride, padding;
};

namespace {

// oneDNN's convolution with packed weights has no C++ declaration; it is looked up by name.
using Pointwise = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, at::IntArrayRef,
                             at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view, c10::List<std::optional<at::Scalar>>,
                             std::optional<std::string_view>);
using PointwiseAdd = at::Tensor &(at::Tensor &, const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &,
                                  at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                                  std::optional<at::Scalar>, std::optional<std::string_view>,
                                  c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
/// The operation of this name, if this build of libtorch has a CPU kernel for it.
std::optional<c10::OperatorHandle> find(const char *name, const char *overload) {
  auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (handle && !handle->hasKernelForDispatchKey(c10::DispatchKey::MkldnnCPU) &&
      !handle->hasKernelForDispatchKey(c10::DispatchKey::CPU))
    return std::nullopt;
  return handle;
}

at::Tensor pack(const at::Tensor &weight, int64_t stride, int64_t padding) {
  static const auto operation = find("mkldnn::_reorder_convolution_weight", "");
  if (!operation || !weight.is_cpu()) return {};
  torch::jit::Stack stack;
  stack.emplace_back(weight);
  stack.emplace_back(std::vector<int64_t>{padding, padding});
  stack.emplace_back(std::vector<int64_t>{stride, stride});
  stack.emplace_back(std::vector<int64_t>{1, 1});
  stack.emplace_back(int64_t{1});
  stack.emplace_back();  // no input size: the packed weights work for any batch
  operation->callBoxed(&stack);
  return stack.front().toTensor();
}

at::Tensor convolve_packed(const ct_conv &c, const at::Tensor &x) {
  static const auto operation = c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "").typed<Pointwise>();
  const int64_t padding[] = {c.padding, c.padding}, stride[] = {c.stride, c.stride}, dilation[] = {1, 1};
  return operation.call(x, c.packed, c.bias, padding, stride, dilation, 1, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

/// residual += conv(x), in the same pass that computes the convolution.
void accumulate_packed(const ct_conv &c, const at::Tensor &x, at::Tensor &residual) {
  static const auto operation =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise_", "binary").typed<PointwiseAdd>();
  const int64_t padding[] = {c.padding, c.padding}, stride[] = {c.stride, c.stride}, dilation[] = {1, 1};
  operation.call(residual, x, c.packed, c.bias, padding, stride, dilation, 1, "add", 1.0, std::nullopt,
                 c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

/// oneDNN gets raw pointers, so the operands' shapes and dtypes are checked here.
void check_operands(const ct_conv &c, const at::Tensor &x, const ct_tensor *residual) {
  const auto type = c.type;
  TORCH_CHECK(x.dim() == 4 && x.size(1) == c.inputs, "expected images of ", c.inputs, " channels, [N, C, H, W], found ", x.sizes());
  TORCH_CHECK(x.scalar_type() == type, "the weights were packed in ", type, ", the images are ", x.scalar_type());
  auto positions = [&](int64_t size) { return (size + 2 * c.padding - c.kernel) / c.stride + 1; };
  const int64_t expected[] = {x.size(0), c.outputs, positions(x.size(2)), positions(x.size(3))};
  TORCH_CHECK(std::min(x.size(2), x.size(3)) + 2 * c.padding >= c.kernel, "images ", x.sizes(), " are smaller than a kernel of ", c.kernel);
  if (!residual) return;
  TORCH_CHECK(residual->t.sizes() == expected && residual->t.scalar_type() == type, "the residual must be ", type, " ",
              at::IntArrayRef(expected), ", not ", residual->t.scalar_type(), " ", residual->t.sizes());
}

}  // namespace

extern "C" {

ct_conv *ct_conv_pack(const ct_tensor *weight, const ct_tensor *bias, int64_t stride, int64_t padding, ct_dtype dtype) {
  ct_conv *out = nullptr;
  shim::run([&] {
    c10::AutoGradMode off(false);
    auto type = shim::scalar_type(dtype);
    TORCH_CHECK(weight->t.dim() == 4 && weight->t.size(2) == weight->t.size(3), "expected weights [O, C, K, K], found ", weight->t.sizes());
    TORCH_CHECK(!bias || bias->t.sizes() == weight->t.sizes().slice(0, 1), "expected one bias per output, found ", bias->t.sizes());
    TORCH_CHECK(stride > 0 && padding >= 0, "expected a positive stride and a padding of 0 or more, found ", stride, " and ", padding);
    // Rounded to the dtype first, even if computed in float32. Always copied, so that further training does not change the packed
    // weights.
    const auto computed = shim::low_precision::computed_in(type, weight->t.device());
    auto copy = [&](const at::Tensor &t) { return t.detach().to(type, /*non_blocking=*/false, /*copy=*/true).to(computed); };
    at::Tensor w = copy(weight->t).contiguous(at::MemoryFormat::ChannelsLast), b = bias ? copy(bias->t) : at::Tensor();
    at::Tensor packed = pack(w, stride, padding);
    out = new ct_conv{type, packed.defined() ? at::Tensor() : w, packed, b, w.size(1), w.size(0), w.size(2), stride, padding};
  });
  return out;
}

void ct_conv_free(ct_conv *c) { delete c; }

ct_tensor *ct_conv_apply(const ct_conv *c, const ct_tensor *x, const ct_tensor *residual) {
  return tensor([&] {
    c10::AutoGradMode off(false);
    check_operands(*c, x->t, residual);
    const auto computed = shim::low_precision::computed_in(x->t);
    const at::Tensor input = x->t.to(computed);
    if (!c->packed.defined() || !x->t.is_cpu() || x->t.numel() == 0) {
      TORCH_CHECK(c->weight.defined(), "the weights were packed for images on the CPU, at least one");
      at::Tensor y = x->t.is_meta() ? shim::meta::packed_conv2d(input, c->weight, c->stride, c->padding)
                                    : at::conv2d(input, c->weight, c->bias, c->stride, c->padding);
      if (residual && !x->t.is_meta()) y = residual->t + y;  // meta counts the CPU's memory, and the CPU adds the residual in place
      return y.to(c->type);
    }
    const at::Tensor images = input.contiguous(at::MemoryFormat::ChannelsLast);
    if (!residual) return convolve_packed(*c, images).to(c->type);
    at::Tensor sum = residual->t.to(computed).contiguous(at::MemoryFormat::ChannelsLast);
    if (sum.is_same(residual->t)) sum = sum.clone();  // the operation writes into it
    accumulate_packed(*c, images, sum);
    return sum.to(c->type);
  });
}

}  // extern "C"
