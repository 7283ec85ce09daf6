// bfloat16 and float16 on processors for which oneDNN has no kernels of that type, such as x86-64 without AVX-512 for bfloat16.
//
// On these libtorch falls back to plain loops: a convolution takes 6 to 40 times as long as in float32, and packing its weights
// fails. Instead, operands are widened to float32, which is exact, and the result is rounded once, as oneDNN's kernels do.
#pragma once
#include "../../support/ctorch_internal.h"

namespace shim::low_precision {

/// Whether oneDNN has kernels for products of this type on the CPU. Always true for other types than bfloat16 and float16.
bool has_kernels(at::ScalarType type);

/// The type in which products of such tensors are computed: float32 for low precision without kernels on the CPU (and on meta,
/// which stands for it), otherwise their own.
at::ScalarType computed_in(const at::Tensor &t);
at::ScalarType computed_in(at::ScalarType type, at::Device device);

/// Whether the product of these operands, under this thread's autocast, has to be computed in float32.
bool is_emulated(const at::Tensor &x, const at::Tensor &weight);

/// Products of operands for which `is_emulated` holds, recorded for gradients. The results, and the operands that conv2d and linear
/// keep for the backward pass, have the low precision.
at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, int64_t stride, int64_t padding);
at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias);
at::Tensor matmul(const at::Tensor &a, const at::Tensor &b);

/// The gradients of a convolution's input and weight, as requested, given the gradient dy of its result.
std::pair<at::Tensor, at::Tensor> conv2d_gradients(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight, int64_t stride,
                                                   int64_t padding, bool of_input, bool of_weight);

}  // namespace shim::low_precision
