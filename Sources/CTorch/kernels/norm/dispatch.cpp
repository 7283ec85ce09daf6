// The loops of the fused norms, compiled for each instruction set and chosen at run time.
#include "norm.h"
#include "../../support/processor.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using shim::norm::Loops;

namespace baseline {  // SSE2 on x86-64, NEON on Arm
#include "loops.h"
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
#include "loops.h"
}
#pragma clang attribute pop
#define NORM_KERNEL_AVX512
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
namespace avx512 {
#include "loops.h"
}
#pragma clang attribute pop
#define NORM_KERNEL_BFLOAT16
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"))), apply_to = function)
namespace avx512bf16 {
#include "loops.h"
}
#pragma clang attribute pop
#undef NORM_KERNEL_AVX512
#undef NORM_KERNEL_BFLOAT16
#endif

template <class T> Loops<T> choose() {
  switch (shim::vector_level()) {
#if defined(__x86_64__)
  case shim::VectorLevel::avx512_bf16: return avx512bf16::loops<T>();
  case shim::VectorLevel::avx512: return avx512::loops<T>();
  case shim::VectorLevel::avx2: return avx2::loops<T>();
#endif
  default: return baseline::loops<T>();
  }
}

}  // namespace

namespace shim::norm {

template <class T> const Loops<T> &best_loops() {
  static const Loops<T> loops = choose<T>();
  return loops;
}
template const Loops<float> &best_loops<float>();
template const Loops<uint16_t> &best_loops<uint16_t>();

int thread_count() { return at::get_num_threads(); }

}  // namespace shim::norm
