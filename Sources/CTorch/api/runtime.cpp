// Errors, versions, devices and threads.
#include "../support/ctorch_internal.h"

#include <atomic>
#include <cstring>
#include <dlfcn.h>
#include <new>
#include <string>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace {

thread_local char *last_error = nullptr;
thread_local ct_error_kind last_kind = CT_ERROR_INVALID;
std::atomic<int64_t> live{0};

void remember(const char *message, ct_error_kind kind) {
  free(last_error);
  last_error = strdup(message);
  last_kind = kind;
}

/// libtorch's CPU allocator reports exhaustion as a plain error, recognisable only by its message.
ct_error_kind kind_of(const char *message) {
  for (const char *sign : {"can't allocate memory", "not enough memory", "out of memory"})
    if (strstr(message, sign)) return CT_ERROR_OUT_OF_MEMORY;
  return CT_ERROR_INVALID;
}

}  // namespace

namespace shim {

void remember_current_exception() noexcept {
  try {
    throw;
  } catch (const c10::OutOfMemoryError &e) {
    remember(e.what_without_backtrace(), CT_ERROR_OUT_OF_MEMORY);
  } catch (const c10::Error &e) {
    remember(e.what_without_backtrace(), kind_of(e.what_without_backtrace()));
  } catch (const std::bad_alloc &) {
    remember("out of memory", CT_ERROR_OUT_OF_MEMORY);
  } catch (const std::exception &e) {
    remember(e.what(), kind_of(e.what()));
  } catch (...) {
    remember("an unknown C++ exception", CT_ERROR_INVALID);
  }
}

ct_tensor *make(at::Tensor t) {
  auto *handle = new ct_tensor{std::move(t)};
  live.fetch_add(1, std::memory_order_relaxed);
  return handle;
}

at::ScalarType scalar_type(ct_dtype dtype) {
  switch (dtype) {
  case CT_F32: return at::kFloat;
  case CT_F64: return at::kDouble;
  case CT_F16: return at::kHalf;
  case CT_BF16: return at::kBFloat16;
  case CT_I64: return at::kLong;
  case CT_I32: return at::kInt;
  case CT_I16: return at::kShort;
  case CT_I8: return at::kChar;
  case CT_U8: return at::kByte;
  case CT_BOOL: return at::kBool;
  }
  TORCH_CHECK(false, "no such dtype: ", static_cast<int>(dtype));
}

ct_dtype dtype_of(at::ScalarType type) {
  switch (type) {
  case at::kDouble: return CT_F64;
  case at::kHalf: return CT_F16;
  case at::kBFloat16: return CT_BF16;
  case at::kLong: return CT_I64;
  case at::kInt: return CT_I32;
  case at::kShort: return CT_I16;
  case at::kChar: return CT_I8;
  case at::kByte: return CT_U8;
  case at::kBool: return CT_BOOL;
  default: return CT_F32;  // no operation of the shim creates other types
  }
}

at::Device device(ct_device where) {
  switch (where.type) {
  case CT_CPU: return at::Device(at::kCPU);
  case CT_CUDA: return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(where.index));
  case CT_MPS: return at::Device(at::kMPS, 0);
  case CT_META: return at::Device(at::kMeta);
  }
  TORCH_CHECK(false, "no such device: ", where.type);
}

std::vector<at::Tensor> list(ct_tensor *const *tensors, size_t n) {
  std::vector<at::Tensor> out;
  out.reserve(n);
  for (size_t i = 0; i < n; i++) out.push_back(tensors[i]->t);
  return out;
}

}  // namespace shim

extern "C" {

char *ct_take_error(ct_error_kind *kind) {
  char *message = last_error;
  *kind = last_kind;
  last_error = nullptr;
  return message;
}

const char *ct_header_version(void) {
  static const std::string version =
      std::to_string(TORCH_VERSION_MAJOR) + "." + std::to_string(TORCH_VERSION_MINOR) + "." + std::to_string(TORCH_VERSION_PATCH);
  return version.c_str();
}

const char *ct_library_version(void) {
  // Looked up by name, so that a library too old to have it still loads.
  static const std::string version = [] {
    auto *function = reinterpret_cast<uint64_t (*)()>(dlsym(RTLD_DEFAULT, "aoti_torch_abi_version"));
    if (!function) return std::string();
    uint64_t packed = function();  // major, minor, patch in the three highest bytes
    return std::to_string(packed >> 56) + "." + std::to_string(packed >> 48 & 255) + "." + std::to_string(packed >> 40 & 255);
  }();
  return version.c_str();
}

char *ct_library_path(void) {
  Dl_info info;
  return strdup(dladdr(reinterpret_cast<void *>(&at::get_num_threads), &info) && info.dli_fname ? info.dli_fname : "");
}

char *ct_build_description(void) {
  try {
    return strdup(at::show_config().c_str());
  } catch (...) {
    return strdup("");
  }
}

const char *ct_cpu_capability(void) {
  static const std::string name = at::get_cpu_capability();
  return name.c_str();
}

int64_t ct_live_count(void) { return live.load(std::memory_order_relaxed); }

int ct_thread_count(void) { return at::get_num_threads(); }
void ct_keep_freed_memory(void) {
#if defined(__GLIBC__)
  constexpr int most = 1 << 30, oldest_limit = 32 << 20;
  mallopt(M_TRIM_THRESHOLD, most);
  // Older versions refuse more for the size from which memory is mapped.
  if (!mallopt(M_MMAP_THRESHOLD, most)) mallopt(M_MMAP_THRESHOLD, oldest_limit);
#endif
}
void ct_set_thread_count(int count) { at::set_num_threads(count < 1 ? 1 : count); }

int ct_load_cuda(void) {
  static const int outcome = [] {
    char *path = ct_library_path();
    std::string folder(path);
    free(path);
    auto slash = folder.rfind('/');
    std::string library = (slash == std::string::npos ? "" : folder.substr(0, slash + 1)) + "libtorch_cuda.so";
    if (FILE *file = fopen(library.c_str(), "rb")) fclose(file);
    else return 0;
    return dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) ? 1 : -1;
  }();
  return outcome;
}

int ct_cuda_device_count(void) {
  try {
    return at::globalContext().hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
  } catch (...) {
    return 0;
  }
}

bool ct_mps_is_available(void) {
  try {
    return at::hasMPS();
  } catch (...) {
    return false;
  }
}

int ct_synchronize(ct_device where) {
  return shim::run([&] {
    if (where.type != CT_CPU && where.type != CT_META) at::accelerator::synchronizeDevice(where.index);
  });
}

void ct_tensor_free(ct_tensor *t) {
  if (!t) return;
  live.fetch_sub(1, std::memory_order_relaxed);
  delete t;
}

}  // extern "C"
