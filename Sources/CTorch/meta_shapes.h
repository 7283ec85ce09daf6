// Operations of networks on the device meta, where libtorch itself has no shapes for them: checked as elsewhere, and
// nothing is computed.
#pragma once
#include "ctorch_internal.h"

namespace shim::meta {

inline at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding) {
  TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && x.size(1) == weight.size(1), "expected images of ", weight.size(1),
              " channels, found ", x.sizes());
  auto size = [&](int64_t axis) { return (x.size(axis) + 2 * padding - weight.size(axis)) / stride + 1; };
  TORCH_CHECK(size(2) > 0 && size(3) > 0, "images of ", x.size(2), " x ", x.size(3), " are smaller than the kernel");
  return at::empty({x.size(0), weight.size(0), size(2), size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
}

inline at::Tensor embedding(const at::Tensor &weight, const at::Tensor &indices) {
  TORCH_CHECK(weight.dim() == 2, "expected a table [rows, width], found ", weight.sizes());
  auto sizes = indices.sizes().vec();
  sizes.push_back(weight.size(1));
  return at::empty(sizes, weight.options());
}

inline at::Tensor one_hot(const at::Tensor &indices, int64_t classes) {
  auto sizes = indices.sizes().vec();
  sizes.push_back(classes);
  return at::empty(sizes, indices.options());
}

inline at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) && q.size(1) == k.size(1) &&
                  q.size(3) == k.size(3),
              "queries ", q.sizes(), ", keys ", k.sizes(), " and values ", v.sizes(), " do not fit");
  return at::empty_like(q);
}

}  // namespace shim::meta
