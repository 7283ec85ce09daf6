// The operations of which networks are made, and convolutions packed for inference.
#include "attention.h"
#include "ctorch_internal.h"
#include "kernels/low_precision.h"
#include "meta.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <string_view>

using shim::maybe;
using shim::tensor;

struct ct_conv {
  at::ScalarType type;  // of images and results; the weights have the type that is computed in
  at::Tensor weight;    // where there is no packed one
  at::Tensor packed, bias;
  int64_t inputs, outputs, kernel, stride, padding;
};

namespace {

// oneDNN's convolution with packed weights is reachable by name only.
using Pointwise = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, at::IntArrayRef,
                             at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view, c10::List<std::optional<at::Scalar>>,
                             std::optional<std::string_view>);
using PointwiseAdd = at::Tensor &(at::Tensor &, const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &,
                                  at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                                  std::optional<at::Scalar>, std::optional<std::string_view>,
                                  c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
/// A kernel registered under `name`, if this build of libtorch has it for the CPU.
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
  stack.emplace_back();  // no input size: the packed weights serve every batch
  operation->callBoxed(&stack);
  return stack.front().toTensor();
}

at::Tensor convolve_packed(const ct_conv &c, const at::Tensor &x) {
  static const auto operation = c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "").typed<Pointwise>();
  const int64_t padding[] = {c.padding, c.padding}, stride[] = {c.stride, c.stride}, dilation[] = {1, 1};
  return operation.call(x, c.packed, c.bias, padding, stride, dilation, 1, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

/// residual += conv(x), in the one pass that writes the result.
void accumulate_packed(const ct_conv &c, const at::Tensor &x, at::Tensor &residual) {
  static const auto operation =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise_", "binary").typed<PointwiseAdd>();
  const int64_t padding[] = {c.padding, c.padding}, stride[] = {c.stride, c.stride}, dilation[] = {1, 1};
  operation.call(residual, x, c.packed, c.bias, padding, stride, dilation, 1, "add", 1.0, std::nullopt,
                 c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

/// One of the two gradients of a convolution.
at::Tensor convolution_gradient(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding,
                                bool of_input) {
  if (shim::low_precision::is_emulated(x, weight)) {
    auto [dx, dw] = shim::low_precision::conv2d_gradients(dy, x, weight, stride, padding, of_input, !of_input);
    return of_input ? dx : dw;
  }
  auto gradients = at::convolution_backward(
      dy, x, weight, std::nullopt, {stride, stride}, {padding, padding}, {1, 1}, false, {0, 0}, 1, {of_input, !of_input, false});
  return of_input ? std::get<0>(gradients) : std::get<1>(gradients);
}

/// oneDNN is handed pointers, so what they point to is checked here.
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

bool ct_has_kernels(ct_dtype dtype) {
  bool out = false;
  shim::run([&] { out = shim::low_precision::has_kernels(shim::scalar_type(dtype)); });
  return out;
}

ct_tensor *ct_linear(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias) {
  return tensor([&] {
    if (x->t.is_meta()) return shim::meta::linear(x->t, weight->t, maybe(bias));
    if (shim::low_precision::is_emulated(x->t, weight->t)) return shim::low_precision::linear(x->t, weight->t, maybe(bias));
    return at::linear(x->t, weight->t, maybe(bias));
  });
}

ct_tensor *ct_conv2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, int64_t stride, int64_t padding) {
  return tensor([&] {
    if (x->t.is_meta()) return shim::meta::conv2d(x->t, weight->t, maybe(bias), stride, padding);
    if (shim::low_precision::is_emulated(x->t, weight->t))
      return shim::low_precision::conv2d(x->t, weight->t, maybe(bias), stride, padding);
    return at::conv2d(x->t, weight->t, maybe(bias), stride, padding);
  });
}

ct_tensor *ct_conv2d_input_gradient(const ct_tensor *dy, const ct_tensor *x, const ct_tensor *weight, int64_t stride, int64_t padding) {
  return tensor([&] { return convolution_gradient(dy->t, x->t, weight->t, stride, padding, true); });
}

ct_tensor *ct_conv2d_weight_gradient(const ct_tensor *dy, const ct_tensor *x, const ct_tensor *weight, int64_t stride, int64_t padding) {
  return tensor([&] { return convolution_gradient(dy->t, x->t, weight->t, stride, padding, false); });
}

ct_tensor *ct_embedding(const ct_tensor *weight, const ct_tensor *indices) {
  return tensor([&] {
    if (weight->t.is_meta()) return shim::meta::embedding(weight->t, indices->t);
    return at::embedding(weight->t, indices->t);
  });
}

ct_tensor *ct_one_hot(const ct_tensor *indices, int64_t classes) {
  return tensor([&] { return indices->t.is_meta() ? shim::meta::one_hot(indices->t, classes) : at::one_hot(indices->t, classes); });
}

ct_tensor *ct_layer_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, double eps) {
  return tensor([&] { return at::layer_norm(x->t, {x->t.size(-1)}, maybe(weight), maybe(bias), eps); });
}

ct_tensor *ct_dropout(const ct_tensor *x, double p, ct_generator *g) {
  return tensor([&] {
    TORCH_CHECK(p >= 0 && p < 1, "the share of dropped elements must be at least 0 and below 1, not ", p);
    return x->t * at::empty_like(x->t.detach()).bernoulli_(1 - p, g->g).mul_(1 / (1 - p));
  });
}

ct_tensor *ct_avg_pool2d(const ct_tensor *x, int64_t kernel) {
  return tensor([&] { return at::avg_pool2d(x->t, kernel); });
}

ct_tensor *ct_max_pool2d(const ct_tensor *x, int64_t kernel) {
  return tensor([&] { return at::max_pool2d(x->t, kernel); });
}

ct_tensor *ct_interpolate(const ct_tensor *x, int64_t height, int64_t width, const char *mode) {
  return tensor([&] {
    std::string_view how = mode;
    const int64_t size[] = {height, width};
    if (how == "nearest") return at::upsample_nearest2d(x->t, size);
    if (how == "bilinear") return at::upsample_bilinear2d(x->t, size, false);
    TORCH_CHECK(how == "bicubic", "unknown interpolation '", mode, "'");
    return at::upsample_bicubic2d(x->t, size, false);
  });
}

ct_tensor *ct_pixel_shuffle(const ct_tensor *x, int64_t factor) {
  return tensor([&] { return at::pixel_shuffle(x->t, factor); });
}

ct_tensor *ct_pixel_unshuffle(const ct_tensor *x, int64_t factor) {
  return tensor([&] { return at::pixel_unshuffle(x->t, factor); });
}

ct_tensor *ct_attention(const ct_tensor *q, const ct_tensor *k, const ct_tensor *v) {
  return tensor([&] {
    if (q->t.is_meta()) return shim::meta::attention(q->t, k->t, v->t);
    if (shim::attention::fits(q->t, k->t, v->t)) return shim::attention::fused(q->t, k->t, v->t);
    const bool wants_gradient = c10::GradMode::is_enabled() && (q->t.requires_grad() || k->t.requires_grad() || v->t.requires_grad());
    if (!wants_gradient || !q->t.is_cpu() || q->t.scalar_type() != at::kBFloat16) return at::scaled_dot_product_attention(q->t, k->t, v->t);
    // libtorch's bfloat16 gradient on the CPU takes two to four times as long as its float32 one, and is less exact.
    c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    return at::scaled_dot_product_attention(q->t.to(at::kFloat), k->t.to(at::kFloat), v->t.to(at::kFloat)).to(at::kBFloat16);
  });
}

ct_tensor *ct_cross_entropy(const ct_tensor *logits, const ct_tensor *targets) {
  return tensor([&] { return at::cross_entropy_loss(logits->t, targets->t); });
}

ct_conv *ct_conv_pack(const ct_tensor *weight, const ct_tensor *bias, int64_t stride, int64_t padding, ct_dtype dtype) {
  ct_conv *out = nullptr;
  shim::run([&] {
    c10::AutoGradMode off(false);
    auto type = shim::scalar_type(dtype);
    TORCH_CHECK(weight->t.dim() == 4 && weight->t.size(2) == weight->t.size(3), "expected weights [O, C, K, K], found ", weight->t.sizes());
    TORCH_CHECK(!bias || bias->t.sizes() == weight->t.sizes().slice(0, 1), "expected one bias an output, found ", bias->t.sizes());
    TORCH_CHECK(stride > 0 && padding >= 0, "a stride of ", stride, " and a padding of ", padding);
    // Rounded to the dtype first, also where it is computed in float32. Copies even where the dtype is the same: what training does to
    // the network must not reach the packed weights.
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
      if (residual && !x->t.is_meta()) y = residual->t + y;  // the CPU, of which meta counts the memory, adds the residual in place
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
