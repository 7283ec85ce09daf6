// Layer norm over the channels of each pixel, scale and shift, and activation in one pass over the image, and its gradient in one over the
// image and the incoming gradient.
//
//     y = activation(z),  z = u factor + offset,  u = (x - mean) / deviation,  factor = w (1 + scale),  offset = b (1 + scale) + shift
//
// With dz = dy activation'(z) and sums over pixels:
//     dshift = sum(dz)                     dbias   = sum over images of (1 + scale) sum(dz)
//     dscale = w sum(dz u) + b sum(dz)     dweight = sum over images of (1 + scale) sum(dz u)
#include "../../meta/meta.h"
#include "../../support/differentiable.h"
#include "rows.h"

namespace {

using shim::norm::Gradients;
using shim::norm::Loops;
using shim::norm::Rows;
using shim::norm::Work;
using namespace shim::norm::operands;

constexpr auto channels_last = at::MemoryFormat::ChannelsLast;

/// The two operands of z for each channel of each image, [N, C].
struct Modulation {
  std::unique_ptr<float[]> factors, offsets;

  Modulation(const Work &work, const Rows &rows)
      : factors(shim::norm::scratch(work.images * work.channels)), offsets(shim::norm::scratch(work.images * work.channels)) {
    const float *weight = shim::norm::floats(rows.weight), *bias = shim::norm::floats(rows.bias);
    const float *scale = shim::norm::floats(rows.scale), *shift = shim::norm::floats(rows.shift);
    for (int64_t i = 0; i < work.images * work.channels; i++) {
      const int64_t c = i % work.channels;
      const float stretch = scale ? 1 + scale[i] : 1;
      factors[i] = (weight ? weight[c] : 1) * stretch;
      offsets[i] = (bias ? bias[c] : 0) * stretch + (shift ? shift[i] : 0);
    }
  }
};

/// body(n, k) for the chunks k of every image n, in parallel.
template <class Body> void over_chunks(const Work &work, const Body &body) {
  shim::parallel_for(work.images * work.chunks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) body(i / work.chunks, i % work.chunks);
  });
}

template <class T> at::Tensor normalise(const at::Tensor &x, const Rows &rows, double eps, ct_activation activation) {
  const Work work(x, 1);
  const Modulation modulation(work, rows);
  at::Tensor y = at::empty_like(x);
  const auto loop = shim::norm::best_loops<T>().apply_pixels[activation];
  const T *source = static_cast<const T *>(x.const_data_ptr());
  T *target = static_cast<T *>(y.mutable_data_ptr());
  over_chunks(work, [&](int64_t n, int64_t k) {
    const int64_t at = work.start_of(n, k), row = n * work.channels;
    loop(source + at, target + at, work.rows_of(k), work.channels, static_cast<float>(eps), &modulation.factors[row],
         &modulation.offsets[row]);
  });
  return y;
}

/// sum(dz) and sum(dz u) over the pixels of a channel of an image.
struct Total {
  double sum = 0, product = 0;
};

/// The gradients of the rows from the totals [N, C].
Rows row_gradients(const Work &work, const Rows &rows, const std::vector<Total> &totals) {
  auto values = [](const at::Tensor &t) { return t.defined() ? static_cast<float *>(t.mutable_data_ptr()) : nullptr; };
  auto alike = [](const at::Tensor &t) { return t.defined() ? at::empty_like(t) : at::Tensor(); };
  const Rows d{alike(rows.weight), alike(rows.bias), alike(rows.scale), alike(rows.shift)};
  const float *weight = shim::norm::floats(rows.weight), *bias = shim::norm::floats(rows.bias), *scale = shim::norm::floats(rows.scale);
  float *dweight = values(d.weight), *dbias = values(d.bias), *dscale = values(d.scale), *dshift = values(d.shift);
  for (int64_t c = 0; c < work.channels; c++) {
    Total all;
    for (int64_t i = c; i < work.images * work.channels; i += work.channels) {
      const Total &t = totals[static_cast<size_t>(i)];
      const double stretch = scale ? 1.0 + scale[i] : 1;
      all.sum += stretch * t.sum, all.product += stretch * t.product;
      if (dscale) dscale[i] = static_cast<float>((weight ? weight[c] : 1) * t.product + (bias ? bias[c] : 0) * t.sum);
      if (dshift) dshift[i] = static_cast<float>(t.sum);
    }
    if (dweight) dweight[c] = static_cast<float>(all.product);
    if (dbias) dbias[c] = static_cast<float>(all.sum);
  }
  return d;
}

