// The gradient of the fused group norm, in two passes over the image and the incoming gradient.
//
// With u = (x - mean) / deviation, a = w (1 + scale), dz = dy activation'(z), and means over the group's channels and pixels:
//     dx     = (a dz - mean(a dz) - u mean(a dz u)) / deviation
//     dshift = sum(dz)                     dbias   = sum over images of (1 + scale) sum(dz)
//     dscale = w sum(dz u) + b sum(dz)     dweight = sum over images of (1 + scale) sum(dz u)
#include "norm.h"

namespace {

using shim::norm::Gradients;
using shim::norm::Loops;
using shim::norm::Rows;
using shim::norm::Work;

template <class T> class Backward {
 public:
  Backward(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &statistics, const Rows &rows, ct_activation activation)
      : work(x, statistics.size(1)), rows(rows), dx(at::empty_like(x)), loops(shim::norm::best_loops<T>()),
        sums_loop(loops.gradient_sums[activation]), apply_loop(loops.apply_gradient[activation]),
        source(static_cast<const T *>(x.const_data_ptr())), arriving(static_cast<const T *>(dy.const_data_ptr())),
        target(static_cast<T *>(dx.mutable_data_ptr())), moments(static_cast<const double *>(statistics.const_data_ptr())),
        weight(shim::norm::floats(rows.weight)), bias(shim::norm::floats(rows.bias)), scale(shim::norm::floats(rows.scale)),
        shift(shim::norm::floats(rows.shift)), factors(scratch()), offsets(scratch()), means(scratch()), slopes(scratch()),
        constants(scratch()), sums(shim::norm::scratch(work.images * work.chunks * work.channels)),
        products(shim::norm::scratch(work.images * work.chunks * work.channels)),
        totals(static_cast<size_t>(work.images * work.channels)) {}

  Gradients run() {
    work.run(*this);
    return {dx, {over_images(rows.weight, &Total::product), over_images(rows.bias, &Total::sum), scale_gradient(), shift_gradient()}};
  }

  void prepare(int64_t n) {
    for (int64_t c = 0; c < work.channels; c++) {
      const int64_t at = n * work.channels + c;
      double factor = inverse(n, c) * (weight ? weight[c] : 1), offset = (bias ? bias[c] : 0) - mean(n, c) * factor;
      means[at] = static_cast<float>(mean(n, c));
      factors[at] = static_cast<float>(factor * stretch(n, c));
      offsets[at] = static_cast<float>(offset * stretch(n, c) + (shift ? shift[at] : 0));
    }
  }

  void measure(int64_t n, int64_t k) {
    const int64_t row = n * work.channels, from = work.start_of(n, k), to = work.sums_at(n, k);
    sums_loop(source + from, arriving + from, work.rows_of(k), work.channels, &factors[row], &offsets[row], &means[row], &sums[to],
              &products[to]);
  }

  /// Computes the totals of image n's channels, and slope and constant of dx = dz factor + x slope + constant, from the chunks' sums.
  void combine(int64_t n) {
    const int64_t width = work.channels / work.groups;
    for (int64_t g = 0; g < work.groups; g++) {
      double mean_dz = 0, mean_dzu = 0;
      for (int64_t c = g * width; c < (g + 1) * width; c++) {
        Total total = total_of(n, c);
        totals[static_cast<size_t>(n * work.channels + c)] = total;
        const double a = (weight ? weight[c] : 1) * stretch(n, c) / static_cast<double>(width * work.pixels);
        mean_dz += a * total.sum, mean_dzu += a * total.product;
      }
      for (int64_t c = g * width; c < (g + 1) * width; c++) {
        const double slope = -mean_dzu * inverse(n, c) * inverse(n, c);
        slopes[n * work.channels + c] = static_cast<float>(slope);
        constants[n * work.channels + c] = static_cast<float>(-mean_dz * inverse(n, c) - slope * mean(n, c));
      }
    }
  }

  void apply(int64_t n, int64_t k) {
    const int64_t row = n * work.channels, at = work.start_of(n, k);
    apply_loop(source + at, arriving + at, target + at, work.rows_of(k), work.channels, &factors[row], &offsets[row], &slopes[row],
               &constants[row]);
  }

 private:
  /// sum(dz) and sum(dz u) over the pixels of one channel of one image.
  struct Total {
    double sum, product;
  };

  const Work work;
  const Rows &rows;
  const at::Tensor dx;
  const Loops<T> &loops;
  const typename Loops<T>::GradientSums sums_loop;
  const typename Loops<T>::ApplyGradient apply_loop;
  const T *const source, *const arriving;
  T *const target;
  const double *const moments;
  const float *const weight, *const bias, *const scale, *const shift;
  const std::unique_ptr<float[]> factors, offsets, means, slopes, constants, sums, products;
  std::vector<Total> totals;

  std::unique_ptr<float[]> scratch() const { return shim::norm::scratch(work.images * work.channels); }

  const double *moments_of(int64_t n, int64_t c) const { return moments + (n * work.groups + c / (work.channels / work.groups)) * 2; }
  double mean(int64_t n, int64_t c) const { return moments_of(n, c)[0]; }
  double inverse(int64_t n, int64_t c) const { return moments_of(n, c)[1]; }
  double stretch(int64_t n, int64_t c) const { return scale ? 1.0 + scale[n * work.channels + c] : 1; }

  Total total_of(int64_t n, int64_t c) const {
    Total total{0, 0};
    for (int64_t k = 0; k < work.chunks; k++) {
      total.sum += sums[work.sums_at(n, k) + c];
      total.product += products[work.sums_at(n, k) + c];
    }
    // The products used the mean rounded to a float; correct for that rounding.
    total.product += total.sum * (means[n * work.channels + c] - mean(n, c));
    total.product *= inverse(n, c);
    return total;
  }

  const Total &total(int64_t n, int64_t c) const { return totals[static_cast<size_t>(n * work.channels + c)]; }

  /// The gradient of weight or bias.
  at::Tensor over_images(const at::Tensor &like, double Total::*part) const {
    if (!like.defined()) return {};
    at::Tensor out = at::empty_like(like);
    auto *values = static_cast<float *>(out.mutable_data_ptr());
    for (int64_t c = 0; c < work.channels; c++) {
      double sum = 0;
      for (int64_t n = 0; n < work.images; n++) sum += stretch(n, c) * (total(n, c).*part);
      values[c] = static_cast<float>(sum);
    }
    return out;
  }

  template <class Value> at::Tensor per_image(const at::Tensor &like, Value value) const {
    if (!like.defined()) return {};
    at::Tensor out = at::empty_like(like);
    auto *values = static_cast<float *>(out.mutable_data_ptr());
    for (int64_t n = 0; n < work.images; n++)
      for (int64_t c = 0; c < work.channels; c++) values[n * work.channels + c] = static_cast<float>(value(total(n, c), c));
    return out;
  }

  at::Tensor scale_gradient() const {
    return per_image(rows.scale, [&](const Total &t, int64_t c) {
      return (weight ? weight[c] : 1) * t.product + (bias ? bias[c] : 0) * t.sum;
    });
  }
  at::Tensor shift_gradient() const {
    return per_image(rows.shift, [](const Total &t, int64_t) { return t.sum; });
  }
};

}  // namespace

namespace shim::norm {

Gradients backward(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &statistics, const Rows &rows, ct_activation activation) {
  if (x.scalar_type() == at::kFloat) return Backward<float>(dy, x, statistics, rows, activation).run();
  return Backward<uint16_t>(dy, x, statistics, rows, activation).run();
}

}  // namespace shim::norm
