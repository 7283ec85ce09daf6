// The loops of the fused norms, compiled once per instruction set (see dispatch.cpp, which includes this file inside a
// namespace and a target attribute). They use vectors of 16 floats, which the compiler maps to the target's registers.

using Floats = float __attribute__((vector_size(64)));
using Words = uint32_t __attribute__((vector_size(64)));
using Signed = int32_t __attribute__((vector_size(64)));
using Halves = uint16_t __attribute__((vector_size(32)));
constexpr int64_t lanes = 16;

#define INLINE static inline __attribute__((always_inline))

INLINE void load(const float *from, Floats &out) { memcpy(&out, from, sizeof out); }

INLINE void load(const uint16_t *from, Floats &out) {
  Halves half;
  memcpy(&half, from, sizeof half);
  Words word = __builtin_convertvector(half, Words) << 16;
  memcpy(&out, &word, sizeof out);
}

INLINE void store(float *to, const Floats &value) { memcpy(to, &value, sizeof value); }

/// Rounds to nearest, ties to even; NaN stays NaN.
INLINE void store(uint16_t *to, const Floats &value) {
#ifdef NORM_KERNEL_BFLOAT16
  __m256bh half = _mm512_cvtneps_pbh((__m512)value);
  memcpy(to, &half, sizeof half);
#else
  Words bits;
  memcpy(&bits, &value, sizeof bits);
  Words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  Signed nan = value != value;
  Words mask;
  memcpy(&mask, &nan, sizeof mask);
  Halves half = __builtin_convertvector((rounded & ~mask) | (0x7fc0u & mask), Halves);
  memcpy(to, &half, sizeof half);
#endif
}

/// 1 / x within 2 units in the last place.
INLINE void invert(Floats &x) {
#ifdef NORM_KERNEL_AVX512
  __m512 guess = _mm512_rcp14_ps((__m512)x);  // and a step of Newton's method: cheaper than a division
  x = (Floats)_mm512_mul_ps(guess, _mm512_fnmadd_ps((__m512)x, guess, _mm512_set1_ps(2.0f)));
#else
  x = 1.0f / x;
#endif
}

template <class T> INLINE void load_part(const T *from, int64_t count, Floats &out) {
  T buffer[lanes] = {};
  memcpy(buffer, from, static_cast<size_t>(count) * sizeof(T));
  load(buffer, out);
}

template <class T> INLINE void store_part(T *to, int64_t count, const Floats &value) {
  T buffer[lanes];
  store(buffer, value);
  memcpy(to, buffer, static_cast<size_t>(count) * sizeof(T));
}

/// e^x within 2 units in the last place: x = n ln 2 + r, a polynomial for e^r, the exponent put together from n.
INLINE void exponential(Floats &x) {
  x = __builtin_elementwise_min(__builtin_elementwise_max(x, Floats{} - 87.0f), Floats{} + 88.0f);
  const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  Floats n = (x * 1.44269504f + shift) - shift;
  Floats r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Signed exponent = (__builtin_convertvector(n, Signed) + 127) << 23;
  Floats power;
  memcpy(&power, &exponent, sizeof power);
  x = p * power;
}

template <ct_activation activation> INLINE void activate(Floats &v) {
  if constexpr (activation == CT_SILU) {
    Floats e = -v;
    exponential(e);
    e += 1.0f;
    invert(e);
    v *= e;
  }
}

/// d becomes d times the derivative of the activation at v.
template <ct_activation activation> INLINE void activate_gradient(const Floats &v, Floats &d) {
  if constexpr (activation == CT_SILU) {
    Floats sigmoid = -v;
    exponential(sigmoid);
    sigmoid += 1.0f;
    invert(sigmoid);
    d = d * sigmoid * (1.0f + v * (1.0f - sigmoid));
  }
}

/// Calls step(c, n) for every block of channels: n is lanes, and fewer for the last block where channels are not a multiple.
template <class Step> INLINE void over_blocks(int64_t channels, Step step) {
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) step(c, lanes);
  if (c < channels) step(c, channels - c);
}

