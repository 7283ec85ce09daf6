// The loops of the attention kernel: AVX512-BF16 (see attention.cpp, which includes this inside a namespace and a target
// attribute).
//
// Everything is a product of matrices C = A B on pairs of bfloat16, as the instruction multiplies them: A and B hold, in each
// 32-bit word, two neighbours along the axis that is summed over.

#define INLINE static inline __attribute__((always_inline))
constexpr int64_t lanes = 16, tile_rows = 8;

/// Rows of queries processed together; key counts are padded to a multiple of it.
constexpr int64_t block = 32;

INLINE __m512bh pair(uint32_t word) { return (__m512bh)_mm512_set1_epi32(static_cast<int>(word)); }

/// Eight rows and V vectors of columns of C, kept in registers during the sum.
template <int V>
INLINE void tile(const uint32_t *a, int64_t a_row, int64_t a_step, const uint32_t *b, int64_t b_step, int64_t steps, float *c,
                 int64_t c_row, bool add) {
  __m512 sum[tile_rows][V];
  for (int r = 0; r < tile_rows; r++)
    for (int v = 0; v < V; v++) sum[r][v] = add ? _mm512_loadu_ps(c + r * c_row + v * lanes) : _mm512_setzero_ps();
  for (int64_t s = 0; s < steps; s++) {
    __m512bh column[V];
    for (int v = 0; v < V; v++) column[v] = (__m512bh)_mm512_loadu_si512(b + s * b_step + v * lanes);
    for (int r = 0; r < tile_rows; r++) {
      const __m512bh row = pair(a[r * a_row + s * a_step]);
      for (int v = 0; v < V; v++) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], row, column[v]);
    }
  }
  for (int r = 0; r < tile_rows; r++)
    for (int v = 0; v < V; v++) _mm512_storeu_ps(c + r * c_row + v * lanes, sum[r][v]);
}

/// C = A B, or C += A B. `rows` is a multiple of 8, `columns` of 16; a_row and a_step are the words between neighbours in A.
static void multiply(const uint32_t *a, int64_t a_row, int64_t a_step, const uint32_t *b, int64_t rows, int64_t columns, int64_t steps,
                     float *c, bool add) {
  for (int64_t j = 0; j < columns; j += 2 * lanes)
    for (int64_t i = 0; i < rows; i += tile_rows) {
      const uint32_t *from = a + i * a_row;
      float *to = c + i * columns + j;
      if (j + 2 * lanes <= columns) tile<2>(from, a_row, a_step, b + j, columns, steps, to, columns, add);
      else tile<1>(from, a_row, a_step, b + j, columns, steps, to, columns, add);
    }
}

/// Copies rows without gaps; rows `count` to `padded` are zero. Words: [padded][d / 2].
static void pack_rows(const uint16_t *from, int64_t stride, int64_t count, int64_t padded, int64_t d, uint32_t *to) {
  for (int64_t i = 0; i < count; i++) memcpy(to + i * d / 2, from + i * stride, static_cast<size_t>(d) * 2);
  memset(to + count * d / 2, 0, static_cast<size_t>((padded - count) * d * 2));
}

/// Transposes; neighbours along d share a word: [d / 2][padded].
static void pack_transposed(const uint16_t *from, int64_t stride, int64_t count, int64_t padded, int64_t d, uint32_t *to) {
  for (int64_t i = 0; i < count; i++)
    for (int64_t p = 0; p < d / 2; p++) memcpy(to + p * padded + i, from + i * stride + 2 * p, 4);
  for (int64_t p = 0; p < d / 2; p++) memset(to + p * padded + count, 0, static_cast<size_t>(padded - count) * 4);
}

/// Interleaves neighbouring rows, two elements a word: [padded / 2][d].
static void pack_row_pairs(const uint16_t *from, int64_t stride, int64_t count, int64_t padded, int64_t d, uint32_t *to) {
  for (int64_t i = 0; i < padded / 2; i++) {
    const uint16_t *low = from + 2 * i * stride, *high = low + stride;
    for (int64_t c = 0; c < d; c++) {
      uint32_t word = 2 * i < count ? low[c] : 0;
      if (2 * i + 1 < count) word |= static_cast<uint32_t>(high[c]) << 16;
      to[i * d + c] = word;
    }
  }
}

