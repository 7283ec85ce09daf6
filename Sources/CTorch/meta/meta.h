// Operations of networks on the device meta, where libtorch itself has no shapes for them: checked as elsewhere, nothing is
// computed, and what is kept for gradients, and for how long, is what the CPU's kernels keep.
#pragma once
#include "norm.h"

namespace shim::meta {

at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias);
at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, int64_t stride, int64_t padding);
/// As `conv2d` of weights packed before, for inference.
at::Tensor packed_conv2d(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding);
at::Tensor embedding(const at::Tensor &weight, const at::Tensor &indices);
at::Tensor one_hot(const at::Tensor &indices, int64_t classes);
at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);
/// The fused one, of rows that were checked.
at::Tensor group_norm(const at::Tensor &x, int64_t groups, const norm::Rows &rows);

/// libtorch knows no autocast of the device meta; this thread's stands here, and the products above follow it.
Autocast autocast();
/// Casts of weights that were kept are forgotten.
void set_autocast(Autocast);

}  // namespace shim::meta