template <class T> INLINE void load_block(const T *from, int64_t n, Floats &out) {
  n == lanes ? load(from, out) : load_part(from, n, out);
}

template <class T> INLINE void store_block(T *to, int64_t n, const Floats &value) {
  n == lanes ? store(to, value) : store_part(to, n, value);
}

/// x - pivot and its square, summed over `pixels` rows of channels.
template <class T> static void moments(const T *x, int64_t pixels, int64_t channels, const float *pivot, float *sum, float *square) {
  int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) {  // a cache line or two of each row, and chains of additions side by side
    Floats p[4], s[4] = {}, q[4] = {};
    for (int k = 0; k < 4; k++) load(pivot + c + k * lanes, p[k]);
    for (int64_t i = 0; i < pixels; i++)
      for (int k = 0; k < 4; k++) {
        Floats v;
        load(x + i * channels + c + k * lanes, v);
        v -= p[k];
        s[k] += v;
        q[k] += v * v;
      }
    for (int k = 0; k < 4; k++) store(sum + c + k * lanes, s[k]), store(square + c + k * lanes, q[k]);
  }
  over_blocks(channels - c, [&](int64_t b, int64_t n) __attribute__((always_inline)) {
    Floats p, s = {}, q = {};
    load_block(pivot + c + b, n, p);
    for (int64_t i = 0; i < pixels; i++) {
      Floats v;
      load_block(x + i * channels + c + b, n, v);
      v -= p;
      s += v;
      q += v * v;
    }
    store_block(sum + c + b, n, s), store_block(square + c + b, n, q);
  });
}

/// y = activation(x * factor + offset) over `pixels` rows of channels.
template <class T, ct_activation activation>
static void apply(const T *x, T *y, int64_t pixels, int64_t channels, const float *factor, const float *offset) {
  for (int64_t i = 0; i < pixels; i++, x += channels, y += channels)
    over_blocks(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
      Floats v, a, b;
      load_block(x + c, n, v), load_block(factor + c, n, a), load_block(offset + c, n, b);
      v = v * a + b;
      activate<activation>(v);
      store_block(y + c, n, v);
    });
}

/// With dz = dy activation'(x * factor + offset): dz and dz (x - pivot), summed over `pixels` rows of channels.
template <class T, ct_activation activation>
static void gradient_sums(const T *x, const T *dy, int64_t pixels, int64_t channels, const float *factor, const float *offset,
                          const float *pivot, float *sum, float *product) {
  over_blocks(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    Floats a, b, p, s = {}, q = {};
    load_block(factor + c, n, a), load_block(offset + c, n, b), load_block(pivot + c, n, p);
    for (int64_t i = 0; i < pixels; i++) {
      Floats v, d;
      load_block(x + i * channels + c, n, v), load_block(dy + i * channels + c, n, d);
      activate_gradient<activation>(v * a + b, d);
      s += d;
      q += d * (v - p);
    }
    store_block(sum + c, n, s), store_block(product + c, n, q);
  });
}

/// dx = dz * factor + x * slope + constant, with dz as above.
template <class T, ct_activation activation>
static void apply_gradient(const T *x, const T *dy, T *dx, int64_t pixels, int64_t channels, const float *factor, const float *offset,
                           const float *slope, const float *constant) {
  for (int64_t i = 0; i < pixels; i++, x += channels, dy += channels, dx += channels)
    over_blocks(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
      Floats v, d, a, b, p, q;
      load_block(x + c, n, v), load_block(dy + c, n, d), load_block(factor + c, n, a), load_block(offset + c, n, b);
      load_block(slope + c, n, p), load_block(constant + c, n, q);
      activate_gradient<activation>(v * a + b, d);
      d = d * a + (v * p + q);
      store_block(dx + c, n, d);
    });
}

