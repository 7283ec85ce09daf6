// The loops over tiles, compiled once for each instruction set: dispatch.cpp, which includes this file inside a namespace and a target
// attribute, defines VF, a vector of W floats, and ROWS, the rows of the product that the registers hold.
#include "transforms.h"

constexpr int NR = 2 * W;  // columns of the product: a panel

/// C = A B, or += : A of R rows is read by scalars, B by panel rows of NR. K runs over `blocks` of `inner`.
/// `ahead` floats after B is what comes next: brought to the second-level cache meanwhile.
template <int R, int ROW, int K, bool ADD>
static void product_rows(int64_t blocks, int64_t inner, const float *a, int64_t a_block, const float *b, int64_t ahead, float *c,
                         int64_t c_row) {
  VF c0[R], c1[R];
  UNROLL for (int i = 0; i < R; i++) {
    if constexpr (ADD) load(c + i * c_row, c0[i]), load(c + i * c_row + W, c1[i]);
    else c0[i] = c1[i] = VF{};
  }
  for (; blocks > 0; blocks--, a += a_block) {
    const float *p = a;
#pragma clang loop unroll_count(4)
    for (int64_t k = 0; k < inner; k++, p += K, b += NR) {
      VF b0, b1;
      load(b, b0), load(b + W, b1);
      if (!ADD && ROW == W) __builtin_prefetch(b + ahead, 0, 2);
      if (!ADD && ROW == W && W == 16) __builtin_prefetch(b + ahead + W, 0, 2);
      UNROLL for (int i = 0; i < R; i++) {
        const VF s = p[i * ROW] - VF{};  // the number in every lane: unlike 0 + x, x - 0 is x, and costs nothing
        c0[i] = FMA(s, b0, c0[i]);
        c1[i] = FMA(s, b1, c1[i]);
      }
    }
  }
  UNROLL for (int i = 0; i < R; i++) store(c + i * c_row, c0[i]), store(c + i * c_row + W, c1[i]);
}

/// C of `rows` rows in even groups of at most ROWS.
template <int ROW, int K, bool ADD>
static void multiply(int64_t rows, int64_t blocks, int64_t inner, const float *a, int64_t a_block, const float *b, int64_t ahead, float *c,
                     int64_t c_row) {
  using Rows = void (*)(int64_t, int64_t, const float *, int64_t, const float *, int64_t, float *, int64_t);
  static constexpr auto table = []<size_t... I>(std::index_sequence<I...>) {
    return std::array<Rows, sizeof...(I)>{&product_rows<I + 1, ROW, K, ADD>...};
  }(std::make_index_sequence<ROWS>());
  for (int64_t groups = (rows + ROWS - 1) / ROWS, done = 0; groups > 0; groups--) {
    const int64_t now = (rows - done + groups - 1) / groups;
    table[static_cast<size_t>(now - 1)](blocks, inner, a + done * ROW, a_block, b, ahead, c + done * c_row, c_row);
    done += now;
  }
}

/// Where a tile lies.
struct Tile {
  int64_t image, y, x;
};

INLINE Tile tile_at(const Shape &s, int64_t index) {
  return {index / (s.tiles_y() * s.tiles_x()), index / s.tiles_x() % s.tiles_y() * 4, index % s.tiles_x() * 4};
}

/// The addresses of N x N pixels from (top, left) of a tile's image, at a channel; zeros for those outside.
template <int N, class T>
INLINE void pixels(const Shape &s, int64_t channels, int64_t channel, const T *x, const T *zeros, int64_t image, int64_t top, int64_t left,
                   const T **out) {
  const T *from = x + ((image * s.h + top) * s.w + left) * channels + channel;
  const int64_t row = s.w * channels;
  const bool inside = top >= 0 && left >= 0 && top + N <= s.h && left + N <= s.w;
  for (int64_t i = 0; i < N; i++, from += row)
    for (int64_t j = 0; j < N; j++)
      *out++ = inside || (top + i >= 0 && top + i < s.h && left + j >= 0 && left + j < s.w) ? from + j * channels : zeros;
}

/// Copies the n channels from `c` of COUNT pixels into whole vectors, the other lanes zero, and points `from` to them.
template <int COUNT, class T> static __attribute__((noinline)) void pad_channels(const T **from, int64_t c, int64_t n, T *padded) {
  memset(padded, 0, COUNT * W * sizeof(T));
  for (int i = 0; i < COUNT; i++) {
    memcpy(padded + i * W, from[i] + c, static_cast<size_t>(n) * sizeof(T));
    from[i] = padded + i * W;
  }
}

