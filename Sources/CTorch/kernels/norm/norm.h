// Shared by the passes of the fused norms: how the work is split, and the loops for this processor.
//
//     y = activation(z),  z = (w (x - mean) / deviation + b) (1 + scale) + shift = x factor + offset
#pragma once
#include "../../support/ctorch_internal.h"

#include <algorithm>
#include <memory>

namespace shim::norm {

/// The loops of loops.h, compiled for one instruction set; T is float, or uint16_t for the bits of a bfloat16.
template <class T> struct Loops {
  using Moments = void (*)(const T *x, int64_t pixels, int64_t channels, const float *pivot, float *sum, float *square);
  using Apply = void (*)(const T *x, T *y, int64_t pixels, int64_t channels, const float *factor, const float *offset);
  using GradientSums = void (*)(const T *x, const T *dy, int64_t pixels, int64_t channels, const float *factor, const float *offset,
                                const float *pivot, float *sum, float *product);
  using ApplyGradient = void (*)(const T *x, const T *dy, T *dx, int64_t pixels, int64_t channels, const float *factor,
                                 const float *offset, const float *slope, const float *constant);
  using ApplyPixels = void (*)(const T *x, T *y, int64_t pixels, int64_t channels, float eps, const float *factor, const float *offset);
  using PixelGradients = void (*)(const T *x, const T *dy, T *dx, int64_t pixels, int64_t channels, float eps, const float *factor,
                                  const float *offset, float *sum, float *product, float *row);
  Moments moments;
  Apply apply[2];  // by ct_activation, as the following
  GradientSums gradient_sums[2];
  ApplyGradient apply_gradient[2];
  ApplyPixels apply_pixels[2];
  PixelGradients pixel_gradients[2];
};

template <class T> const Loops<T> &best_loops();

/// The operands other than the image, contiguous and float32, or undefined: weight and bias [C], scale and shift [N, C].
struct Rows {
  at::Tensor weight, bias, scale, shift;
};

inline const float *floats(const at::Tensor &t) { return t.defined() ? static_cast<const float *>(t.const_data_ptr()) : nullptr; }

/// Uninitialised scratch memory.
inline std::unique_ptr<float[]> scratch(int64_t count) { return std::unique_ptr<float[]>(new float[static_cast<size_t>(count)]); }

/// How the work on a batch of images [N, C, H, W], channels-last, is split: by the shape alone, never by the number of threads,
/// so that sums do not depend on it.
struct Work {
  /// Pixels per chunk: enough to pay for the overhead of its sums, few enough that one image keeps all cores busy.
  static constexpr int64_t chunk = 64;
  int64_t images, channels, pixels, groups, chunks;

  Work(const at::Tensor &x, int64_t groups)
      : images(x.size(0)), channels(x.size(1)), pixels(x.size(2) * x.size(3)), groups(groups), chunks((pixels + chunk - 1) / chunk) {}

  int64_t rows_of(int64_t k) const { return std::min(chunk, pixels - k * chunk); }
  int64_t start_of(int64_t n, int64_t k) const { return (n * pixels + k * chunk) * channels; }
  int64_t sums_at(int64_t n, int64_t k) const { return (n * chunks + k) * channels; }

  /// For each image: prepare(n), measure(n, k) for each of its chunks, combine(n), apply(n, k) for each chunk. Runs images in
  /// parallel, so that each stays in its core's cache, or chunks if there are too few images.
  template <class Pass> void run(Pass &pass) const;
};

int thread_count();

template <class Pass> void Work::run(Pass &pass) const {
  const int64_t threads = thread_count();
  if (images % threads == 0 || images >= 4 * threads) {
    parallel_for(images, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++) {
        pass.prepare(n);
        for (int64_t k = 0; k < chunks; k++) pass.measure(n, k);
        pass.combine(n);
        for (int64_t k = 0; k < chunks; k++) pass.apply(n, k);
      }
    });
    return;
  }
  auto over_chunks = [&](auto body) {
    parallel_for(images * chunks, 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) body(i / chunks, i % chunks);
    });
  };
  for (int64_t n = 0; n < images; n++) pass.prepare(n);
  over_chunks([&](int64_t n, int64_t k) { pass.measure(n, k); });
  for (int64_t n = 0; n < images; n++) pass.combine(n);
  over_chunks([&](int64_t n, int64_t k) { pass.apply(n, k); });
}

/// The result for x, float32 or bfloat16, channels-last on the CPU; and, if wanted, mean and 1 / standard deviation of each image
/// and group, float64 [N, G, 2].
at::Tensor forward(const at::Tensor &x, int64_t groups, const Rows &rows, double eps, ct_activation, at::Tensor *statistics);

/// The gradients of x and rows, given the result's gradient dy of x's dtype and layout; undefined where a row is undefined.
struct Gradients {
  at::Tensor x;
  Rows rows;
};
Gradients backward(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &statistics, const Rows &rows, ct_activation);

/// What networks call: the fused kernels, with their gradient, where they apply, else a composition of libtorch's operations.
at::Tensor group_norm(const at::Tensor &x, int64_t groups, const Rows &rows, double eps, ct_activation);

/// The same with means and deviations over the channels of each pixel, a layer norm (Ba, Kiros and Hinton 2016).
at::Tensor pixel_norm(const at::Tensor &x, const Rows &rows, double eps, ct_activation);

}  // namespace shim::norm
