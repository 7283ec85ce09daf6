// Detection of the processor's instruction sets.
#include "processor.h"

#include "ctorch.h"
#include "libtorch.h"

#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace {

#if defined(__x86_64__)

/// Whether the operating system saves AMX's tile registers on a context switch; without that, no program may use them.
bool system_keeps_tiles() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low >> 17 & 3) == 3;
}

shim::VectorLevel widest() {
  const std::string used = at::get_cpu_capability();
  if (used.rfind("AVX", 0) != 0 || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return shim::VectorLevel::baseline;
  if (used.rfind("AVX512", 0) != 0 || !__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
    return shim::VectorLevel::avx2;
  return __builtin_cpu_supports("avx512bf16") ? shim::VectorLevel::avx512_bf16 : shim::VectorLevel::avx512;
}

std::string features() {
  std::string out;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out += "avx2 ";
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) out += "avx512f ";
  if (__builtin_cpu_supports("avx512bf16")) out += "avx512_bf16 ";
  unsigned a, b, c, d;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) && system_keeps_tiles()) out += "amx_bf16 ";
  return out;
}

#elif defined(__aarch64__) && defined(__linux__)

shim::VectorLevel widest() { return shim::VectorLevel::baseline; }

std::string features() {
  std::string out = "neon ";  // part of the architecture
  if (getauxval(AT_HWCAP2) >> 14 & 1) out += "bf16 ";
  if (getauxval(AT_HWCAP) >> 22 & 1) out += "sve ";
  return out;
}

#elif defined(__aarch64__) && defined(__APPLE__)

shim::VectorLevel widest() { return shim::VectorLevel::baseline; }

std::string features() {
  int found = 0;
  size_t size = sizeof found;
  bool bf16 = sysctlbyname("hw.optional.arm.FEAT_BF16", &found, &size, nullptr, 0) == 0 && found;
  return bf16 ? "neon bf16 " : "neon ";
}

#else

shim::VectorLevel widest() { return shim::VectorLevel::baseline; }

std::string features() { return ""; }

#endif

}  // namespace

shim::VectorLevel shim::vector_level() {
  static const VectorLevel level = widest();
  return level;
}

bool shim::has_tiles() {
  static const bool found = std::string(ct_cpu_features()).find("amx_bf16") != std::string::npos;
  return found;
}

extern "C" const char *ct_cpu_features(void) {
  static const std::string names = features();
  return names.c_str();
}
