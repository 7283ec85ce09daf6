// Steps over all parameters, in place: clipping, Adam, moving averages.
#include "../kernels/update/update.h"
#include "../support/ctorch_internal.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace {

using shim::update::best_loops;

/// Whether the elements of both are in the same order in memory. Strides of axes of size 1 do not matter.
bool same_layout(const at::Tensor &a, const at::Tensor &b) {
  for (int64_t axis = 0; axis < a.dim(); axis++)
    if (a.size(axis) > 1 && a.stride(axis) != b.stride(axis)) return false;
  return true;
}

bool is_plain(const at::Tensor &t) {
  return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_non_overlapping_and_dense();
}

/// A parameter and what its step needs; no gradient: only its average moves.
struct Update {
  at::Tensor parameter, gradient, first, second, steps, average;

  /// Loops run over memory in order, so that gradient and moments need the parameter's layout.
  void align() {
    for (const at::Tensor &moment : {first, second})
      TORCH_CHECK(moment.sizes() == parameter.sizes() && same_layout(moment, parameter) && parameter.is_non_overlapping_and_dense(),
                  "the running means of a parameter ", parameter.sizes(), " have another memory layout than the parameter");
    if (!same_layout(gradient, parameter)) gradient = at::empty_like(parameter).copy_(gradient);
  }

  bool is_plain() const {
    for (const at::Tensor &t : {parameter, gradient, first, second, average})
      if (t.defined() && (!::is_plain(t) || !same_layout(t, parameter))) return false;
    return true;
  }
};

/// Part of a tensor's elements in memory.
struct Chunk {
  size_t index;
  int64_t begin, end;
};
/// 64 kB of each array: what a core's second cache holds of six. Sums depend on it, and not on the number of threads.
constexpr int64_t chunk_elements = 1 << 14;

template <class List, class Tensor> std::vector<Chunk> chunks(const List &list, Tensor tensor) {
  std::vector<Chunk> chunks;
  for (size_t i = 0; i < list.size(); i++)
    for (int64_t begin = 0, count = tensor(list[i]).numel(); begin < count; begin += chunk_elements)
      chunks.push_back({i, begin, std::min(begin + chunk_elements, count)});
  return chunks;
}

double gradient_norm(const std::vector<at::Tensor> &grads) {
  if (!std::all_of(grads.begin(), grads.end(), is_plain)) return at::stack(at::_foreach_norm(grads)).norm().item<double>();
  const auto parts = chunks(grads, [](const at::Tensor &t) -> const at::Tensor & { return t; });
  std::vector<double> sums(parts.size());
  shim::parallel_for(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const Chunk &part = parts[i];
      sums[i] = best_loops().sum_of_squares(part.end - part.begin, grads[part.index].const_data_ptr<float>() + part.begin);
    }
  });
  return std::sqrt(std::accumulate(sums.begin(), sums.end(), 0.0));
}

/// The numbers of a parameter's step, the `t`th.
shim::update::Step numbers(const ct_adam_step &s, double t) {
  const double root = std::sqrt(1 - std::pow(s.beta2, t));
  return {
      static_cast<float>(s.scale), static_cast<float>(s.penalty), static_cast<float>(1 - s.lr * s.decay),
      static_cast<float>(1 - s.beta1), static_cast<float>(s.beta2), static_cast<float>(1 - s.beta2),
      static_cast<float>(s.lr / (1 - std::pow(s.beta1, t))), static_cast<float>(1 / root), static_cast<float>(s.eps),
      static_cast<float>(1 - s.average_rate)};
}

void step_plain(const std::vector<Update> &updates, const ct_adam_step &options) {
  std::vector<shim::update::Step> steps;
  for (const Update &update : updates)
    steps.push_back(numbers(options, update.gradient.defined() ? *update.steps.mutable_data_ptr<float>() += 1 : 1));
  const auto parts = chunks(updates, [](const Update &update) -> const at::Tensor & { return update.parameter; });
  shim::parallel_for(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const Chunk &part = parts[i];
      const Update &update = updates[part.index];
      const auto at = [&](const at::Tensor &t) { return t.defined() ? t.mutable_data_ptr<float>() + part.begin : nullptr; };
      const int64_t count = part.end - part.begin;
      if (update.gradient.defined())
        best_loops().step(count, at(update.parameter), at(update.gradient), at(update.first), at(update.second), at(update.average),
                          steps[part.index]);
      else if (update.average.defined())
        best_loops().average(count, at(update.average), at(update.parameter), steps[part.index].average_weight);
    }
  });
}

/// By libtorch's operations: on other devices, where its fused kernel does the same in a launch for many parameters.
void step_others(const std::vector<Update> &updates, const ct_adam_step &s) {
  std::vector<at::Tensor> p, g, m, v, t, averages, averaged;
  for (const Update &update : updates) {
    if (update.average.defined()) {
      averages.push_back(update.average);
      averaged.push_back(update.parameter);
    }
    if (!update.gradient.defined()) continue;
    p.push_back(update.parameter);
    g.push_back(update.gradient);
    m.push_back(update.first);
    v.push_back(update.second);
    t.push_back(update.steps);
  }
  if (!p.empty()) {
    if (s.scale != 1) at::_foreach_mul_(g, s.scale);
    if (s.penalty != 0) at::_foreach_add_(g, p, s.penalty);
    at::_foreach_add_(t, 1);
    at::_fused_adamw_(p, g, m, v, {}, t, s.lr, s.beta1, s.beta2, s.decay, s.eps, false, false);
  }
  if (!averages.empty()) at::_foreach_lerp_(averages, averaged, 1 - s.average_rate);
}

}  // namespace

extern "C" {

int ct_copy(ct_tensor *destination, const ct_tensor *source) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    TORCH_CHECK(destination->t.sizes() == source->t.sizes(), "shapes ", destination->t.sizes(), " and ", source->t.sizes(), " differ");
    destination->t.copy_(source->t);
  });
}

int ct_clear_grads(ct_tensor *const *parameters, size_t n) {
  return shim::run([&] {
    for (size_t i = 0; i < n; i++) parameters[i]->t.mutable_grad() = at::Tensor();
  });
}

int ct_gradient_norm(ct_tensor *const *parameters, size_t n, double *norm) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    std::vector<at::Tensor> grads;
    for (size_t i = 0; i < n; i++)
      if (parameters[i]->t.grad().defined()) grads.push_back(parameters[i]->t.grad());
    *norm = grads.empty() ? 0 : gradient_norm(grads);
  });
}

int ct_adam(ct_tensor *const *parameters, ct_tensor *const *first, ct_tensor *const *second, ct_tensor *const *steps,
            ct_tensor *const *averages, size_t n, const ct_adam_step *step) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    std::vector<Update> plain, others;
    for (size_t i = 0; i < n; i++) {
      Update update{parameters[i]->t, parameters[i]->t.grad(), first[i]->t, second[i]->t, steps[i]->t, {}};
      if (averages) update.average = averages[i]->t;
      if (update.gradient.defined()) update.align();
      (update.is_plain() ? plain : others).push_back(std::move(update));
    }
    // One pass over memory where our loops apply, which is where training on a CPU is.
    step_plain(plain, *step);
    step_others(others, *step);
  });
}

int ct_ema(ct_tensor *const *averages, ct_tensor *const *values, size_t n, double rate) {
  return shim::run([&] {
    c10::AutoGradMode off(false);
    at::_foreach_lerp_(shim::list(averages, n), shim::list(values, n), 1 - rate);
  });
}

}  // extern "C"
