// Convolutions for inference, whose weights are cast once, and packed once for the sizes of images that they meet.
#include "../kernels/convolution/convolution.h"
#include "../kernels/low_precision/low_precision.h"
#include "../meta/meta.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <string_view>

using shim::tensor;
using shim::convolution::Addends;

namespace {

/// oneDNN's layout of weights depends on the sizes of the images: weights packed for others are packed again in every call, by its
/// slowest path.
struct PackedFor {
  std::array<int64_t, 3> size;  // images, height, width
  at::Tensor weight;
};
/// The sizes for which packed weights are kept, those used last. An upscaler's tiles have up to four.
constexpr size_t sizes_kept = 4;

}  // namespace

struct ct_conv {
  at::ScalarType type;      // the dtype of images and results; weights and bias have the type that is computed in
  at::Tensor weight, bias;  // channels-last
  int64_t inputs, outputs, kernel, stride, padding;
  mutable std::mutex mutex;                // of the following
  mutable std::vector<PackedFor> packed;   // for oneDNN
  mutable at::Tensor transformed;          // for Winograd's kernels
};

namespace {

// oneDNN's convolution with packed weights has no C++ declaration; it is looked up by name.
using Pointwise = at::Tensor(const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, at::IntArrayRef,
                             at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view, c10::List<std::optional<at::Scalar>>,
                             std::optional<std::string_view>);
using PointwiseAdd = at::Tensor &(at::Tensor &, const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &,
                                  at::IntArrayRef, at::IntArrayRef, at::IntArrayRef, int64_t, std::string_view,
                                  std::optional<at::Scalar>, std::optional<std::string_view>,
                                  c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
/// The operation of this name, if this build of libtorch has a CPU kernel for it.
std::optional<c10::OperatorHandle> find(const char *name, const char *overload) {
  auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
  if (handle && !handle->hasKernelForDispatchKey(c10::DispatchKey::MkldnnCPU) &&
      !handle->hasKernelForDispatchKey(c10::DispatchKey::CPU))
    return std::nullopt;
  return handle;
}

/// The weights packed for images of this size; undefined if this build of libtorch cannot pack.
at::Tensor pack(const ct_conv &c, at::IntArrayRef images) {
  static const auto operation = find("mkldnn::_reorder_convolution_weight", "");
  if (!operation) return {};
  torch::jit::Stack stack;
  stack.emplace_back(c.weight);
  stack.emplace_back(std::vector<int64_t>{c.padding, c.padding});
  stack.emplace_back(std::vector<int64_t>{c.stride, c.stride});
  stack.emplace_back(std::vector<int64_t>{1, 1});
  stack.emplace_back(int64_t{1});
  stack.emplace_back(images.vec());
  operation->callBoxed(&stack);
  return stack.front().toTensor();
}

/// The weights packed for images of this size, from those kept if it is among them.
at::Tensor packed_for(const ct_conv &c, at::IntArrayRef images) {
  const std::array<int64_t, 3> size{images[0], images[2], images[3]};
  std::lock_guard<std::mutex> lock(c.mutex);
  auto found = std::find_if(c.packed.begin(), c.packed.end(), [&](const PackedFor &p) { return p.size == size; });
  if (found != c.packed.end()) {
    std::rotate(found, found + 1, c.packed.end());  // the newest is the last
    return c.packed.back().weight;
  }
  at::Tensor packed = pack(c, images);
  if (!packed.defined()) return packed;
  if (c.packed.size() == sizes_kept) c.packed.erase(c.packed.begin());
  c.packed.push_back({size, packed});
  return packed;
}

/// The weights transformed for Winograd's kernels, if they are worth keeping for images of this size.
at::Tensor transformed_for(const ct_conv &c, at::IntArrayRef images) {
  std::lock_guard<std::mutex> lock(c.mutex);
  if (!c.transformed.defined() && shim::convolution::keeps_transformed(images, c.weight.sizes()))
    c.transformed = shim::convolution::transform(c.weight);
  return c.transformed;
}

at::Tensor convolve_packed(const ct_conv &c, const at::Tensor &packed, const at::Tensor &x) {
  static const auto operation = c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise", "").typed<Pointwise>();
  const int64_t padding[] = {c.padding, c.padding}, stride[] = {c.stride, c.stride}, dilation[] = {1, 1};
  return operation.call(x, packed, c.bias, padding, stride, dilation, 1, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

/// residual += conv(x), in the same pass that computes the convolution.
void accumulate_packed(const ct_conv &c, const at::Tensor &packed, const at::Tensor &x, at::Tensor &residual) {
  static const auto operation =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_convolution_pointwise_", "binary").typed<PointwiseAdd>();
  const int64_t padding[] = {c.padding, c.padding}, stride[] = {c.stride, c.stride}, dilation[] = {1, 1};
  operation.call(residual, x, packed, c.bias, padding, stride, dilation, 1, "add", 1.0, std::nullopt,
                 c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

/// oneDNN gets raw pointers, so the operands' shapes and dtypes are checked here.
void check_operands(const ct_conv &c, const at::Tensor &x, const ct_tensor *rows, const ct_tensor *residual) {
  const auto type = c.type;
  TORCH_CHECK(x.dim() == 4 && x.size(1) == c.inputs, "expected images of ", c.inputs, " channels, [N, C, H, W], found ", x.sizes());
  TORCH_CHECK(x.scalar_type() == type, "the weights were packed in ", type, ", the images are ", x.scalar_type());
  auto positions = [&](int64_t size) { return (size + 2 * c.padding - c.kernel) / c.stride + 1; };
  const int64_t expected[] = {x.size(0), c.outputs, positions(x.size(2)), positions(x.size(3))}, row[] = {x.size(0), c.outputs};
  TORCH_CHECK(std::min(x.size(2), x.size(3)) + 2 * c.padding >= c.kernel, "images ", x.sizes(), " are smaller than a kernel of ", c.kernel);
  TORCH_CHECK(!rows || rows->t.sizes() == at::IntArrayRef(row), "the addend of each image must be ", at::IntArrayRef(row), ", not ",
              rows->t.sizes());
  if (!residual) return;
  TORCH_CHECK(residual->t.sizes() == expected && residual->t.scalar_type() == type, "the residual must be ", type, " ",
              at::IntArrayRef(expected), ", not ", residual->t.scalar_type(), " ", residual->t.sizes());
}

/// Adds rows [N, O] to images in place.
void add_rows(at::Tensor &y, const ct_tensor *rows) {
  if (rows) y.add_(rows->t.to(y.scalar_type()).unsqueeze(-1).unsqueeze(-1));
}

/// By oneDNN, the rows added afterwards and the residual in the same pass, as far as there are no rows.
at::Tensor convolve_by_onednn(const ct_conv &c, const at::Tensor &packed, const at::Tensor &x, const ct_tensor *rows,
                              const ct_tensor *residual) {
  if (residual && !rows) {
    at::Tensor sum = residual->t.to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    if (sum.is_same(residual->t)) sum = sum.clone();  // the operation writes into it
    accumulate_packed(c, packed, x, sum);
    return sum;
  }
  at::Tensor y = convolve_packed(c, packed, x);
  add_rows(y, rows);
  return residual ? residual->t + y : y;
}

/// By libtorch's convolution of weights that are not packed: other devices, no images, builds without oneDNN.
at::Tensor convolve_plain(const ct_conv &c, const at::Tensor &x, const ct_tensor *rows, const ct_tensor *residual) {
  at::Tensor y = at::conv2d(x, c.weight, c.bias, c.stride, c.padding);
  add_rows(y, rows);
  return residual ? residual->t + y : y;
}

/// On meta: what the CPU keeps and returns.
at::Tensor convolve_meta(const ct_conv &c, const at::Tensor &x) {
  if (x.scalar_type() == at::kFloat &&
      shim::convolution::suits(shim::convolution::Pass::forward, x.sizes(), c.weight.sizes(), c.stride, c.padding)) {
    if (!c.transformed.defined() && shim::convolution::keeps_transformed(x.sizes(), c.weight.sizes()))
      c.transformed = at::empty({shim::convolution::transformed_size(c.weight.sizes())}, c.weight.options());
  } else if (c.packed.empty()) {
    c.packed.push_back({{}, at::empty_like(c.weight)});
  }
  return shim::meta::packed_conv2d(x, c.weight, c.stride, c.padding);
}

at::Tensor convolve(const ct_conv &c, const at::Tensor &x, const ct_tensor *rows, const ct_tensor *residual) {
  TORCH_CHECK(x.device() == c.weight.device(), "the weights are on ", c.weight.device(), ", the images on ", x.device());
  if (x.is_meta()) return convolve_meta(c, x);
  if (!x.is_cpu() || x.numel() == 0) return convolve_plain(c, x, rows, residual);
  const at::Tensor images = x.contiguous(at::MemoryFormat::ChannelsLast);
  if (shim::convolution::fits(images, c.weight, c.stride, c.padding)) {
    const Addends addends{c.bias, rows ? rows->t.to(at::kFloat).contiguous() : at::Tensor(),
                          residual ? residual->t.to(at::kFloat) : at::Tensor()};
    return shim::convolution::forward(images, c.weight, addends, transformed_for(c, images.sizes()));
  }
  const at::Tensor packed = packed_for(c, images.sizes());
  if (!packed.defined()) return convolve_plain(c, images, rows, residual);
  return convolve_by_onednn(c, packed, images, rows, residual);
}

}  // namespace

extern "C" {

ct_conv *ct_conv_pack(const ct_tensor *weight, const ct_tensor *bias, int64_t stride, int64_t padding, ct_dtype dtype) {
  ct_conv *out = nullptr;
  shim::run([&] {
    c10::AutoGradMode off(false);
    auto type = shim::scalar_type(dtype);
    TORCH_CHECK(weight->t.dim() == 4 && weight->t.size(2) == weight->t.size(3), "expected weights [O, C, K, K], found ", weight->t.sizes());
    TORCH_CHECK(!bias || bias->t.sizes() == weight->t.sizes().slice(0, 1), "expected one bias per output, found ", bias->t.sizes());
    TORCH_CHECK(stride > 0 && padding >= 0, "expected a positive stride and a padding of 0 or more, found ", stride, " and ", padding);
    // Rounded to the dtype first, even if computed in float32. Always copied, so that further training does not change the packed
    // weights.
    const auto computed = shim::low_precision::computed_in(type, weight->t.device());
    auto copy = [&](const at::Tensor &t) { return t.detach().to(type, /*non_blocking=*/false, /*copy=*/true).to(computed); };
    at::Tensor w = copy(weight->t).contiguous(at::MemoryFormat::ChannelsLast), b = bias ? copy(bias->t) : at::Tensor();
    out = new ct_conv{type, w, b, w.size(1), w.size(0), w.size(2), stride, padding, {}, {}, {}};
  });
  return out;
}

void ct_conv_free(ct_conv *c) { delete c; }

ct_tensor *ct_conv_apply(const ct_conv *c, const ct_tensor *x, const ct_tensor *rows, const ct_tensor *residual) {
  return tensor([&] {
    c10::AutoGradMode off(false);
    check_operands(*c, x->t, rows, residual);
    return convolve(*c, x->t.to(shim::low_precision::computed_in(x->t)), rows, residual).to(c->type);
  });
}

}  // extern "C"
