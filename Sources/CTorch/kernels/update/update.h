// The pass over all parameters of a training step: Adam, weight decay, clipping and the moving average.
#pragma once
#include <cstdint>

namespace shim::update {

/// What a step of Adam does to each element of a parameter.
struct Step {
  /// The gradient's factor, by which it is clipped.
  float scale;
  /// This times the parameter is added to the gradient: Adam's L2 penalty.
  float penalty;
  /// The parameter's factor before the step: 1 − learning rate × decoupled weight decay.
  float kept;
  /// 1 − β1, β2 and 1 − β2.
  float first_weight, beta2, second_weight;
  /// The learning rate over 1 − β1^t, and 1 / √(1 − β2^t).
  float rate, inverse_root;
  float eps;
  /// 1 − the rate of the moving average.
  float average_weight;
};

/// Loops over elements that lie next to each other in memory.
struct Loops {
  /// Null: `average`, for none.
  void (*step)(int64_t count, float *parameter, const float *gradient, float *first, float *second, float *average, const Step &);
  void (*average)(int64_t count, float *average, const float *parameter, float weight);
  double (*sum_of_squares)(int64_t count, const float *values);
};

const Loops &best_loops();

}  // namespace shim::update