template <int HALF, class T> INLINE void input_half(const Constants &k, const T **from, int64_t c, float *to, int64_t point_step) {
  VF half[18], d[6], o[6];
  UNROLL for (int j = 0; j < 6; j++) {
    UNROLL for (int i = HALF; i < 5 + HALF; i++) load(from[i * 6 + j] + c, d[i]);
    input_half6<HALF>(k, d, half + j, 6);
  }
  UNROLL for (int i = 0; i < 3; i++) {
    input6(k, half + i * 6, o);
    UNROLL for (int j = 0; j < 6; j++) store(to + ((i + HALF * 3) * 6 + j) * point_step, o[j]);
  }
}

/// Transforms the 6 x 6 of a tile, whole vectors of channels [begin, end) of `from`, to places STEP channels wide, `group_step` apart.
template <int STEP, class T>
static __attribute__((noinline)) void input_vectors(const T **from, int64_t begin, int64_t end, float *v, int64_t point_step,
                                                    int64_t group_step) {
  Constants k;
  set(k);
  for (int64_t c = begin; c < end; c += W) {
    float *to = v + c / STEP * group_step + c % STEP;
    input_half<0>(k, from, c, to, point_step);
    input_half<1>(k, from, c, to, point_step);
  }
}

/// Transforms the 6 x 6 of a tile, channels [ci, ci + count): for each point, groups of STEP channels `group_step` apart. Lanes after
/// the last channel become zero.
template <int STEP, class T>
static void input_tile(const Shape &s, const T *x, const T *zeros, int64_t index, int64_t ci, int64_t count, float *v,
                       int64_t point_step, int64_t group_step) {
  const T *from[36];
  const Tile t = tile_at(s, index);
  pixels<6>(s, s.ci, ci, x, zeros, t.image, t.y - 1, t.x - 1, from);
  const int64_t whole = count / W * W;
  input_vectors<STEP>(from, 0, whole, v, point_step, group_step);
  if (whole == count) return;
  T padded[36 * W];
  pad_channels<36>(from, whole, count - whole, padded);
  input_vectors<STEP>(from, 0, W, v + whole / STEP * group_step + whole % STEP, point_step, group_step);
}

template <int HALF, class T> INLINE void gradient_half(const Constants &k, const T **from, int64_t c, float *to, int64_t point_step) {
  VF half[12], g[4], o[6];
  UNROLL for (int j = 0; j < 4; j++) {
    UNROLL for (int i = 0; i < 4; i++) load(from[i * 4 + j] + c, g[i]);
    filter_half4<HALF>(k, g, half + j, 4);
  }
  UNROLL for (int i = 0; i < 3; i++) {
    filter_half4<0>(k, half + i * 4, o, 1), filter_half4<1>(k, half + i * 4, o + 3, 1);
    UNROLL for (int j = 0; j < 6; j++) store(to + ((i + HALF * 3) * 6 + j) * point_step, o[j]);
  }
}

/// Transforms a tile's 4 x 4 of the output's gradient, whole vectors of channels [begin, end) of `from`, and sums it up for the bias.
template <class T>
static __attribute__((noinline)) void gradient_vectors(const T **from, int64_t begin, int64_t end, float *u, int64_t point_step, float *sum) {
  Constants k;
  set(k);
  for (int64_t c = begin; c < end; c += W) {
    VF total[4] = {}, value;
    load(sum + c, total[0]);
    UNROLL for (int i = 0; i < 16; i++) load(from[i] + c, value), total[i % 4] = total[i % 4] + value;
    store(sum + c, (total[0] + total[1]) + (total[2] + total[3]));
    gradient_half<0>(k, from, c, u + c, point_step);
    gradient_half<1>(k, from, c, u + c, point_step);
  }
}

/// Transforms a tile's 4 x 4 of the output's gradient, channels [co, co + count).
template <class T>
static void gradient_tile(const Shape &s, const T *dy, const T *zeros, int64_t index, int64_t co, int64_t count, float *u,
                          int64_t point_step, float *sum) {
  const T *from[16];
  const Tile t = tile_at(s, index);
  pixels<4>(s, s.co, co, dy, zeros, t.image, t.y, t.x, from);
  const int64_t whole = count / W * W;
  gradient_vectors(from, 0, whole, u, point_step, sum);
  if (whole == count) return;
  T padded[16 * W];
  pad_channels<16>(from, whole, count - whole, padded);
  gradient_vectors(from, 0, W, u + whole, point_step, sum + whole);
}

template <bool PART> INLINE void load_lanes(const float *from, int64_t n, VF &v) {
  if constexpr (PART) load_part(from, n, v);
  else load(from, v);
}

