// Group norm, scale and shift, and activation in one pass over the image (Wu and He 2018; the scale and shift of Dhariwal
// and Nichol 2021). Composed of single operations it reads and writes the image up to ten times.
//
// Work is split over images and rows of pixels, by the shape alone: the sums do not depend on the number of threads.
#include "ctorch_internal.h"

#include <ATen/Parallel.h>

#include <cmath>
#include <cstring>

namespace {

template <class T> struct Loops {
  void (*moments)(const T *, int64_t pixels, int64_t width, int64_t channels, const float *pivot, float *sum, float *square);
  void (*plain)(const T *, T *, int64_t pixels, int64_t channels, const float *factor, const float *offset);
  void (*silu)(const T *, T *, int64_t pixels, int64_t channels, const float *factor, const float *offset);
};

namespace baseline {  // SSE2 on x86-64, NEON on Arm
#include "norm_kernel.h"
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
#include "norm_kernel.h"
}
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
namespace avx512 {
#include "norm_kernel.h"
}
#pragma clang attribute pop
#endif

template <class T> Loops<T> best_loops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return avx512::loops<T>();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::loops<T>();
#endif
  return baseline::loops<T>();
}

float widen(float value) { return value; }
float widen(uint16_t bits) {
  uint32_t word = static_cast<uint32_t>(bits) << 16;
  float value;
  memcpy(&value, &word, sizeof value);
  return value;
}

/// Rows of pixels that one task takes: enough to pay for its sums, few enough that one image keeps every core busy.
constexpr int64_t chunk = 64;

template <class T> class FusedNorm {
 public:
  FusedNorm(const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias, double eps,
            const at::Tensor &scale, const at::Tensor &shift, ct_activation activation)
      : images(x.size(0)), channels(x.size(1)), pixels(x.size(2) * x.size(3)), groups(groups), chunks((pixels + chunk - 1) / chunk),
        eps(eps), loops(best_loops<T>()), apply_loop(activation == CT_SILU ? loops.silu : loops.plain), scale_rows(rows(scale)),
        shift_rows(rows(shift)), y(at::empty_like(x)), source(static_cast<const T *>(x.const_data_ptr())),
        target(static_cast<T *>(y.mutable_data_ptr())), weight(pointer(weight)), bias(pointer(bias)), scale(pointer(scale_rows)),
        shift(pointer(shift_rows)), pivots(n_floats(images * channels)), sums(n_floats(images * chunks * channels)),
        squares(sums.size()), factors(pivots.size()), offsets(pivots.size()) {}

  at::Tensor run() {
    if (images >= at::get_num_threads()) {
      shim::parallel_for(images, 1, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; n++) whole_image(n);
      });
      return y;
    }
    auto over_chunks = [&](auto body) {
      shim::parallel_for(images * chunks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) body(i / chunks, i % chunks);
      });
    };
    for (int64_t n = 0; n < images; n++) choose_pivot(n);
    over_chunks([&](int64_t n, int64_t k) { measure(n, k); });
    for (int64_t n = 0; n < images; n++) combine(n);
    over_chunks([&](int64_t n, int64_t k) { apply(n, k); });
    return y;
  }

 private:
  int64_t images, channels, pixels, groups, chunks;
  double eps;
  Loops<T> loops;
  decltype(Loops<T>::plain) apply_loop;
  at::Tensor scale_rows, shift_rows, y;
  const T *source;
  T *target;
  const float *weight, *bias, *scale, *shift;
  std::vector<float> pivots, sums, squares, factors, offsets;

  static size_t n_floats(int64_t n) { return static_cast<size_t>(n); }
  static at::Tensor rows(const at::Tensor &t) { return t.defined() ? t.contiguous() : t; }
  static const float *pointer(const at::Tensor &t) { return t.defined() ? static_cast<const float *>(t.const_data_ptr()) : nullptr; }

  void whole_image(int64_t n) {
    choose_pivot(n);
    for (int64_t k = 0; k < chunks; k++) measure(n, k);
    combine(n);
    for (int64_t k = 0; k < chunks; k++) apply(n, k);
  }

  /// Deviations are summed from the first pixel's value, so that a large mean costs no digits of the variance.
  void choose_pivot(int64_t n) {
    for (int64_t c = 0; c < channels; c++) pivots[n * channels + c] = widen(source[n * pixels * channels + c]);
  }

  int64_t rows_of(int64_t k) const { return std::min(chunk, pixels - k * chunk); }
  int64_t start_of(int64_t n, int64_t k) const { return (n * pixels + k * chunk) * channels; }

  void measure(int64_t n, int64_t k) {
    int64_t at = (n * chunks + k) * channels;
    loops.moments(source + start_of(n, k), rows_of(k), channels, channels, &pivots[n * channels], &sums[at], &squares[at]);
  }

  /// From the sums of image n to one factor and one offset a channel.
  void combine(int64_t n) {
    const int64_t width = channels / groups;
    for (int64_t g = 0; g < groups; g++) {
      double mean = 0, spread = 0;
      for (int64_t c = g * width; c < (g + 1) * width; c++) {
        double sum = 0, square = 0;
        for (int64_t k = 0; k < chunks; k++) {
          sum += sums[(n * chunks + k) * channels + c];
          square += squares[(n * chunks + k) * channels + c];
        }
        // Chan, Golub and LeVeque 1983: this channel's mean and spread joined to those of the channels before it.
        double own = sum / pixels, seen = static_cast<double>(c - g * width), delta = pivots[n * channels + c] + own - mean;
        spread += square - sum * own + delta * delta * pixels * seen / (seen + 1);
        mean += delta / (seen + 1);
      }
      double deviation = 1 / std::sqrt(std::max(spread, 0.0) / static_cast<double>(width * pixels) + eps);
      for (int64_t c = g * width; c < (g + 1) * width; c++) scale_channel(n, c, mean, deviation);
    }
  }

  void scale_channel(int64_t n, int64_t c, double mean, double deviation) {
    double factor = deviation * (weight ? weight[c] : 1), offset = (bias ? bias[c] : 0) - mean * factor;
    if (scale) factor *= 1.0 + scale[n * channels + c], offset *= 1.0 + scale[n * channels + c];
    if (shift) offset += shift[n * channels + c];
    factors[n * channels + c] = static_cast<float>(factor);
    offsets[n * channels + c] = static_cast<float>(offset);
  }

  void apply(int64_t n, int64_t k) {
    int64_t at = start_of(n, k);
    apply_loop(source + at, target + at, rows_of(k), channels, &factors[n * channels], &offsets[n * channels]);
  }
};

}  // namespace

namespace shim {

at::Tensor group_norm_channels_last(const at::Tensor &x, int64_t groups, const at::Tensor &weight, const at::Tensor &bias,
                                    double eps, const at::Tensor &scale, const at::Tensor &shift, ct_activation activation) {
  for (const at::Tensor *t : {&scale, &shift})
    TORCH_CHECK(!t->defined() || t->numel() == x.size(0) * x.size(1), "scale and shift must have ", x.size(0), " rows of ", x.size(1));
  for (const at::Tensor *t : {&weight, &bias})
    TORCH_CHECK(!t->defined() || t->numel() == x.size(1), "weight and bias must have ", x.size(1), " elements, not ", t->numel());
  at::Tensor w = weight.defined() ? weight.contiguous() : weight, b = bias.defined() ? bias.contiguous() : bias;
  if (x.scalar_type() == at::kFloat) return FusedNorm<float>(x, groups, w, b, eps, scale, shift, activation).run();
  return FusedNorm<uint16_t>(x, groups, w, b, eps, scale, shift, activation).run();
}

}  // namespace shim
