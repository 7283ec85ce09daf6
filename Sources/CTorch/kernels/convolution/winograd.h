// Shared by the files of Winograd's convolution: shapes, operands, and the loops for this processor.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace shim::winograd {

/// Images [n, h, w, ci], channels last, whose convolution has co channels. Kernel 3 x 3, stride 1, padding 1.
struct Shape {
  int64_t n, h, w, ci, co;
  int64_t tiles_y() const { return (h + 3) / 4; }
  int64_t tiles_x() const { return (w + 3) / 4; }
  int64_t tiles() const { return n * tiles_y() * tiles_x(); }
};

/// Weights in any dense layout, by the strides of their axes. Input and output change places for the gradient of an input, whose
/// kernel is also rotated by half a turn.
struct Weights {
  const float *data;
  int64_t output, input, tap;
  bool rotated = false;
};

/// y = conv(x) + bias + rows + residual, each of which may be null; bias [co], rows [n, co], residual as y. residual may be y.
struct Convolution {
  Shape shape;
  const float *x;
  Weights weights;
  const float *bias, *rows, *residual;
  float *y;
  const float *zeros;  // at least as many as channels and lanes: pixels outside the image
  int64_t tiles;       // number of tiles whose products are held at once
};

/// What weights are differentiated for, float32 or bfloat16; sums are float32.
enum class Element { float32, bfloat16 };

struct WeightGradient {
  Shape shape;
  Element element;
  const void *x, *dy, *zeros;  // channels last; zeros: at least as many as channels and lanes
  int64_t tiles;               // in a block
};

/// The weight gradient is computed for this many inputs and outputs at a time, so that their sums stay in the second-level cache.
constexpr int64_t group_size = 64;
/// Floats between the sums of two points. A cache line more than they take, here and wherever points lie apart, so that not all of
/// them fall into the same sets of a cache.
constexpr int64_t sum_step = group_size * group_size + 16;
constexpr int64_t line = 16;
/// Floats of transformed weights that are held at once, if they are not transformed beforehand: 16 MiB.
constexpr int64_t weights_held = 4 << 20;

/// The loops of loops.h, compiled for one instruction set.
struct Loops {
  int64_t lanes, panel;  // floats of a vector; outputs that are computed together
  /// Transforms tiles [first, first + count) of the input to v, of `input_size(ci, count)` floats.
  void (*transform_input)(const Convolution &, int64_t first, int64_t count, float *v);
  /// Transforms the weights of one panel of outputs and of inputs [first, last) to u, of `panel_size(ci)` floats.
  void (*transform_weights)(const Shape &, const Weights &, int64_t panel, int64_t first, int64_t last, float *u);
  /// One panel of the output of tiles [first, first + count), from transformed input and weights. m: `products_size(tiles)` floats.
  void (*convolve_panel)(const Convolution &, int64_t first, int64_t count, int64_t panel, const float *v, const float *u, float *m);
  /// Adds up, over tiles [first, last), the products of the transformed gradient and input, of `group_size` channels each from
  /// `co` and `ci`: sums [36][group_size][group_size], bias_sums [group_size]. scratch: `gradient_size(tiles)` floats.
  using AddProducts = void(const WeightGradient &, int64_t co, int64_t ci, int64_t first, int64_t last, float *sums, float *bias_sums,
                           float *scratch);
  AddProducts *add_products, *add_products_bfloat16;
  /// The weight gradient from `parts` sums that lie `part_step` apart.
  void (*finish_gradient)(const Shape &, int64_t co, int64_t ci, const float *sums, int64_t parts, int64_t part_step, float *dw,
                          const Weights &layout);

  int64_t padded(int64_t channels) const { return (channels + lanes - 1) / lanes * lanes; }
  int64_t panels(int64_t co) const { return (co + panel - 1) / panel; }
  int64_t input_size(int64_t ci, int64_t count) const { return 36 * (count * padded(ci) + line); }
  int64_t panel_size(int64_t ci) const { return 36 * (padded(ci) * panel + line); }
  int64_t products_size(int64_t tiles) const { return 36 * tiles * panel; }
  static int64_t gradient_size(int64_t tiles) { return 72 * (tiles * group_size + line); }
};

/// The loops for this processor; null if there are none for it.
const Loops *best_loops();

/// y = conv(x) + addends. transformed: the weights as `transform_all` returns them; null to transform them in this call.
void convolve(const Loops &, const Convolution &, const float *transformed);
/// All panels of the weights, transformed: `panels(co) * panel_size(ci)` floats to u.
void transform_all(const Loops &, const Shape &, const Weights &, float *u);

/// dw in the given layout (its data is ignored), and db [co] unless null.
void weight_gradient(const Loops &, const Shape &, Element, const void *x, const void *dy, float *dw, const Weights &layout, float *db);

}  // namespace shim::winograd
