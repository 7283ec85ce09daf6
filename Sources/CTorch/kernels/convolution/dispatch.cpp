// The loops of Winograd's convolution, compiled for each instruction set and chosen at run time.
#include "winograd.h"

#include "../../support/processor.h"

#include <array>
#include <cstring>
#include <utility>

namespace shim::winograd {
namespace {

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
constexpr int W = 8, ROWS = 5;  // with 6 the compiler spills
using VF = float __attribute__((vector_size(32)));
#include "loops.h"
}  // namespace avx2
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
namespace avx512 {
constexpr int W = 16, ROWS = 14;
using VF = float __attribute__((vector_size(64)));
#include "loops.h"
}  // namespace avx512
#pragma clang attribute pop
#elif defined(__aarch64__)
namespace neon {
constexpr int W = 4, ROWS = 12;
using VF = float __attribute__((vector_size(16)));
#include "loops.h"
}  // namespace neon
#endif

const Loops *choose() {
  switch (shim::vector_level()) {
#if defined(__x86_64__)
  case shim::VectorLevel::avx512_bf16:
  case shim::VectorLevel::avx512: return &avx512::loops;
  case shim::VectorLevel::avx2: return &avx2::loops;
#elif defined(__aarch64__)
  case shim::VectorLevel::baseline: return &neon::loops;
#endif
  default: return nullptr;
  }
}

}  // namespace

const Loops *best_loops() {
  static const Loops *const loops = choose();
  return loops;
}

}  // namespace shim::winograd