/// The sum of the lanes.
INLINE float total(const Floats &v) {
  auto eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  auto four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

/// Mean and 1 / standard deviation of a pixel's channels.
template <class T> INLINE void measure_pixel(const T *x, int64_t channels, float eps, float &mean, float &inverse) {
  Floats sum = {}, square = {};
  over_blocks(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    Floats v;
    load_block(x + c, n, v);
    sum += v;
  });
  mean = total(sum) / static_cast<float>(channels);
  over_blocks(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
    Floats v;
    load_block(x + c, n, v);
    v -= mean;
    if (n < lanes) {  // lanes beyond the last channel hold -mean
      float deviations[lanes];
      store(deviations, v), load_part(deviations, n, v);
    }
    square += v * v;
  });
  inverse = 1 / __builtin_sqrtf(total(square) / static_cast<float>(channels) + eps);
}

/// y = activation(u * factor + offset), u the normalised channels of each of `pixels` rows.
template <class T, ct_activation activation>
static void apply_pixels(const T *x, T *y, int64_t pixels, int64_t channels, float eps, const float *factor, const float *offset) {
  for (int64_t i = 0; i < pixels; i++, x += channels, y += channels) {
    float mean, inverse;
    measure_pixel(x, channels, eps, mean, inverse);
    over_blocks(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
      Floats v, a, b;
      load_block(x + c, n, v), load_block(factor + c, n, a), load_block(offset + c, n, b);
      v = (v - mean) * inverse * a + b;
      activate<activation>(v);
      store_block(y + c, n, v);
    });
  }
}

/// With dz = dy activation'(u * factor + offset) and g = dz factor: dx = (g - mean(g) - u mean(g u)) inverse; and dz and dz u, added up
/// over the rows. row: `channels` floats of scratch memory.
template <class T, ct_activation activation>
static void pixel_gradients(const T *x, const T *dy, T *dx, int64_t pixels, int64_t channels, float eps, const float *factor,
                            const float *offset, float *sum, float *product, float *row) {
  memset(sum, 0, static_cast<size_t>(channels) * sizeof(float)), memset(product, 0, static_cast<size_t>(channels) * sizeof(float));
  const float share = 1 / static_cast<float>(channels);
  for (int64_t i = 0; i < pixels; i++, x += channels, dy += channels, dx += channels) {
    float mean, inverse;
    measure_pixel(x, channels, eps, mean, inverse);
    Floats sum_g = {}, sum_gu = {};
    over_blocks(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
      Floats u, d, a, b, s, p;
      load_block(x + c, n, u), load_block(dy + c, n, d), load_block(factor + c, n, a), load_block(offset + c, n, b);
      load_block(sum + c, n, s), load_block(product + c, n, p);
      u = (u - mean) * inverse;
      activate_gradient<activation>(u * a + b, d);
      s += d, p += d * u;
      d *= a;  // beyond the last channel 0, as dy and factor are
      sum_g += d, sum_gu += d * u;
      store_block(sum + c, n, s), store_block(product + c, n, p), store_block(row + c, n, d);
    });
    const float mean_g = total(sum_g) * share, mean_gu = total(sum_gu) * share;
    over_blocks(channels, [&](int64_t c, int64_t n) __attribute__((always_inline)) {
      Floats u, g;
      load_block(x + c, n, u), load_block(row + c, n, g);
      g = (g - mean_g - (u - mean) * inverse * mean_gu) * inverse;
      store_block(dx + c, n, g);
    });
  }
}

template <class T> static Loops<T> loops() {
  return {moments<T>,
          {apply<T, CT_IDENTITY>, apply<T, CT_SILU>},
          {gradient_sums<T, CT_IDENTITY>, gradient_sums<T, CT_SILU>},
          {apply_gradient<T, CT_IDENTITY>, apply_gradient<T, CT_SILU>},
          {apply_pixels<T, CT_IDENTITY>, apply_pixels<T, CT_SILU>},
          {pixel_gradients<T, CT_IDENTITY>, pixel_gradients<T, CT_SILU>}};
}

#undef INLINE
