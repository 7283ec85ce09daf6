// The instruction sets that this module's kernels may use.
#pragma once

namespace shim {

/// Instruction sets, each including those before it.
enum class VectorLevel { baseline, avx2, avx512, avx512_bf16 };

/// The widest that both the processor and libtorch's own kernels use: `ATEN_CPU_CAPABILITY` (default, avx2, avx512) limits both.
VectorLevel vector_level();

/// Whether the processor multiplies tiles of bfloat16 (AMX), several times as fast as vectors do.
bool has_tiles();

}  // namespace shim
