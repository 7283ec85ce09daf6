// The operation that networks call: the fused group norm with its gradient if the operands suit it, otherwise a composition.
#include "../../meta/meta.h"
#include "rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/autograd/custom_function.h>

namespace {

using shim::norm::Rows;
using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;
using namespace shim::norm::operands;

at::Tensor composed(const at::Tensor &x, int64_t groups, const Rows &rows, double eps, ct_activation activation) {
  at::Tensor h = at::group_norm(x, groups, rows.weight, rows.bias, eps);
  if (rows.scale.defined()) h = h * (1 + per_channel(rows.scale, h));
  if (rows.shift.defined()) h = h + per_channel(rows.shift, h);
  return activation == CT_SILU ? at::silu(h) : h;
}

/// The fused kernel takes float32 or bfloat16 images on the CPU, channels-last.
bool fits(const at::Tensor &x, int64_t groups) {
  if (!x.is_cpu() || x.dim() != 4 || x.numel() == 0) return false;
  if (x.scalar_type() != at::kFloat && x.scalar_type() != at::kBFloat16) return false;
  return groups >= 1 && x.size(1) % groups == 0 && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

struct FusedGroupNorm : torch::autograd::Function<FusedGroupNorm> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const Row &weight, const Row &bias, const Row &scale,
                            const Row &shift, int64_t groups, double eps, int64_t activation) {
    Rows rows{or_undefined(weight), or_undefined(bias), or_undefined(scale), or_undefined(shift)};
    at::Tensor statistics;
    at::Tensor y = shim::norm::forward(x, groups, rows, eps, static_cast<ct_activation>(activation), &statistics);
    context->save_for_backward({x, statistics, rows.weight, rows.bias, rows.scale, rows.shift});
    context->saved_data["activation"] = activation;
    return y;
  }

  static variable_list backward(AutogradContext *context, const variable_list &arriving) {
    TORCH_CHECK(!c10::GradMode::is_enabled(), "the fused group norm has a first derivative only");
    auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0];
    at::Tensor dy = arriving[0].to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    auto activation = static_cast<ct_activation>(context->saved_data["activation"].toInt());
    auto d = shim::norm::backward(dy, x, saved[1], {saved[2], saved[3], saved[4], saved[5]}, activation);
    return {d.x, d.rows.weight, d.rows.bias, d.rows.scale, d.rows.shift, Variable(), Variable(), Variable()};
  }
};

}  // namespace

namespace shim::norm {

at::Tensor group_norm(const at::Tensor &x, int64_t groups, const Rows &rows, double eps, ct_activation activation) {
  if (x.is_meta() && x.dim() == 4 && groups >= 1 && x.size(1) % groups == 0) {
    check_sizes(x, rows);
    return shim::meta::group_norm(x, groups, rows);
  }
  if (!fits(x, groups)) return composed(x, groups, rows, eps, activation);
  check_sizes(x, rows);
  const Rows read{readable(rows.weight), readable(rows.bias), readable(rows.scale), readable(rows.shift)};
  if (!wants_gradient(x, read)) return forward(x, groups, read, eps, activation, nullptr);
  return FusedGroupNorm::apply(x, row(read.weight), row(read.bias), row(read.scale), row(read.shift), groups, eps,
                               static_cast<int64_t>(activation));
}

}  // namespace shim::norm
