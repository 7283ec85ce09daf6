// What kernels of ours may use of the processor.
#pragma once

namespace shim {

/// Instruction sets, each holding those before it.
enum class VectorLevel { baseline, avx2, avx512, avx512_bf16 };

/// The widest that the processor has and libtorch's own kernels use: `ATEN_CPU_CAPABILITY` (default, avx2, avx512) limits both.
VectorLevel vector_level();

}  // namespace shim
