// Convolutions of images: Winograd's kernels where they are faster than libtorch's, which is decided by a fixed rule on instruction set
// and shape (never by timing, so that bytes repeat), with the sums that networks add to a convolution.
#pragma once
#include "../../support/ctorch_internal.h"

#include <array>

namespace shim::convolution {

/// What is added to a convolution's result: bias [O], rows [N, O] and residual [N, O, H', W'], each of which may be undefined.
struct Addends {
  at::Tensor bias, rows, residual;
};

/// Whether convolutions are libtorch's own: as `set_exact` says for the process, or `override_exact` for this thread.
bool is_exact();
void set_exact(bool);
/// 1: exact, 0: not exact, -1: as the process. Returns the previous value.
int override_exact(int);

/// conv(x) + addends, recorded for gradients (those of Winograd's kernels may be differentiated again).
at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const Addends &, int64_t stride, int64_t padding);

/// The passes of a convolution, for which the rule may differ.
enum class Pass { forward, input_gradient, weight_gradient };

/// Whether Winograd's kernels compute this pass of a convolution of float32 images [N, C, H, W] with these weights.
bool suits(Pass, at::IntArrayRef images, at::IntArrayRef weight, int64_t stride, int64_t padding);
/// Whether Winograd's kernel computes the forward pass of these operands: float32 on the CPU, images channels-last.
bool fits(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding);

/// conv(x) + addends by Winograd's kernel; operands for which `fits` holds, addends contiguous float32. Not recorded.
/// - transformed: the weights of `transform`, or undefined.
at::Tensor forward(const at::Tensor &x, const at::Tensor &weight, const Addends &, const at::Tensor &transformed);
/// The weights in the form that `forward` multiplies by, 36/9 as large, valid for images of any size.
at::Tensor transform(const at::Tensor &weight);
/// The number of floats that `transform` returns.
int64_t transformed_size(at::IntArrayRef weight);
/// The most floats of transformed weights that a call holds that is not given them.
int64_t workspace_size(at::IntArrayRef weight);
/// Whether inference keeps transformed weights: if transforming takes a good part of the time, and their memory is small.
bool keeps_transformed(at::IntArrayRef images, at::IntArrayRef weight);

struct Gradients {
  at::Tensor input, weight, bias;
};
/// The wanted gradients of a convolution without addends but bias, given its result's gradient dy; float32 on the CPU. Not recorded.
Gradients gradients(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding,
                    std::array<bool, 3> wanted);

/// The gradients of a float32 weight and, if wanted, bias by Winograd's kernel: x and dy channels-last, both float32 or both bfloat16, of
/// a shape that `suits` the pass. Sums are float32. Not recorded.
std::pair<at::Tensor, at::Tensor> weight_gradient(const at::Tensor &dy, const at::Tensor &x, const at::Tensor &weight, bool of_bias);

/// Whether a convolution under autocast to bfloat16 has its weight's gradient from Winograd's kernel.
bool suits_mixed(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, int64_t stride, int64_t padding);
/// conv(x) + bias in bfloat16 by libtorch, recorded with the weight's and bias's gradients in float32 by Winograd's kernel; operands for
/// which `suits_mixed` holds.
at::Tensor mixed_conv2d(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);

}  // namespace shim::convolution