/// Transforms a tile of products, [36][NR], back to 4 x 4 pixels of W channels from `co`, or of n if PART.
template <bool PART>
static __attribute__((noinline)) void output_tile(const Convolution &f, const float *m, const Tile &t, int64_t co, int64_t n) {
  Constants k;
  set(k);
  VF half[24], d[6], o[16], constant = {}, more;
  UNROLL for (int j = 0; j < 6; j++) {
    UNROLL for (int i = 0; i < 6; i++) load(m + (i * 6 + j) * NR, d[i]);
    output4(k, d, half + j, 6);
  }
  UNROLL for (int i = 0; i < 4; i++) output4(k, half + i * 6, o + i * 4, 1);
  const Shape &s = f.shape;
  if (f.bias) load_lanes<PART>(f.bias + co, n, more), constant = constant + more;
  if (f.rows) load_lanes<PART>(f.rows + t.image * s.co + co, n, more), constant = constant + more;
  const int64_t rows = s.h - t.y, columns = s.w - t.x;
  const int64_t at = ((t.image * s.h + t.y) * s.w + t.x) * s.co + co, row = s.w * s.co;
  UNROLL for (int i = 0; i < 16; i++) {
    if (i / 4 >= rows || i % 4 >= columns) continue;
    VF r = o[i] + constant;
    const int64_t to = at + i / 4 * row + i % 4 * s.co;
    if (f.residual) load_lanes<PART>(f.residual + to, n, more), r = r + more;
    if constexpr (PART) store_part(f.y + to, n, r);
    else store(f.y + to, r);
  }
}

INLINE int64_t padded(int64_t channels) { return (channels + W - 1) / W * W; }

static void transform_input(const Convolution &f, int64_t first, int64_t count, float *v) {
  const int64_t group_step = count * W, point_step = padded(f.shape.ci) / W * group_step + line;
  for (int64_t t = 0; t < count; t++) input_tile<W>(f.shape, f.x, f.zeros, first + t, 0, f.shape.ci, v + t * W, point_step, group_step);
}

static void convolve_panel(const Convolution &f, int64_t first, int64_t count, int64_t panel, const float *v, const float *u, float *m) {
  const Shape &s = f.shape;
  const int64_t inputs = padded(s.ci), group_step = count * W, point_step = inputs / W * group_step + line, weight_step = inputs * NR + line;
  for (int64_t chunks = (count + f.tiles - 1) / f.tiles, done = 0; chunks > 0; chunks--) {
    const int64_t now = (count - done + chunks - 1) / chunks;
    for (int64_t p = 0; p < 36; p++)
      multiply<W, 1, false>(now, inputs / W, W, v + p * point_step + done * W, group_step, u + p * weight_step, weight_step, m + p * NR,
                            36 * NR);
    for (int64_t t = 0; t < now; t++) {
      const Tile tile = tile_at(s, first + done + t);
      for (int64_t co = panel * NR; co < s.co && co < (panel + 1) * NR; co += W)
        (s.co - co < W ? output_tile<true> : output_tile<false>)(f, m + t * 36 * NR + co % NR, tile, co, s.co - co);
    }
    done += now;
  }
}

/// Copies W outputs by W inputs of the weights, [9][input][output], zero where there are none.
INLINE void stage_weights(const Shape &s, const Weights &w, int64_t output, int64_t input, float *staged) {
  const int64_t outputs = s.co - output < W ? s.co - output : W, inputs = s.ci - input < W ? s.ci - input : W;
  if (outputs < W || inputs < W) memset(staged, 0, 9 * W * W * sizeof(float));
  for (int64_t o = 0; o < outputs; o++)
    for (int64_t i = 0; i < inputs; i++) {
      const float *from = w.data + (output + o) * w.output + (input + i) * w.input;
      UNROLL for (int64_t tap = 0; tap < 9; tap++) staged[(tap * W + i) * W + o] = from[(w.rotated ? 8 - tap : tap) * w.tap];
    }
}

