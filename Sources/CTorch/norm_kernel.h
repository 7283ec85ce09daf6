// The loops of the fused group norm, compiled once for each instruction set (see norm.cpp, which includes this file inside
// a namespace and a target attribute). Written with vectors of 16 floats, which the compiler lowers to what the target has.

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

/// Rounds to nearest, halves to even; a NaN stays one.
INLINE void store(uint16_t *to, const Floats &value) {
  Words bits;
  memcpy(&bits, &value, sizeof bits);
  Words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  Signed nan = value != value;
  Words mask;
  memcpy(&mask, &nan, sizeof mask);
  Halves half = __builtin_convertvector((rounded & ~mask) | (0x7fc0u & mask), Halves);
  memcpy(to, &half, sizeof half);
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
    v = v / (1.0f + e);
  }
}

/// Adds x - pivot and its square over `pixels` rows of `width` channels into sum and square, `channels` of them.
template <class T>
static void moments(const T *x, int64_t pixels, int64_t width, int64_t channels, const float *pivot, float *sum, float *square) {
  int64_t c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) {
    Floats p[4], s[4] = {}, q[4] = {};
    for (int k = 0; k < 4; k++) load(pivot + c + k * lanes, p[k]);
    for (int64_t i = 0; i < pixels; i++)
      for (int k = 0; k < 4; k++) {
        Floats v;
        load(x + i * width + c + k * lanes, v);
        v -= p[k];
        s[k] += v;
        q[k] += v * v;
      }
    for (int k = 0; k < 4; k++) store(sum + c + k * lanes, s[k]), store(square + c + k * lanes, q[k]);
  }
  for (; c < channels; c += lanes) {
    int64_t n = channels - c < lanes ? channels - c : lanes;
    Floats p, s = {}, q = {};
    load_part(pivot + c, n, p);
    for (int64_t i = 0; i < pixels; i++) {
      Floats v;
      load_part(x + i * width + c, n, v);
      v -= p;
      s += v;
      q += v * v;
    }
    store_part(sum + c, n, s), store_part(square + c, n, q);
  }
}

/// y = activation(x * factor + offset) over `pixels` rows of `channels`.
template <class T, ct_activation activation>
static void transform(const T *x, T *y, int64_t pixels, int64_t channels, const float *factor, const float *offset) {
  const int64_t whole = channels - channels % lanes, rest = channels - whole;
  for (int64_t i = 0; i < pixels; i++, x += channels, y += channels) {
    for (int64_t c = 0; c < whole; c += lanes) {
      Floats v, a, b;
      load(x + c, v), load(factor + c, a), load(offset + c, b);
      v = v * a + b;
      activate<activation>(v);
      store(y + c, v);
    }
    if (rest) {
      Floats v, a, b;
      load_part(x + whole, rest, v), load_part(factor + whole, rest, a), load_part(offset + whole, rest, b);
      v = v * a + b;
      activate<activation>(v);
      store_part(y + whole, rest, v);
    }
  }
}

template <class T> static Loops<T> loops() {
  return {moments<T>, transform<T, CT_IDENTITY>, transform<T, CT_SILU>};
}

#undef INLINE
