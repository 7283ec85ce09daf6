// Operations with a backward pass of their own, given as closures: libtorch's template for them takes seconds to compile for each use, so
// there is one.
#pragma once
#include "ctorch_internal.h"

#include <functional>

namespace shim {

using Tensors = std::vector<at::Tensor>;

/// What a backward pass is given.
struct Arriving {
  const at::Tensor &dy;              // the gradient of the result; zeros if none arrived
  const Tensors &saved;              // what the forward pass saved
  const std::vector<bool> &wanted;   // for each input, whether its gradient is used; false for an undefined input
};

/// The result, computed without recording; appends to `saved` what the backward pass needs. A closure must not hold tensors instead: one
/// that holds the result holds itself and is never freed.
using Forward = std::function<at::Tensor(Tensors &saved)>;
/// The gradient of each input, undefined where it is not wanted.
using Backward = std::function<Tensors(const Arriving &)>;

/// The result of `forward`, recorded for gradients of the inputs, some of which may be undefined.
at::Tensor differentiable(const Tensors &inputs, const Forward &forward, Backward backward);

}  // namespace shim
