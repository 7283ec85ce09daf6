// Shared by the files of the shim: the handles, and the guards that stop exceptions.
#pragma once
#include "ctorch.h"
#include "libtorch.h"

#include <optional>
#include <utility>
#include <vector>

struct ct_tensor {
  at::Tensor t;
};
struct ct_generator {
  at::Generator g;
};

namespace shim {

void remember_current_exception() noexcept;
ct_tensor *make(at::Tensor t);

/// A handle to the tensor that f returns; NULL and a stored error if it throws.
template <class F> ct_tensor *tensor(F f) noexcept {
  try {
    return make(f());
  } catch (...) {
    remember_current_exception();
    return nullptr;
  }
}

/// Runs f; -1 and a stored error if it throws.
template <class F> int run(F f) noexcept {
  try {
    f();
    return 0;
  } catch (...) {
    remember_current_exception();
    return -1;
  }
}

at::ScalarType scalar_type(ct_dtype);
ct_dtype dtype_of(at::ScalarType);
at::Device device(ct_device);

inline at::IntArrayRef sizes(const int64_t *values, size_t n) { return at::IntArrayRef(values, n); }
inline at::TensorOptions options(ct_dtype dtype, ct_device where) {
  return at::TensorOptions().dtype(scalar_type(dtype)).device(device(where));
}
inline std::optional<at::Tensor> maybe(const ct_tensor *t) {
  return t ? std::optional<at::Tensor>(t->t) : std::nullopt;
}
inline at::Tensor or_undefined(const ct_tensor *t) { return t ? t->t : at::Tensor(); }
inline at::Tensor or_undefined(const std::optional<at::Tensor> &t) { return t.value_or(at::Tensor()); }

/// Whether matrix products, convolutions and attention cast their operands, and to which dtype.
struct Autocast {
  bool enabled;
  at::ScalarType dtype;
};
/// This thread's autocast for a type of device.
Autocast autocast(at::DeviceType);
/// Clears the cache of cast weights.
void set_autocast(at::DeviceType, Autocast);
/// The operand in this dtype. Weights are cast once per scope of autocast, as by libtorch's own operations.
at::Tensor cast(const at::Tensor &, at::ScalarType);

std::vector<at::Tensor> list(ct_tensor *const *tensors, size_t n);

/// Runs body(begin, end) over parts of [0, count) on all threads.
template <class F> void parallel_for(int64_t count, int64_t grain, F &&body) {
  using Body = std::remove_reference_t<F>;
  ct_parallel_for(
      count, grain, [](void *context, int64_t begin, int64_t end) { (*static_cast<Body *>(context))(begin, end); },
      const_cast<void *>(static_cast<const void *>(&body)));
}

}  // namespace shim
