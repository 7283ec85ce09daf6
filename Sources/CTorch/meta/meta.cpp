// See meta.h.
#include "meta.h"

#include "../kernels/low_precision/low_precision.h"
#include "../support/differentiable.h"

#include <unordered_map>

namespace {

using shim::Arriving;
using shim::Tensors;
using Row = std::optional<at::Tensor>;

constexpr auto channels_last = at::MemoryFormat::ChannelsLast;

thread_local shim::Autocast current{false, at::kBFloat16};
/// Weights are cast once per scope, as by libtorch's autocast.
thread_local std::unordered_map<const c10::TensorImpl *, at::Tensor> casts;

at::Tensor operand(const at::Tensor &t) {
  if (!current.enabled || t.scalar_type() != at::kFloat) return t;
  if (!t.is_leaf() || !t.requires_grad() || !c10::GradMode::is_enabled()) return t.to(current.dtype);
  auto [place, is_new] = casts.try_emplace(t.unsafeGetTensorImpl());
  if (is_new) place->second = t.to(current.dtype);
  return place->second;
}

Row operand(const Row &t) { return t ? Row(operand(*t)) : std::nullopt; }

at::Tensor images(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding) {
  TORCH_CHECK(x.dim() == 4 && weight.dim() == 4 && x.size(1) == weight.size(1), "expected images of ", weight.size(1),
              " channels, found ", x.sizes());
  auto size = [&](int64_t axis) { return (x.size(axis) + 2 * padding - weight.size(axis)) / stride + 1; };
  TORCH_CHECK(size(2) > 0 && size(3) > 0, "images of ", x.size(2), " x ", x.size(3), " are smaller than the kernel");
  return at::empty({x.size(0), weight.size(0), size(2), size(3)}, x.options(), channels_last);
}

/// The temporary that a call allocates: the weights in its kernel's layout.
at::Tensor reordered(shim::convolution::Pass pass, const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding) {
  if (x.scalar_type() != at::kFloat || !shim::convolution::suits(pass, x.sizes(), weight.sizes(), stride, padding))
    return at::empty_like(weight);
  return at::empty({shim::convolution::workspace_size(weight.sizes())}, weight.options());
}

/// The operand in the type that is computed in: itself, or a temporary wider copy.
at::Tensor computed(const at::Tensor &t) { return t.to(shim::low_precision::computed_in(t)); }

/// Room for the gradient of a tensor.
at::Tensor alike(const at::Tensor &t) { return t.defined() ? at::empty_like(t) : at::Tensor(); }

using shim::convolution::Pass;

/// - saved: x, weight, bias, rows.
Tensors convolution_gradients(const Arriving &arriving, int64_t stride, int64_t padding) {
  const Tensors &saved = arriving.saved;
  const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &rows = saved[3];
  at::Tensor dy = computed(arriving.dy.contiguous(channels_last)), wide = computed(x), weights = computed(weight), dx, dw, db;
  if (arriving.wanted[0]) {
    at::Tensor workspace = reordered(Pass::input_gradient, wide, weights, stride, padding);
    dx = at::empty_like(wide, channels_last);
  }
  if (arriving.wanted[1]) {
    at::Tensor workspace = reordered(Pass::weight_gradient, wide, weights, stride, padding);
    dw = at::empty_like(weights, channels_last);
    if (bias.defined()) db = at::empty_like(bias);
  }
  auto narrow = [&](const at::Tensor &t) { return t.defined() ? t.to(x.scalar_type()) : t; };
  return {narrow(dx), narrow(dw), db, alike(rows), arriving.wanted[4] ? arriving.dy : at::Tensor()};
}

at::Tensor recorded_conv2d(const at::Tensor &x, const at::Tensor &weight, const shim::convolution::Addends &a, int64_t stride,
                       int64_t padding) {
  auto forward = [&](Tensors &saved) {
    saved = {x, weight, a.bias, a.rows};
    at::Tensor wide = computed(x), weights = computed(weight);
    at::Tensor workspace = reordered(Pass::forward, wide, weights, stride, padding);
    return images(wide, weights, stride, padding).to(x.scalar_type());
  };
  auto backward = [stride, padding](const Arriving &arriving) { return convolution_gradients(arriving, stride, padding); };
  return shim::differentiable({x, weight, a.bias, a.rows, a.residual}, forward, backward);
}

}  // namespace