/// e^x for x <= 0, within 2 units in the last place; NaN stays NaN.
INLINE __m512 exponential(__m512 x) {
  x = _mm512_max_ps(_mm512_set1_ps(-87.0f), x);
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(2.12194440e-4f), r);
  __m512 p = _mm512_fmadd_ps(r, _mm512_set1_ps(1.9875691500e-4f), _mm512_set1_ps(1.3981999507e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
  p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
  return _mm512_scalef_ps(p, n);
}

/// The lanes of the vector at column j that hold keys rather than padding.
INLINE __mmask16 present(int64_t j, int64_t keys) {
  return keys - j >= lanes ? 0xffff : keys <= j ? 0 : static_cast<__mmask16>((1u << (keys - j)) - 1);
}

INLINE void store_pairs(uint32_t *to, __m512 low, __m512 high) {
  _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}

/// Turns a row of scores into unnormalised softmax weights e^(scale (s - largest)) in bfloat16. Returns 1 / sum of the weights; stores
/// the log-sum-exp of scale s.
static float soften(const float *scores, int64_t keys, int64_t padded, float scale, uint32_t *weights, float *log_sum) {
  __m512 largest = _mm512_set1_ps(-INFINITY), sum = _mm512_setzero_ps();
  for (int64_t j = 0; j < padded; j += lanes)
    largest = _mm512_mask_max_ps(largest, present(j, keys), largest, _mm512_loadu_ps(scores + j));
  const float top = _mm512_reduce_max_ps(largest);
  for (int64_t j = 0; j < padded; j += 2 * lanes) {
    __m512 e[2];
    for (int k = 0; k < 2; k++) {
      const int64_t at = j + k * lanes;
      const __m512 x = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(scores + at), _mm512_set1_ps(top)), _mm512_set1_ps(scale));
      e[k] = _mm512_maskz_mov_ps(present(at, keys), exponential(x));
      sum = _mm512_add_ps(sum, e[k]);
    }
    store_pairs(weights + j / 2, e[0], e[1]);
  }
  const float total = _mm512_reduce_add_ps(sum);
  *log_sum = top * scale + logf(total);
  return 1 / total;
}

/// A row of float32 times a factor, rounded to bfloat16.
static void narrow_row(const float *from, float factor, int64_t d, uint16_t *to) {
  for (int64_t c = 0; c < d; c += lanes) {
    const __m256bh half = _mm512_cvtneps_pbh(_mm512_mul_ps(_mm512_loadu_ps(from + c), _mm512_set1_ps(factor)));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(to + c), (__m256i)half);
  }
}

/// The inner product of two rows of bfloat16.
static float inner_product(const uint16_t *a, const uint16_t *b, int64_t d) {
  __m512 sum = _mm512_setzero_ps();
  for (int64_t c = 0; c < d; c += lanes) {
    const __m512i x = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(a + c)));
    const __m512i y = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(b + c)));
    sum = _mm512_fmadd_ps((__m512)_mm512_slli_epi32(x, 16), (__m512)_mm512_slli_epi32(y, 16), sum);
  }
  return _mm512_reduce_add_ps(sum);
}

/// Stores two rows interleaved: each word holds an element of row a (low half) and one of row b (high half).
INLINE void store_two_rows(uint32_t *to, __m512 a, __m512 b) {
  const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(a)), high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(b));
  _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

/// For two rows: computes the weights P and dS = scale P (dP - offset) from the scores and d loss / d weights. Stores P and dS with
/// the two rows interleaved, and dS row by row as well.
static void soften_gradient(const float *scores, const float *weight_gradients, int64_t keys, int64_t padded, float scale,
                            const float *log_sums, const float *offsets, uint32_t *p_columns, uint32_t *ds_columns, uint32_t *ds_rows) {
  for (int64_t j = 0; j < padded; j += 2 * lanes) {
    __m512 p[2][2], ds[2][2];
    for (int r = 0; r < 2; r++)
      for (int k = 0; k < 2; k++) {
        const int64_t at = r * padded + j + k * lanes;
        const __m512 x = _mm512_fmsub_ps(_mm512_loadu_ps(scores + at), _mm512_set1_ps(scale), _mm512_set1_ps(log_sums[r]));
        p[r][k] = _mm512_maskz_mov_ps(present(j + k * lanes, keys), exponential(x));
        const __m512 change = _mm512_sub_ps(_mm512_loadu_ps(weight_gradients + at), _mm512_set1_ps(offsets[r]));
        ds[r][k] = _mm512_mul_ps(_mm512_mul_ps(p[r][k], change), _mm512_set1_ps(scale));
      }
    for (int k = 0; k < 2; k++) {
      store_two_rows(p_columns + j + k * lanes, p[0][k], p[1][k]);
      store_two_rows(ds_columns + j + k * lanes, ds[0][k], ds[1][k]);
    }
    for (int r = 0; r < 2; r++) store_pairs(ds_rows + (r * padded + j) / 2, ds[r][0], ds[r][1]);
  }
}

