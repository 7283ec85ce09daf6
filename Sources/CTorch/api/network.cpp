// The operations that networks are built from.
#include "../kernels/attention/attention.h"
#include "../kernels/convolution/convolution.h"
#include "../kernels/low_precision/low_precision.h"
#include "../meta/meta.h"

#include <string_view>

using shim::maybe;
using shim::tensor;

namespace {

/// The gradient of a convolution with respect to its input or its weight.
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

ct_tensor *ct_conv2d(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, const ct_tensor *rows, const ct_tensor *residual,
                     int64_t stride, int64_t padding) {
  return tensor([&] {
    using shim::or_undefined;
    return shim::convolution::conv2d(x->t, weight->t, {or_undefined(bias), or_undefined(rows), or_undefined(residual)}, stride, padding);
  });
}

void ct_set_exact_convolutions(bool exact) { shim::convolution::set_exact(exact); }
bool ct_exact_convolutions(void) { return shim::convolution::is_exact(); }
int ct_override_exact_convolutions(int exact) { return shim::convolution::override_exact(exact); }

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
  return tensor([&] {
    if (x->t.is_meta()) return shim::meta::layer_norm(x->t, maybe(weight), maybe(bias));
    return at::layer_norm(x->t, {x->t.size(-1)}, maybe(weight), maybe(bias), eps);
  });
}

ct_tensor *ct_dropout(const ct_tensor *x, double p, ct_generator *g) {
  return tensor([&] {
    TORCH_CHECK(p >= 0 && p < 1, "expected a dropout probability from 0 to below 1, found ", p);
    return x->t * at::empty_like(x->t.detach()).bernoulli_(1 - p, g->g).mul_(1 / (1 - p));
  });
}

ct_tensor *ct_avg_pool2d(const ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding) {
  return tensor([&] { return at::avg_pool2d(x->t, kernel, stride, padding, /*ceil_mode=*/false, /*count_include_pad=*/false); });
}

ct_tensor *ct_max_pool2d(const ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding) {
  return tensor([&] { return at::max_pool2d(x->t, kernel, stride, padding); });
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
    // On the CPU libtorch's bfloat16 gradient takes two to four times as long as its float32 gradient, and is less accurate.
    c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    return at::scaled_dot_product_attention(q->t.to(at::kFloat), k->t.to(at::kFloat), v->t.to(at::kFloat)).to(at::kBFloat16);
  });
}

ct_tensor *ct_group_norm(const ct_tensor *x, int64_t groups, const ct_tensor *weight, const ct_tensor *bias, double eps,
                         const ct_tensor *scale, const ct_tensor *shift, ct_activation activation) {
  return tensor([&] {
    using shim::or_undefined;
    return shim::norm::group_norm(x->t, groups, {or_undefined(weight), or_undefined(bias), or_undefined(scale), or_undefined(shift)}, eps,
                                  activation);
  });
}

ct_tensor *ct_pixel_norm(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, double eps, const ct_tensor *scale,
                         const ct_tensor *shift, ct_activation activation) {
  return tensor([&] {
    using shim::or_undefined;
    return shim::norm::pixel_norm(x->t, {or_undefined(weight), or_undefined(bias), or_undefined(scale), or_undefined(shift)}, eps,
                                  activation);
  });
}

}  // extern "C"
