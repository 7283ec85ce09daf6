// See meta.h.
#include "meta.h"

#include "../kernels/low_precision/low_precision.h"

#include <ATen/OpMathType.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/custom_function.h>

#include <unordered_map>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;
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

using shim::convolution::Pass;

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const Row &bias, const Row &rows,
                            const Row &residual, int64_t stride, int64_t padding) {
    auto given = [](const Row &t) { return t.value_or(at::Tensor()); };
    context->save_for_backward({x, weight, given(bias), given(rows)});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    context->saved_data["residual"] = residual.has_value();
    at::Tensor wide = computed(x), weights = computed(weight);
    at::Tensor workspace = reordered(Pass::forward, wide, weights, stride, padding);
    return images(wide, weights, stride, padding).to(x.scalar_type());
  }

  static variable_list backward(AutogradContext *context, const variable_list &arriving) {
    auto saved = context->get_saved_variables();
    const int64_t stride = context->saved_data["stride"].toInt(), padding = context->saved_data["padding"].toInt();
    const at::Tensor &x = saved[0], &weight = saved[1], &bias = saved[2], &rows = saved[3];
    at::Tensor dy = computed(arriving[0].contiguous(channels_last)), wide = computed(x), weights = computed(weight), dx, dw, db;
    if (context->needs_input_grad(0)) {
      at::Tensor workspace = reordered(Pass::input_gradient, wide, weights, stride, padding);
      dx = at::empty_like(wide, channels_last);
    }
    if (context->needs_input_grad(1)) {
      at::Tensor workspace = reordered(Pass::weight_gradient, wide, weights, stride, padding);
      dw = at::empty_like(weights, channels_last);
      if (bias.defined()) db = at::empty_like(bias);
    }
    auto narrow = [&](const at::Tensor &t) { return t.defined() ? t.to(x.scalar_type()) : t; };
    return {narrow(dx),
            narrow(dw),
            db,
            rows.defined() ? at::empty_like(rows) : Variable(),
            context->saved_data["residual"].toBool() ? arriving[0] : Variable(),
            Variable(),
            Variable()};
  }
};

struct Embedding : torch::autograd::Function<Embedding> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &weight, const at::Tensor &indices) {
    context->save_for_backward({weight});
    auto sizes = indices.sizes().vec();
    sizes.push_back(weight.size(1));
    return at::empty(sizes, weight.options());
  }

  static variable_list backward(AutogradContext *context, const variable_list &) {
    return {at::empty_like(context->get_saved_variables()[0]), Variable()};
  }
};

struct Attention : torch::autograd::Function<Attention> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v) {
    // Laid out as [N, length, heads, d], like the kernels' results.
    at::Tensor y = at::empty({q.size(0), q.size(2), q.size(1), q.size(3)}, q.options()).transpose(1, 2);
    at::Tensor log_sums = at::empty({q.size(0), q.size(1), q.size(2)}, q.options().dtype(at::kFloat));
    context->save_for_backward({q, k, v, y, log_sums});
    return y;
  }

  static variable_list backward(AutogradContext *context, const variable_list &arriving) {
    at::Tensor dy = arriving[0].contiguous();
    auto saved = context->get_saved_variables();
    return {at::empty_like(saved[0]), at::empty_like(saved[1]), at::empty_like(saved[2])};
  }
};

Row row(const at::Tensor &t) { return t.defined() ? Row(t) : std::nullopt; }

struct GroupNorm : torch::autograd::Function<GroupNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const Row &weight, const Row &bias, const Row &scale,
                            const Row &shift, int64_t groups) {
    at::Tensor statistics = at::empty({x.size(0), groups, 2}, x.options().dtype(at::kDouble));
    auto given = [](const Row &t) { return t.value_or(at::Tensor()); };
    context->save_for_backward({x, statistics, given(weight), given(bias), given(scale), given(shift)});
    return at::empty_like(x);
  }

  static variable_list backward(AutogradContext *context, const variable_list &arriving) {
    auto saved = context->get_saved_variables();
    at::Tensor dy = arriving[0].to(saved[0].scalar_type()).contiguous(channels_last);
    variable_list gradients{at::empty_like(saved[0])};
    for (size_t i = 2; i < 6; i++) gradients.push_back(saved[i].defined() ? at::empty_like(saved[i]) : Variable());
    gradients.emplace_back();
    return gradients;
  }
};

struct LayerNorm : torch::autograd::Function<LayerNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const Row &weight, const Row &bias) {
    auto rows = x.sizes().vec();
    rows.back() = 1;
    auto statistics = x.options().dtype(at::toOpMathType(x.scalar_type()));
    at::Tensor mean = at::empty(rows, statistics), deviation = at::empty(rows, statistics);
    context->save_for_backward({x, mean, deviation, weight.value_or(at::Tensor()), bias.value_or(at::Tensor())});
    return at::empty_like(x);
  }

  static variable_list backward(AutogradContext *context, const variable_list &arriving) {
    at::Tensor dy = arriving[0].contiguous();
    auto saved = context->get_saved_variables();
    auto alike = [](const at::Tensor &t) { return t.defined() ? at::empty_like(t) : Variable(); };
    return {at::empty_like(saved[0]), alike(saved[3]), alike(saved[4])};
  }
};

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
  const at::Tensor images = operand(x);
  const Row bias = row(addends.bias);
  if (images.scalar_type() == at::kFloat)  // one operation on the CPU too
    return Convolution::apply(images, operand(weight), operand(bias), row(addends.rows), row(addends.residual), stride, padding);
  at::Tensor y = Convolution::apply(images, operand(weight), operand(bias), Row(), Row(), stride, padding);
  if (addends.rows.defined()) y = y + addends.rows.to(y.scalar_type()).unsqueeze(-1).unsqueeze(-1);
  return addends.residual.defined() ? addends.residual + y : y;
}

at::Tensor packed_conv2d(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding) {
  return images(x, weight, stride, padding);
}

at::Tensor embedding(const at::Tensor &weight, const at::Tensor &indices) {
  TORCH_CHECK(weight.dim() == 2, "expected a table [rows, width], found ", weight.sizes());
  return Embedding::apply(weight, indices);
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
  return Attention::apply(operand(q), operand(k), operand(v));
}

at::Tensor layer_norm(const at::Tensor &x, const Row &weight, const Row &bias) {
  TORCH_CHECK(x.dim() > 0, "expected an axis to normalise over, found a single number");
  for (const Row &row : {weight, bias})
    TORCH_CHECK(!row || row->sizes() == x.sizes().slice(x.dim() - 1), "expected a weight and a bias of [", x.size(-1), "], found ",
                row->sizes());
  return LayerNorm::apply(x, weight, bias);
}

at::Tensor group_norm(const at::Tensor &x, int64_t groups, const norm::Rows &rows) {
  return GroupNorm::apply(x, row(rows.weight), row(rows.bias), row(rows.scale), row(rows.shift), groups);
}

}  // namespace shim::meta
