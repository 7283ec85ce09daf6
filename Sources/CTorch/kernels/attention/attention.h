// Attention in bfloat16 on processors with AVX512-BF16, both ways: softmax(q k^T / sqrt(d)) v, sums and softmax in float32.
// libtorch's own takes about twice as long forward and three times as long backward at the sizes of UNets.
#pragma once
#include "ctorch_internal.h"

namespace shim::attention {

/// Whether this processor has the kernel and the operands fit it: bfloat16 on the CPU, [N, heads, length, d], d a multiple of 16.
bool fits(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);

/// Its result, recorded for gradients where they are wanted.
at::Tensor fused(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);

}  // namespace shim::attention
