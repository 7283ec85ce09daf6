// Attention in bfloat16 on processors with AVX512-BF16, forward and backward: softmax(q k^T / sqrt(d)) v, with sums and softmax in
// float32. At the sizes of UNets libtorch's own takes about twice as long forward and three times as long backward.
#pragma once
#include "../../support/ctorch_internal.h"

namespace shim::attention {

/// Whether the kernel supports this processor and these operands: bfloat16 on the CPU, [N, heads, length, d], d a multiple of 16.
bool fits(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);

/// The kernel's result, recorded for gradients if an operand requires one.
at::Tensor fused(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);

}  // namespace shim::attention
