// The loops of the parameter update, compiled for each instruction set and chosen at run time.
#include "update.h"
#include "../../support/processor.h"

#include <cstring>

namespace {

using shim::update::Loops;
using shim::update::Step;

namespace baseline {  // SSE2 on x86-64, NEON on Arm
#include "loops.h"
}

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
namespace avx2 {
#include "loops.h"
}
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)
namespace avx512 {
#include "loops.h"
}
#pragma clang attribute pop
#endif

Loops choose() {
  switch (shim::vector_level()) {
#if defined(__x86_64__)
  case shim::VectorLevel::avx512_bf16:
  case shim::VectorLevel::avx512: return avx512::loops();
  case shim::VectorLevel::avx2: return avx2::loops();
#endif
  default: return baseline::loops();
  }
}

}  // namespace

const Loops &shim::update::best_loops() {
  static const Loops loops = choose();
  return loops;
}
