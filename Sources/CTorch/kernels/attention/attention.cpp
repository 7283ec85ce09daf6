// See attention.h. The backward pass recomputes the scores, as in FlashAttention (Dao et al. 2022); keys are not split into blocks,
// since at the lengths found in image networks the scores of a block of queries fit into the cache.
#include "attention.h"

#include "../../support/differentiable.h"
#include "../../support/processor.h"

#include <cmath>
#include <cstring>
#include <memory>

#if defined(__x86_64__)
#include <immintrin.h>

namespace {

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"))), apply_to = function)
namespace avx512bf16 {
#include "blocks.h"
}
#pragma clang attribute pop

using avx512bf16::block;
using avx512bf16::Rows;
using avx512bf16::Scratch;
using shim::Tensors;

template <class T> std::unique_ptr<T[]> room(int64_t count) { return std::unique_ptr<T[]>(new T[static_cast<size_t>(count)]); }

/// The rows of one head of [N, heads, length, d].
Rows head(const at::Tensor &t, int64_t index) {
  const int64_t n = index / t.size(1), h = index % t.size(1);
  return {static_cast<const uint16_t *>(t.const_data_ptr()) + n * t.stride(0) + h * t.stride(1), t.stride(2), t.size(2)};
}

uint16_t *writable_head(at::Tensor &t, int64_t index) {
  const int64_t n = index / t.size(1), h = index % t.size(1);
  return static_cast<uint16_t *>(t.mutable_data_ptr()) + n * t.stride(0) + h * t.stride(1);
}

/// [N, heads, length, d] laid out in memory as [N, length, heads, d], so that merging the heads is a view.
at::Tensor empty_like_heads(const at::Tensor &t, int64_t length) {
  return at::empty({t.size(0), length, t.size(1), t.size(3)}, t.options()).transpose(1, 2);
}

/// With contiguous rows.
at::Tensor readable(const at::Tensor &t) { return t.stride(3) == 1 ? t : t.contiguous(); }

Scratch scratch(int64_t keys, int64_t d, bool backward) {
  const int64_t padded = (keys + block - 1) / block * block;
  Scratch s{.keys = keys, .padded = padded, .d = d};
  s.k_transposed = room<uint32_t>(padded * d / 2);
  s.q_rows = room<uint32_t>(block * d / 2);
  s.scores = room<float>(block * padded);
  s.row_sums = room<float>(block * d);
  if (!backward) {
    s.v_pairs = room<uint32_t>(padded * d / 2);
    s.p_rows = room<uint32_t>(block * padded / 2);
    return s;
  }
  for (auto *pairs : {&s.v_transposed, &s.k_pairs}) *pairs = room<uint32_t>(padded * d / 2);
  for (auto *rows : {&s.q_pairs, &s.dy_rows, &s.dy_pairs}) *rows = room<uint32_t>(block * d / 2);
  for (auto *weights : {&s.p_columns, &s.ds_columns, &s.ds_rows}) *weights = room<uint32_t>(block * padded / 2);
  s.changes = room<float>(block * padded);
  for (auto *sums : {&s.dk, &s.dv}) *sums = room<float>(padded * d);
  return s;
}

float scale_of(const at::Tensor &q) { return 1 / std::sqrt(static_cast<float>(q.size(3))); }

/// The result and, if wanted, the log-sum-exp of each row of scores, float32 [N heads, queries].
at::Tensor forward(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, at::Tensor *log_sums) {
  const int64_t heads = q.size(0) * q.size(1), queries = q.size(2), keys = k.size(2), d = q.size(3);
  const int64_t blocks = (queries + block - 1) / block;
  at::Tensor y = empty_like_heads(q, queries);
  if (log_sums) *log_sums = at::empty({heads, queries}, at::kFloat);
  float *logarithms = log_sums ? static_cast<float *>(log_sums->mutable_data_ptr()) : nullptr;
  shim::parallel_for(heads * blocks, 1, [&](int64_t begin, int64_t end) {
    Scratch s = scratch(keys, d, false);
    for (int64_t i = begin, packed = -1; i < end; i++) {
      const int64_t at = i / blocks;
      if (at != packed) {
        Rows a = head(k, at), b = head(v, at);
        avx512bf16::pack_transposed(a.at, a.stride, keys, s.padded, d, s.k_transposed.get());
        avx512bf16::pack_row_pairs(b.at, b.stride, keys, s.padded, d, s.v_pairs.get());
        packed = at;
      }
      avx512bf16::forward_block(s, head(q, at), i % blocks * block, scale_of(q), writable_head(y, at), y.stride(2),
                                logarithms ? logarithms + at * queries : nullptr);
    }
  });
  return y;
}

Tensors backward(const at::Tensor &dy, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &y,
                 const at::Tensor &log_sums) {
  const int64_t heads = q.size(0) * q.size(1), queries = q.size(2), keys = k.size(2), d = q.size(3);
  at::Tensor dq = empty_like_heads(q, queries), dk = empty_like_heads(k, keys), dv = empty_like_heads(v, keys);
  const auto *logarithms = static_cast<const float *>(log_sums.const_data_ptr());
  shim::parallel_for(heads, 1, [&](int64_t begin, int64_t end) {
    Scratch s = scratch(keys, d, true);
    for (int64_t at = begin; at < end; at++) {
      Rows a = head(k, at), b = head(v, at);
      avx512bf16::pack_transposed(a.at, a.stride, keys, s.padded, d, s.k_transposed.get());
      avx512bf16::pack_row_pairs(a.at, a.stride, keys, s.padded, d, s.k_pairs.get());
      avx512bf16::pack_transposed(b.at, b.stride, keys, s.padded, d, s.v_transposed.get());
      for (auto *sums : {s.dk.get(), s.dv.get()}) std::fill(sums, sums + s.padded * d, 0.0f);
      for (int64_t i = 0; i < queries; i += block)
        avx512bf16::backward_block(s, head(q, at), head(y, at), head(dy, at), i, scale_of(q), logarithms + at * queries,
                                   writable_head(dq, at), dq.stride(2));
      uint16_t *to_k = writable_head(dk, at), *to_v = writable_head(dv, at);
      for (int64_t j = 0; j < keys; j++) {
        avx512bf16::narrow_row(&s.dk[j * d], 1, d, to_k + j * dk.stride(2));
        avx512bf16::narrow_row(&s.dv[j * d], 1, d, to_v + j * dv.stride(2));
      }
    }
  });
  return {dq, dk, dv};
}

at::Tensor recorded(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  auto keeping = [&](Tensors &saved) {
    at::Tensor log_sums, y = forward(q, k, v, &log_sums);
    saved = {q, k, v, y, log_sums};
    return y;
  };
  return shim::differentiable({q, k, v}, keeping, [](const shim::Arriving &arriving) {
    TORCH_CHECK(!c10::GradMode::is_enabled(), "the fused attention has a first derivative only");
    const Tensors &saved = arriving.saved;
    return backward(readable(arriving.dy.to(at::kBFloat16)), saved[0], saved[1], saved[2], saved[3], saved[4]);
  });
}

}  // namespace

namespace shim::attention {

bool fits(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  if (shim::vector_level() != shim::VectorLevel::avx512_bf16) return false;
  for (auto t : {&q, &k, &v})
    if (!t->is_cpu() || t->scalar_type() != at::kBFloat16 || t->dim() != 4 || t->numel() == 0 || t->size(0) != q.size(0) ||
        t->size(1) != q.size(1) || t->size(3) != q.size(3))
      return false;
  return q.size(3) % 16 == 0 && k.size(2) == v.size(2);
}

at::Tensor fused(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  at::Tensor a = readable(q), b = readable(k), c = readable(v);
  if (c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad())) return recorded(a, b, c);
  return forward(a, b, c, nullptr);
}

}  // namespace shim::attention

#else

namespace shim::attention {
bool fits(const at::Tensor &, const at::Tensor &, const at::Tensor &) { return false; }
at::Tensor fused(const at::Tensor &, const at::Tensor &, const at::Tensor &) { return {}; }
}  // namespace shim::attention

#endif
