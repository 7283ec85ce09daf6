// The passes of a convolution over tensors: Winograd's kernels, or libtorch's convolution for what they do not suit.
#include "convolution.h"
#include "winograd.h"

namespace shim::convolution {
namespace {

using winograd::Weights;

constexpr auto channels_last = at::MemoryFormat::ChannelsLast;

winograd::Shape shape_of(at::IntArrayRef images, int64_t outputs) { return {images[0], images[2], images[3], images[1], outputs}; }

/// Tiles whose products are held at once: multiples of the rows that the registers hold, few enough that their input, 144 bytes a tile and
/// channel, stays in half a second-level cache beside a panel of weights.
int64_t tiles_held(const winograd::Loops &k, int64_t inputs) {
  if (k.lanes == 16) return inputs <= 64 ? 28 : 14;
  return k.lanes == 8 ? 10 : 12;
}

const float *floats(const at::Tensor &t) { return t.defined() ? static_cast<const float *>(t.const_data_ptr()) : nullptr; }

/// Weights that lie in one of the two orders, as they are; in another, copied.
at::Tensor dense(const at::Tensor &weight) {
  return weight.is_contiguous() || weight.is_contiguous(channels_last) ? weight : weight.contiguous(channels_last);
}

/// The layout of dense weights, from whose strides the taps' order follows.
Weights weights_of(const at::Tensor &w) {
  const int64_t outputs = w.size(1) * 9;
  if (w.is_contiguous()) return {floats(w), outputs, 9, 1};
  return {floats(w), outputs, 1, w.size(1)};
}

at::Tensor convolve(const at::Tensor &x, const at::Tensor &weight, const Weights &weights, int64_t outputs, const Addends &addends,
                    const at::Tensor &transformed) {
  const winograd::Loops &k = *winograd::best_loops();
  const auto shape = shape_of(x.sizes(), outputs);
  at::Tensor y = at::empty({shape.n, outputs, shape.h, shape.w}, x.options(), channels_last);
  const at::Tensor residual = addends.residual.defined() ? addends.residual.contiguous(channels_last) : addends.residual;
  const std::vector<float> zeros(static_cast<size_t>(std::max(shape.ci, shape.co) + winograd::line));
  winograd::convolve(k,
                     {shape, floats(x), weights, floats(addends.bias), floats(addends.rows), floats(residual),
                      static_cast<float *>(y.mutable_data_ptr()), zeros.data(), tiles_held(k, shape.ci)},
                     floats(transformed));
  return y;
}

at::Tensor input_gradient(const at::Tensor &dy, const at::Tensor &weight) {
  const at::Tensor w = dense(weight);
  Weights weights = weights_of(w);
  std::swap(weights.output, weights.input);
  weights.rotated = true;
  return convolve(dy, w, weights, w.size(1), {}, {});
}

}  // namespace

at::Tensor forward(const at::Tensor &x, const at::Tensor &weight, const Addends &addends, const at::Tensor &transformed) {
  const at::Tensor w = dense(weight);
  return convolve(x, w, weights_of(w), w.size(0), addends, transformed);
}

int64_t transformed_size(at::IntArrayRef weight) {
  const winograd::Loops *k = winograd::best_loops();
  return k ? k->panels(weight[0]) * k->panel_size(weight[1]) : 0;
}

int64_t workspace_size(at::IntArrayRef weight) { return std::min(transformed_size(weight), winograd::weights_held); }

at::Tensor transform(const at::Tensor &weight) {
  const at::Tensor w = dense(weight);
  at::Tensor u = at::empty({transformed_size(w.sizes())}, w.options());
  winograd::transform_all(*winograd::best_loops(), {1, 4, 4, w.size(1), w.size(0)}, weights_of(w),
                          static_cast<float *>(u.mutable_data_ptr()));
  return u;
}

std::pair<at::Tensor, at::Tensor> weight_gradient(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight, bool of_bias) {
  at::Tensor dw = at::empty_like(dense(weight)), db = of_bias ? at::empty({weight.size(0)}, weight.options()) : at::Tensor();
  const auto element = x.scalar_type() == at::kBFloat16 ? winograd::Element::bfloat16 : winograd::Element::float32;
  winograd::weight_gradient(*winograd::best_loops(), shape_of(x.sizes(), weight.size(0)), element, x.const_data_ptr(), dy.const_data_ptr(),
                            static_cast<float *>(dw.mutable_data_ptr()), weights_of(dw),
                            of_bias ? static_cast<float *>(db.mutable_data_ptr()) : nullptr);
  return {dw, db};
}

Gradients gradients(const at::Tensor &arriving, const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding,
                    std::array<bool, 3> wanted) {
  const at::Tensor dy = arriving.contiguous(channels_last);
  Gradients found;
  if (wanted[0] && suits(Pass::input_gradient, x.sizes(), weight.sizes(), stride, padding)) {
    found.input = input_gradient(dy, weight);
    wanted[0] = false;
  }
  if (wanted[1] && x.is_contiguous(channels_last) && suits(Pass::weight_gradient, x.sizes(), weight.sizes(), stride, padding)) {
    std::tie(found.weight, found.bias) = weight_gradient(dy, x, weight, wanted[2]);
    wanted[1] = wanted[2] = false;
  }
  if (!wanted[0] && !wanted[1] && !wanted[2]) return found;
  const int64_t outputs[] = {weight.size(0)};
  auto [dx, dw, db] = at::convolution_backward(dy, x, weight, at::OptionalIntArrayRef(outputs), {stride, stride}, {padding, padding}, {1, 1},
                                               false, {0, 0}, 1, wanted);
  if (wanted[0]) found.input = dx;
  if (wanted[1]) found.weight = dw;
  if (wanted[2]) found.bias = db;
  return found;
}

}  // namespace shim::convolution
