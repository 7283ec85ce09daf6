// Network operations on the meta device for which libtorch has no meta kernels. Operands are checked but nothing is computed; what
// is kept for gradients, and for how long, matches the CPU kernels.
#pragma once
#include "../kernels/convolution/convolution.h"
#include "../kernels/norm/norm.h"

namespace shim::meta {

at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias);
at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const convolution::Addends &, int64_t stride, int64_t padding);
/// `conv2d` with prepacked weights, for inference.
at::Tensor packed_conv2d(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding);
at::Tensor embedding(const at::Tensor &weight, const at::Tensor &indices);
at::Tensor one_hot(const at::Tensor &indices, int64_t classes);
at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v);
at::Tensor layer_norm(const at::Tensor &x, const std::optional<at::Tensor> &weight, const std::optional<at::Tensor> &bias);
/// A fused norm of this many groups, 0 for one over the channels of each pixel; the rows' sizes must have been checked.
at::Tensor group_norm(const at::Tensor &x, int64_t groups, const norm::Rows &rows);

/// This thread's autocast for the meta device, which libtorch does not provide; the products above follow it.
Autocast autocast();
/// Clears the cache of cast weights.
void set_autocast(Autocast);

}  // namespace shim::meta
