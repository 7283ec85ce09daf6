// The operation that networks call: the fused group norm with its gradient if the operands suit it, otherwise a composition.
#include "../../meta/meta.h"
#include "../../support/differentiable.h"
#include "rows.h"

namespace {

using shim::norm::Rows;
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

/// - rows: float32, contiguous.
at::Tensor recorded(const at::Tensor &x, int64_t groups, const Rows &rows, double eps, ct_activation activation) {
  auto forward = [&](shim::Tensors &saved) {
    at::Tensor statistics, y = shim::norm::forward(x, groups, rows, eps, activation, &statistics);
    saved = {x, statistics, rows.weight, rows.bias, rows.scale, rows.shift};
    return y;
  };
  auto backward = [activation](const shim::Arriving &arriving) -> shim::Tensors {
    TORCH_CHECK(!c10::GradMode::is_enabled(), "the fused group norm has a first derivative only");
    const auto &saved = arriving.saved;
    const at::Tensor dy = arriving.dy.to(saved[0].scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    auto d = shim::norm::backward(dy, saved[0], saved[1], {saved[2], saved[3], saved[4], saved[5]}, activation);
    return {d.x, d.rows.weight, d.rows.bias, d.rows.scale, d.rows.shift};
  };
  return shim::differentiable({x, rows.weight, rows.bias, rows.scale, rows.shift}, forward, backward);
}

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
  return recorded(x, groups, read, eps, activation);
}

}  // namespace shim::norm
