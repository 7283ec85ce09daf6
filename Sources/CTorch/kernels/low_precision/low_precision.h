// bfloat16 and float16 on processors for which oneDNN has no kernels of that type, such as x86-64 without AVX-512 for bfloat16.
//
// There libtorch falls back to plain loops: a convolution takes 6 to 40 times as long as in float32, and packing its weights fails.
// So the operands are widened to float32, which is exact, and the result is rounded once, as those kernels do it.
#pragma once
#include "../ctorch_internal.h"

namespace shim::low_precision {

/// Whether the CPU has fast kernels for products of `type`. Always true of float32 and of types of other devices' operands.
bool has_kernels(at::ScalarType type);

/// The type in which products on this tensor's device, of its dtype, are computed: float32 for a low precision without kernels.
at::ScalarType computed_in(const at::Tensor &t);
at::ScalarType computed_in(at::ScalarType type, at::Device device);

/// Whether the product of these operands, under this thread's autocast, is one to compute here.
bool is_emulated(const at::Tensor &x, const at::Tensor &weight);

/// The products, of operands for which `is_emulated` holds; recorded for gradients where they are wanted. Results have the low
/// precision, as have the operands that are kept for the way back.
at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, int64_t stride, int64_t padding);
at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias);
at::Tensor matmul(const at::Tensor &a, const at::Tensor &b);

/// The gradients of a convolution's input and weight (either may not be asked for) where its result's is dy.
std::pair<at::Tensor, at::Tensor> conv2d_gradients(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight, int64_t stride,
                                                   int64_t padding, bool of_input, bool of_weight);

}  // namespace shim::low_precision
