// The operands of the norms other than the image: what they must be, and the forms in which kernels take them.
#pragma once
#include "norm.h"

namespace shim::norm::operands {

/// Rows [N, C] as [N, C, 1, 1], which broadcast over images.
inline at::Tensor per_channel(const at::Tensor &rows, const at::Tensor &like) {
  return rows.reshape({rows.size(0), rows.size(1), 1, 1}).to(like.scalar_type());
}

inline void check_sizes(const at::Tensor &x, const Rows &rows) {
  const int64_t images = x.size(0), channels = x.size(1);
  for (const at::Tensor *t : {&rows.weight, &rows.bias})
    TORCH_CHECK(!t->defined() || (t->dim() == 1 && t->size(0) == channels), "weight and bias must be [", channels, "], not ", t->sizes());
  for (const at::Tensor *t : {&rows.scale, &rows.shift})
    TORCH_CHECK(!t->defined() || (t->dim() == 2 && t->size(0) == images && t->size(1) == channels), "scale and shift must be [", images,
                ", ", channels, "], not ", t->sizes());
}

/// As the kernel reads it. The cast is recorded, so that the gradient arrives in the row's own dtype.
inline at::Tensor readable(const at::Tensor &row) { return row.defined() ? row.to(at::kFloat).contiguous() : row; }

inline bool wants_gradient(const at::Tensor &x, const Rows &rows) {
  if (!c10::GradMode::is_enabled()) return false;
  for (auto t : {&x, &rows.weight, &rows.bias, &rows.scale, &rows.shift})
    if (t->defined() && t->requires_grad()) return true;
  return false;
}

}  // namespace shim::norm::operands