namespace shim::meta {

Autocast autocast() { return current; }

void set_autocast(Autocast wanted) {
  current = wanted;
  casts.clear();
}

at::Tensor linear(const at::Tensor &x, const at::Tensor &weight, const Row &bias) {
  return at::linear(operand(x), operand(weight), operand(bias));
}

at::Tensor conv2d(const at::Tensor &x, const at::Tensor &weight, const convolution::Addends &addends, int64_t stride, int64_t padding) {
  const at::Tensor images = operand(x), weights = operand(weight), bias = addends.bias.defined() ? operand(addends.bias) : at::Tensor();
  if (images.scalar_type() == at::kFloat)  // one operation on the CPU too
    return recorded_conv2d(images, weights, {bias, addends.rows, addends.residual}, stride, padding);
  at::Tensor y = recorded_conv2d(images, weights, {bias}, stride, padding);
  if (addends.rows.defined()) y = y + addends.rows.to(y.scalar_type()).unsqueeze(-1).unsqueeze(-1);
  return addends.residual.defined() ? addends.residual + y : y;
}

at::Tensor packed_conv2d(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding) {
  return images(x, weight, stride, padding);
}

at::Tensor embedding(const at::Tensor &weight, const at::Tensor &indices) {
  TORCH_CHECK(weight.dim() == 2, "expected a table [rows, width], found ", weight.sizes());
  auto forward = [&](Tensors &saved) {
    saved = {weight};
    auto sizes = indices.sizes().vec();
    sizes.push_back(weight.size(1));
    return at::empty(sizes, weight.options());
  };
  return differentiable({weight}, forward, [](const Arriving &arriving) -> Tensors { return {at::empty_like(arriving.saved[0])}; });
}

at::Tensor one_hot(const at::Tensor &indices, int64_t classes) {
  auto sizes = indices.sizes().vec();
  sizes.push_back(classes);
  return at::empty(sizes, indices.options());
}

at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) && q.size(1) == k.size(1) &&
                  q.size(3) == k.size(3),
              "queries ", q.sizes(), ", keys ", k.sizes(), " and values ", v.sizes(), " do not fit");
  const Tensors operands{operand(q), operand(k), operand(v)};
  auto forward = [&](Tensors &saved) {
    const at::Tensor &rows = operands[0];
    // Laid out as [N, length, heads, d], like the kernels' results.
    at::Tensor y = at::empty({rows.size(0), rows.size(2), rows.size(1), rows.size(3)}, rows.options()).transpose(1, 2);
    at::Tensor log_sums = at::empty({rows.size(0), rows.size(1), rows.size(2)}, rows.options().dtype(at::kFloat));
    saved = operands;
    saved.insert(saved.end(), {y, log_sums});
    return y;
  };
  return differentiable(operands, forward, [](const Arriving &arriving) -> Tensors {
    at::Tensor dy = arriving.dy.contiguous();
    return {alike(arriving.saved[0]), alike(arriving.saved[1]), alike(arriving.saved[2])};
  });
}

at::Tensor layer_norm(const at::Tensor &x, const Row &weight, const Row &bias) {
  TORCH_CHECK(x.dim() > 0, "expected an axis to normalise over, found a single number");
  for (const Row &row : {weight, bias})
    TORCH_CHECK(!row || row->sizes() == x.sizes().slice(x.dim() - 1), "expected a weight and a bias of [", x.size(-1), "], found ",
                row->sizes());
  auto forward = [&](Tensors &saved) {
    auto rows = x.sizes().vec();
    rows.back() = 1;
    auto statistics = x.options().dtype(at::toOpMathType(x.scalar_type()));
    at::Tensor mean = at::empty(rows, statistics), deviation = at::empty(rows, statistics);
    saved = {x, mean, deviation, or_undefined(weight), or_undefined(bias)};
    return at::empty_like(x);
  };
  return differentiable({x, or_undefined(weight), or_undefined(bias)}, forward, [](const Arriving &arriving) -> Tensors {
    at::Tensor dy = arriving.dy.contiguous();
    return {alike(arriving.saved[0]), alike(arriving.saved[3]), alike(arriving.saved[4])};
  });
}

at::Tensor group_norm(const at::Tensor &x, int64_t groups, const norm::Rows &rows) {
  auto forward = [&](Tensors &saved) {
    at::Tensor statistics = at::empty({x.size(0), groups, 2}, x.options().dtype(at::kDouble));
    saved = {x, statistics, rows.weight, rows.bias, rows.scale, rows.shift};
    return at::empty_like(x);
  };
  return differentiable({x, rows.weight, rows.bias, rows.scale, rows.shift}, forward, [](const Arriving &arriving) {
    const at::Tensor &x = arriving.saved[0], dy = arriving.dy.to(x.scalar_type()).contiguous(channels_last);
    Tensors gradients{at::empty_like(x)};
    for (size_t i = 2; i < 6; i++) gradients.push_back(alike(arriving.saved[i]));
    return gradients;
  });
}

}  // namespace shim::meta