static void transform_weights(const Shape &s, const Weights &w, int64_t panel, int64_t first, int64_t last, float *u) {
  Constants k;
  set(k);
  const int64_t weight_step = padded(s.ci) * NR + line;
  float staged[9 * W * W];
  for (int64_t half_panel = 0; half_panel < NR; half_panel += W)
    for (int64_t begin = first; begin < last; begin += W) {
      if (panel * NR + half_panel < s.co) stage_weights(s, w, panel * NR + half_panel, begin, staged);
      else memset(staged, 0, sizeof staged);
      for (int64_t i = 0; i < W; i++) {
        VF half[18], o[6];
        UNROLL for (int j = 0; j < 3; j++) {
          VF column[3];
          UNROLL for (int r = 0; r < 3; r++) load(staged + ((r * 3 + j) * W + i) * W, column[r]);
          filter3(k, column, half + j, 3);
        }
        float *to = u + (begin + i) * NR + half_panel;
        UNROLL for (int r = 0; r < 6; r++, to += 6 * weight_step) {
          filter3(k, half + r * 3, o, 1);
          UNROLL for (int j = 0; j < 6; j++) store(to + j * weight_step, o[j]);
        }
      }
    }
}

/// The part of a group from `at` that exists.
INLINE int64_t in_group(int64_t at, int64_t channels) { return channels - at < group_size ? channels - at : group_size; }

/// scratch: input [36][group_size / NR][tiles][NR], gradient [36][tiles][group_size].
template <class T>
static void add_products(const WeightGradient &f, int64_t co, int64_t ci, int64_t first, int64_t last, float *sums, float *bias_sums,
                         float *scratch) {
  const Shape &s = f.shape;
  const int64_t outputs = in_group(co, s.co), inputs = in_group(ci, s.ci);
  const T *x = static_cast<const T *>(f.x), *dy = static_cast<const T *>(f.dy), *zeros = static_cast<const T *>(f.zeros);
  memset(bias_sums, 0, group_size * sizeof(float));
  for (int64_t begin = first; begin < last; begin += f.tiles) {
    const int64_t tiles = last - begin < f.tiles ? last - begin : f.tiles;
    const int64_t panel_step = tiles * NR, point_step = tiles * group_size + line;
    float *v = scratch, *g = v + 36 * point_step;
    if (inputs % NR) memset(v, 0, static_cast<size_t>(36 * point_step) * sizeof(float));
    for (int64_t t = 0; t < tiles; t++) {
      input_tile<NR>(s, x, zeros, begin + t, ci, inputs, v + t * NR, point_step, panel_step);
      gradient_tile(s, dy, zeros, begin + t, co, outputs, g + t * group_size, point_step, bias_sums);
    }
    for (int64_t p = 0; p < 36; p++)
      for (int64_t i = 0; i < inputs; i += NR) {
        const float *a = g + p * point_step, *b = v + p * point_step + i / NR * panel_step;
        float *c = sums + p * sum_step + i;
        if (begin == first) multiply<1, group_size, false>(outputs, 1, tiles, a, 0, b, 0, c, group_size);
        else multiply<1, group_size, true>(outputs, 1, tiles, a, 0, b, 0, c, group_size);
      }
  }
}

/// Transforms the sums of one output and W inputs to 3 x 3, [9][W].
INLINE void gradient_taps(const Constants &k, const float *sums, int64_t parts, int64_t part_step, float *taps) {
  VF half[18], d[6], o[3], more;
  UNROLL for (int j = 0; j < 6; j++) {
    UNROLL for (int i = 0; i < 6; i++) {
      const float *from = sums + (i * 6 + j) * sum_step;
      load(from, d[i]);
      for (int64_t part = 1; part < parts; part++) load(from + part * part_step, more), d[i] = d[i] + more;
    }
    output3(k, d, half + j, 6);
  }
  UNROLL for (int i = 0; i < 3; i++) {
    output3(k, half + i * 6, o, 1);
    UNROLL for (int j = 0; j < 3; j++) store(taps + (i * 3 + j) * W, o[j]);
  }
}

static void finish_gradient(const Shape &s, int64_t co, int64_t ci, const float *sums, int64_t parts, int64_t part_step, float *dw,
                            const Weights &layout) {
  Constants k;
  set(k);
  const int64_t outputs = in_group(co, s.co), inputs = in_group(ci, s.ci);
  float taps[9 * W];
  for (int64_t output = 0; output < outputs; output++)
    for (int64_t c = 0; c < inputs; c += W) {
      gradient_taps(k, sums + output * group_size + c, parts, part_step, taps);
      for (int64_t i = 0; i < W && c + i < inputs; i++) {
        float *to = dw + (co + output) * layout.output + (ci + c + i) * layout.input;
        UNROLL for (int64_t tap = 0; tap < 9; tap++) to[tap * layout.tap] = taps[tap * W + i];
      }
    }
}

static constexpr Loops loops = {
    W, NR, transform_input, transform_weights, convolve_panel, add_products<float>, add_products<uint16_t>, finish_gradient};
#undef INLINE
#undef UNROLL
#undef FMA
#undef FNMA
