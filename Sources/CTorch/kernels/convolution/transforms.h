// The one-dimensional transforms, on vectors VF of the instruction set that loops.h is compiled for.
//
// Winograd's F(4, 3) (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks") at the points 0, +-a, +-b and
// infinity, a = 1/sqrt(2), b = sqrt(2), of which a^2 = 1/2, b^2 = 2 and a^2 b^2 = 1: of the points tried these round best, at about
// twice the error of direct float32 sums. With M(x) = x (x^2 - a^2) (x^2 - b^2), M_p = M / (x - p) and N_p = M_p(p):
//   input   row p: the coefficients of M_p; infinity: those of M
//   filter  row p: (1, p, p^2) / N_p; infinity: (0, 0, 1)          N_0 = 1, N_a = N_-a = -3/2, N_b = N_-b = 6
//   output  column p: (1, p, p^2, p^3); infinity: (0, 0, 0, 1)
// F(3, 4), the weight gradient's, has the same input; its filter has four and its output three powers.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

using Words = uint32_t __attribute__((vector_size(W * 4)));
using Halves = uint16_t __attribute__((vector_size(W * 2)));

INLINE void load(const float *from, VF &v) { memcpy(&v, from, sizeof v); }
INLINE void store(float *to, const VF &v) { memcpy(to, &v, sizeof v); }

/// bfloat16, the upper half of a float32.
INLINE void load(const uint16_t *from, VF &v) {
  Halves half;
  memcpy(&half, from, sizeof half);
  const Words word = __builtin_convertvector(half, Words) << 16;
  memcpy(&v, &word, sizeof v);
}

/// n lanes, the others zero.
INLINE void load_part(const float *from, int64_t n, VF &v) {
  float buffer[W] = {};
  memcpy(buffer, from, static_cast<size_t>(n) * sizeof(float));
  load(buffer, v);
}

INLINE void store_part(float *to, int64_t n, const VF &v) {
  float buffer[W];
  store(buffer, v);
  memcpy(to, buffer, static_cast<size_t>(n) * sizeof(float));
}

/// z + x y, and z - x y, rounded once.
#define FMA(x, y, z) __builtin_elementwise_fma(x, y, z)
#define FNMA(x, y, z) __builtin_elementwise_fma(-(x), y, z)

struct Constants {
  VF a, b, half, two, five_halves, a_cubed, b_cubed, na, nb;
};

INLINE void set(Constants &k) {
  const VF zero = {};
  k.a = zero + 0.70710678118654752f, k.b = zero + 1.41421356237309505f, k.half = zero + 0.5f, k.two = zero + 2.0f;
  k.five_halves = zero + 2.5f, k.a_cubed = zero + 0.35355339059327376f, k.b_cubed = zero + 2.82842712474619010f;
  k.na = zero + (-2.0f / 3), k.nb = zero + 1.0f / 6;
}

/// The values of an even and an odd part at p and -p.
INLINE void even_odd(const VF &e, const VF &o, const VF &p, VF &plus, VF &minus) { plus = FMA(p, o, e), minus = FNMA(p, o, e); }

/// Points 0, a and -a, or b, -b and infinity: no operation is common to both, and half of a 6 x 6 fits into the registers.
template <int HALF> INLINE void input_half6(const Constants &k, const VF *d, VF *o, int step) {
  if constexpr (HALF == 0) {
    o[0] = FNMA(k.five_halves, d[2], d[0] + d[4]);
    even_odd(FNMA(k.two, d[2], d[4]), FNMA(k.two, d[1], d[3]), k.a, o[step], o[2 * step]);
  } else {
    even_odd(FNMA(k.half, d[2], d[4]), FNMA(k.half, d[1], d[3]), k.b, o[0], o[step]);
    o[2 * step] = FNMA(k.five_halves, d[3], d[1] + d[5]);
  }
}

INLINE void input6(const Constants &k, const VF *d, VF *o) { input_half6<0>(k, d, o, 1), input_half6<1>(k, d, o + 3, 1); }

INLINE void filter3(const Constants &k, const VF *g, VF *o, int step) {
  o[0] = g[0];
  even_odd(FMA(k.half, g[2], g[0]) * k.na, g[1] * k.na, k.a, o[step], o[2 * step]);
  even_odd(FMA(k.two, g[2], g[0]) * k.nb, g[1] * k.nb, k.b, o[3 * step], o[4 * step]);
  o[5 * step] = g[2];
}

INLINE void output4(const Constants &k, const VF *m, VF *y, int step) {
  VF sa = m[1] + m[2], da = m[1] - m[2], sb = m[3] + m[4], db = m[3] - m[4];
  y[0] = m[0] + (sa + sb);
  y[step] = FMA(k.a, da, k.b * db);
  y[2 * step] = FMA(k.half, sa, k.two * sb);
  y[3 * step] = FMA(k.a_cubed, da, FMA(k.b_cubed, db, m[5]));
}

/// Without the 1 / N_p, which output3 applies.
template <int HALF> INLINE void filter_half4(const Constants &k, const VF *g, VF *o, int step) {
  if constexpr (HALF == 0) {
    o[0] = g[0];
    even_odd(FMA(k.half, g[2], g[0]), FMA(k.half, g[3], g[1]), k.a, o[step], o[2 * step]);
  } else {
    even_odd(FMA(k.two, g[2], g[0]), FMA(k.two, g[3], g[1]), k.b, o[0], o[step]);
    o[2 * step] = g[3];
  }
}

INLINE void output3(const Constants &k, const VF *m, VF *y, int step) {
  VF sa = (m[1] + m[2]) * k.na, da = (m[1] - m[2]) * k.na, sb = (m[3] + m[4]) * k.nb, db = (m[3] - m[4]) * k.nb;
  y[0] = m[0] + (sa + sb);
  y[step] = FMA(k.a, da, k.b * db);
  y[2 * step] = FMA(k.half, sa, FMA(k.two, sb, m[5]));
}