/// One head's operands: rows of d, `stride` elements apart.
struct Rows {
  const uint16_t *at;
  int64_t stride, count;
};

/// The working memory for one head, allocated once per task.
struct Scratch {
  int64_t keys, padded, d;
  std::unique_ptr<uint32_t[]> k_transposed, v_pairs, v_transposed, k_pairs;
  std::unique_ptr<uint32_t[]> q_rows, q_pairs, dy_rows, dy_pairs, p_rows, p_columns, ds_rows, ds_columns;
  std::unique_ptr<float[]> scores, changes, row_sums, dk, dv;
};

/// Computes y for `block` queries from row i, and the log-sum-exps that the gradient needs.
static void forward_block(const Scratch &s, const Rows &q, int64_t i, float scale, uint16_t *y, int64_t y_stride, float *log_sums) {
  const int64_t count = q.count - i < block ? q.count - i : block;
  pack_rows(q.at + i * q.stride, q.stride, count, block, s.d, s.q_rows.get());
  multiply(s.q_rows.get(), s.d / 2, 1, s.k_transposed.get(), block, s.padded, s.d / 2, s.scores.get(), false);
  float shares[block], logarithms[block];
  for (int64_t r = 0; r < block; r++)
    shares[r] = soften(&s.scores[r * s.padded], s.keys, s.padded, scale, &s.p_rows[r * s.padded / 2], &logarithms[r]);
  multiply(s.p_rows.get(), s.padded / 2, 1, s.v_pairs.get(), block, s.d, s.padded / 2, s.row_sums.get(), false);
  for (int64_t r = 0; r < count; r++) narrow_row(&s.row_sums[r * s.d], shares[r], s.d, y + (i + r) * y_stride);
  if (log_sums) memcpy(log_sums + i, logarithms, static_cast<size_t>(count) * sizeof(float));
}

/// Adds the contributions of `block` queries from row i to dk and dv, and writes their dq.
static void backward_block(const Scratch &s, const Rows &q, const Rows &y, const Rows &dy, int64_t i, float scale,
                           const float *log_sums, uint16_t *dq, int64_t dq_stride) {
  const int64_t count = q.count - i < block ? q.count - i : block;
  float logarithms[block] = {}, offsets[block] = {};
  for (int64_t r = 0; r < count; r++) {
    logarithms[r] = log_sums[i + r];
    offsets[r] = inner_product(y.at + (i + r) * y.stride, dy.at + (i + r) * dy.stride, s.d);
  }
  pack_rows(q.at + i * q.stride, q.stride, count, block, s.d, s.q_rows.get());
  pack_row_pairs(q.at + i * q.stride, q.stride, count, block, s.d, s.q_pairs.get());
  pack_rows(dy.at + i * dy.stride, dy.stride, count, block, s.d, s.dy_rows.get());
  pack_row_pairs(dy.at + i * dy.stride, dy.stride, count, block, s.d, s.dy_pairs.get());
  multiply(s.q_rows.get(), s.d / 2, 1, s.k_transposed.get(), block, s.padded, s.d / 2, s.scores.get(), false);
  multiply(s.dy_rows.get(), s.d / 2, 1, s.v_transposed.get(), block, s.padded, s.d / 2, s.changes.get(), false);
  for (int64_t r = 0; r < block; r += 2)
    soften_gradient(&s.scores[r * s.padded], &s.changes[r * s.padded], s.keys, s.padded, scale, logarithms + r, offsets + r,
                    &s.p_columns[r / 2 * s.padded], &s.ds_columns[r / 2 * s.padded], &s.ds_rows[r * s.padded / 2]);
  multiply(s.p_columns.get(), 1, s.padded, s.dy_pairs.get(), s.padded, s.d, block / 2, s.dv.get(), true);
  multiply(s.ds_columns.get(), 1, s.padded, s.q_pairs.get(), s.padded, s.d, block / 2, s.dk.get(), true);
  multiply(s.ds_rows.get(), s.padded / 2, 1, s.k_pairs.get(), block, s.d, s.padded / 2, s.row_sums.get(), false);
  for (int64_t r = 0; r < count; r++) narrow_row(&s.row_sums[r * s.d], 1, s.d, dq + (i + r) * dq_stride);
}

#undef INLINE
