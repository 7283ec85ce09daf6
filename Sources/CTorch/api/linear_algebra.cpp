// Decompositions of matrices and order statistics, each calling the ATen operation of the same name.
#include "../support/ctorch_internal.h"

using shim::make;
using shim::tensor;

extern "C" {

int ct_eigh(const ct_tensor *x, ct_tensor **values, ct_tensor **vectors) {
  return shim::run([&] {
    auto [found, columns] = at::linalg_eigh(x->t, "L");
    *values = make(std::move(found));
    *vectors = make(std::move(columns));
  });
}

ct_tensor *ct_svdvals(const ct_tensor *x) {
  return tensor([&] { return at::linalg_svdvals(x->t); });
}

ct_tensor *ct_kthvalue(const ct_tensor *x, int64_t k, int64_t axis) {
  return tensor([&] { return std::get<0>(at::kthvalue(x->t, k, axis)); });
}

}  // extern "C"