template <class T>
Gradients gradients(const at::Tensor &dy, const at::Tensor &x, const Rows &rows, double eps, ct_activation activation) {
  const Work work(x, 1);
  const Modulation modulation(work, rows);
  at::Tensor dx = at::empty_like(x);
  const auto sums = shim::norm::scratch(work.images * work.chunks * work.channels);
  const auto products = shim::norm::scratch(work.images * work.chunks * work.channels);
  const auto loop = shim::norm::best_loops<T>().pixel_gradients[activation];
  const T *source = static_cast<const T *>(x.const_data_ptr()), *arriving = static_cast<const T *>(dy.const_data_ptr());
  T *target = static_cast<T *>(dx.mutable_data_ptr());
  over_chunks(work, [&](int64_t n, int64_t k) {
    const int64_t at = work.start_of(n, k), row = n * work.channels, to = work.sums_at(n, k);
    const auto held = shim::norm::scratch(work.channels);
    loop(source + at, arriving + at, target + at, work.rows_of(k), work.channels, static_cast<float>(eps), &modulation.factors[row],
         &modulation.offsets[row], &sums[to], &products[to], held.get());
  });
  std::vector<Total> totals(static_cast<size_t>(work.images * work.channels));
  for (int64_t n = 0; n < work.images; n++)
    for (int64_t k = 0; k < work.chunks; k++)
      for (int64_t c = 0; c < work.channels; c++) {
        Total &t = totals[static_cast<size_t>(n * work.channels + c)];
        t.sum += sums[work.sums_at(n, k) + c], t.product += products[work.sums_at(n, k) + c];
      }
  return {dx, row_gradients(work, rows, totals)};
}

at::Tensor normalise(const at::Tensor &x, const Rows &rows, double eps, ct_activation activation) {
  return x.scalar_type() == at::kFloat ? normalise<float>(x, rows, eps, activation) : normalise<uint16_t>(x, rows, eps, activation);
}

/// - rows: float32, contiguous.
at::Tensor recorded(const at::Tensor &x, const Rows &rows, double eps, ct_activation activation) {
  auto forward = [&](shim::Tensors &saved) {
    saved = {x, rows.weight, rows.bias, rows.scale, rows.shift};
    return normalise(x, rows, eps, activation);
  };
  auto backward = [eps, activation](const shim::Arriving &arriving) -> shim::Tensors {
    TORCH_CHECK(!c10::GradMode::is_enabled(), "the fused pixel norm has a first derivative only");
    const auto &saved = arriving.saved;
    const at::Tensor &x = saved[0], dy = arriving.dy.to(x.scalar_type()).contiguous(channels_last);
    const Rows rows{saved[1], saved[2], saved[3], saved[4]};
    const Gradients d = x.scalar_type() == at::kFloat ? gradients<float>(dy, x, rows, eps, activation)
                                                      : gradients<uint16_t>(dy, x, rows, eps, activation);
    return {d.x, d.rows.weight, d.rows.bias, d.rows.scale, d.rows.shift};
  };
  return shim::differentiable({x, rows.weight, rows.bias, rows.scale, rows.shift}, forward, backward);
}

/// Operation by operation, in float32 at least.
at::Tensor composed(const at::Tensor &x, const Rows &rows, double eps, ct_activation activation) {
  const bool is_low = x.scalar_type() == at::kBFloat16 || x.scalar_type() == at::kHalf;
  const at::Tensor pixels = (is_low ? x.to(at::kFloat) : x).permute({0, 2, 3, 1});
  at::Tensor h = at::layer_norm(pixels, {x.size(1)}, rows.weight, rows.bias, eps).permute({0, 3, 1, 2});
  if (rows.scale.defined()) h = h * (1 + per_channel(rows.scale, h));
  if (rows.shift.defined()) h = h + per_channel(rows.shift, h);
  return (activation == CT_SILU ? at::silu(h) : h).to(x.scalar_type());
}

/// The fused kernel takes float32 or bfloat16 images on the CPU, channels-last.
bool fits(const at::Tensor &x) {
  if (!x.is_cpu() || x.numel() == 0) return false;
  return (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && x.is_contiguous(channels_last);
}

}  // namespace

namespace shim::norm {

at::Tensor pixel_norm(const at::Tensor &x, const Rows &rows, double eps, ct_activation activation) {
  TORCH_CHECK(x.dim() == 4, "expected images [N, C, H, W], found ", x.sizes());
  check_sizes(x, rows);
  if (x.is_meta()) return shim::meta::group_norm(x, 0, rows);
  if (!fits(x)) return composed(x, rows, eps, activation);
  const Rows read{readable(rows.weight), readable(rows.bias), readable(rows.scale), readable(rows.shift)};
  if (!wants_gradient(x, read)) return normalise(x, read, eps, activation);
  return recorded(x, read, eps, activation);
}

}  // namespace shim::norm
