// Group norm, scale and shift, and activation in one pass over the image (Wu and He 2018; the scale and shift of Dhariwal
// and Nichol 2021). As a composition of single operations it would read and write the image up to ten times.
#include "norm.h"

#include <cmath>
#include <cstring>

namespace {

using shim::norm::Loops;
using shim::norm::Rows;
using shim::norm::Work;

float widen(float value) { return value; }
float widen(uint16_t bits) {
  uint32_t word = static_cast<uint32_t>(bits) << 16;
  float value;
  memcpy(&value, &word, sizeof value);
  return value;
}

template <class T> class Forward {
 public:
  Forward(const at::Tensor &x, int64_t groups, const Rows &rows, double eps, ct_activation activation)
      : y(at::empty_like(x)), statistics(at::empty({x.size(0), groups, 2}, at::kDouble)), work(x, groups), eps(eps),
        loops(shim::norm::best_loops<T>()), apply_loop(loops.apply[activation]), source(static_cast<const T *>(x.const_data_ptr())),
        target(static_cast<T *>(y.mutable_data_ptr())), moments(static_cast<double *>(statistics.mutable_data_ptr())),
        weight(shim::norm::floats(rows.weight)), bias(shim::norm::floats(rows.bias)), scale(shim::norm::floats(rows.scale)),
        shift(shim::norm::floats(rows.shift)), pivots(shim::norm::scratch(work.images * work.channels)),
        factors(shim::norm::scratch(work.images * work.channels)), offsets(shim::norm::scratch(work.images * work.channels)),
        sums(shim::norm::scratch(work.images * work.chunks * work.channels)),
        squares(shim::norm::scratch(work.images * work.chunks * work.channels)) {}

  at::Tensor y, statistics;

  void run() { work.run(*this); }

  /// Deviations are taken from the first pixel's value, so that a large mean costs the variance no digits.
  void prepare(int64_t n) {
    for (int64_t c = 0; c < work.channels; c++) pivots[n * work.channels + c] = widen(source[work.start_of(n, 0) + c]);
  }

  void measure(int64_t n, int64_t k) {
    int64_t at = work.sums_at(n, k);
    loops.moments(source + work.start_of(n, k), work.rows_of(k), work.channels, &pivots[n * work.channels], &sums[at], &squares[at]);
  }

  /// Computes one factor and one offset per channel from the sums of image n.
  void combine(int64_t n) {
    const int64_t width = work.channels / work.groups;
    for (int64_t g = 0; g < work.groups; g++) {
      double mean = 0, spread = 0;
      for (int64_t c = g * width; c < (g + 1) * width; c++) {
        double sum = 0, square = 0;
        for (int64_t k = 0; k < work.chunks; k++) sum += sums[work.sums_at(n, k) + c], square += squares[work.sums_at(n, k) + c];
        // Merges this channel's mean and spread with those of the channels before it (Chan, Golub and LeVeque 1983).
        double pixels = static_cast<double>(work.pixels), seen = static_cast<double>(c - g * width);
        double own = sum / pixels, delta = pivots[n * work.channels + c] + own - mean;
        spread += square - sum * own + delta * delta * pixels * seen / (seen + 1);
        mean += delta / (seen + 1);
      }
      double inverse = 1 / std::sqrt(std::max(spread, 0.0) / static_cast<double>(width * work.pixels) + eps);
      for (int64_t c = g * width; c < (g + 1) * width; c++) set_channel(n, c, mean, inverse);
      moments[(n * work.groups + g) * 2] = mean, moments[(n * work.groups + g) * 2 + 1] = inverse;
    }
  }

  void apply(int64_t n, int64_t k) {
    int64_t at = work.start_of(n, k);
    apply_loop(source + at, target + at, work.rows_of(k), work.channels, &factors[n * work.channels], &offsets[n * work.channels]);
  }

 private:
  const Work work;
  const double eps;
  const Loops<T> &loops;
  const typename Loops<T>::Apply apply_loop;
  const T *const source;
  T *const target;
  double *const moments;
  const float *const weight, *const bias, *const scale, *const shift;
  const std::unique_ptr<float[]> pivots, factors, offsets, sums, squares;

  void set_channel(int64_t n, int64_t c, double mean, double inverse) {
    const int64_t at = n * work.channels + c;
    const double factor = inverse * (weight ? weight[c] : 1), offset = (bias ? bias[c] : 0) - mean * factor;
    const double stretch = scale ? 1.0 + scale[at] : 1;
    factors[at] = static_cast<float>(factor * stretch);
    offsets[at] = static_cast<float>(offset * stretch + (shift ? shift[at] : 0));
  }
};

template <class T>
at::Tensor normalise(const at::Tensor &x, int64_t groups, const Rows &rows, double eps, ct_activation activation, at::Tensor *statistics) {
  Forward<T> pass(x, groups, rows, eps, activation);
  pass.run();
  if (statistics) *statistics = pass.statistics;
  return pass.y;
}

}  // namespace

namespace shim::norm {

at::Tensor forward(const at::Tensor &x, int64_t groups, const Rows &rows, double eps, ct_activation activation, at::Tensor *statistics) {
  if (x.scalar_type() == at::kFloat) return normalise<float>(x, groups, rows, eps, activation, statistics);
  return normalise<uint16_t>(x, groups, rows, eps, activation, statistics);
}

}  // namespace shim::norm
