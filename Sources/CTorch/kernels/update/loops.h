// The loops of the parameter update, compiled once per instruction set (see dispatch.cpp, which includes this file inside a namespace and
// a target attribute). They use vectors of 16 floats, which the compiler maps to the target's registers.

using Floats = float __attribute__((vector_size(64)));
using Doubles = double __attribute__((vector_size(128)));
constexpr int64_t lanes = 16;

#define INLINE static inline __attribute__((always_inline))

INLINE void load(const float *from, Floats &out) { memcpy(&out, from, sizeof out); }
INLINE void store(float *to, const Floats &value) { memcpy(to, &value, sizeof value); }

/// One vector of elements. The order of operations is that of PyTorch's fused AdamW.
INLINE void step_lanes(float *parameter, const float *gradient, float *first, float *second, float *average, const Step &s) {
  Floats p, g, m, v;
  load(parameter, p);
  load(gradient, g);
  load(first, m);
  load(second, v);
  g = g * s.scale + p * s.penalty;
  p = p * s.kept;
  m = m + s.first_weight * (g - m);
  v = v * s.beta2 + s.second_weight * (g * g);
  p = p - s.rate * (m / (__builtin_elementwise_sqrt(v) * s.inverse_root + s.eps));
  store(parameter, p);
  store(first, m);
  store(second, v);
  if (!average) return;
  Floats a;
  load(average, a);
  store(average, a + s.average_weight * (p - a));
}

static void step(int64_t count, float *parameter, const float *gradient, float *first, float *second, float *average, const Step &s) {
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    step_lanes(parameter + i, gradient + i, first + i, second + i, average ? average + i : nullptr, s);
  if (i == count) return;
  float p[lanes] = {}, g[lanes] = {}, m[lanes] = {}, v[lanes] = {}, a[lanes] = {};
  const size_t bytes = static_cast<size_t>(count - i) * sizeof(float);
  memcpy(p, parameter + i, bytes);
  memcpy(g, gradient + i, bytes);
  memcpy(m, first + i, bytes);
  memcpy(v, second + i, bytes);
  if (average) memcpy(a, average + i, bytes);
  step_lanes(p, g, m, v, average ? a : nullptr, s);
  memcpy(parameter + i, p, bytes);
  memcpy(first + i, m, bytes);
  memcpy(second + i, v, bytes);
  if (average) memcpy(average + i, a, bytes);
}

static void move_average(int64_t count, float *average, const float *parameter, float weight) {
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    Floats a, p;
    load(average + i, a);
    load(parameter + i, p);
    store(average + i, a + weight * (p - a));
  }
  for (; i < count; i++) average[i] += weight * (parameter[i] - average[i]);
}

static double sum_of_squares(int64_t count, const float *values) {
  Doubles sums = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    Floats x;
    load(values + i, x);
    const Doubles wide = __builtin_convertvector(x, Doubles);
    sums += wide * wide;
  }
  double sum = 0;
  for (; i < count; i++) sum += static_cast<double>(values[i]) * values[i];
  for (int64_t lane = 0; lane < lanes; lane++) sum += sums[lane];
  return sum;
}

static Loops loops() { return {step, move_average, sum_of_squares}; }

#undef INLINE
