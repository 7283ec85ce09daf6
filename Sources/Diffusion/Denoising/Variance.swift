import Foundation
import Tensors

/// Where the variance of an ancestral step comes from.
public enum Variance: String, Sendable, Codable, CaseIterable {
  /// β̃, the variance of the posterior q(x_s | x_t, x₀): right for data that is a single point.
  case fixedSmall = "fixed_small"
  /// β: right for data that is normally distributed.
  case fixedLarge = "fixed_large"
  /// In between, where the network says for each element (Nichol and Dhariwal 2021). It has twice the images' channels: first its
  /// prediction, then the place within the range, from −1 to 1.
  case learnedRange = "learned_range"

  /// Channels that the network puts out for images of so many.
  public func outputChannels(images channels: Int) -> Int { self == .learnedRange ? 2 * channels : channels }

  /// The part of a network's output that is its prediction, and the variance.
  /// - Parameter output: `[N, C, H, W]`, or `[N, 2C, H, W]` for `learnedRange`.
  func split(_ output: Tensor) -> (prediction: Tensor, variance: StepVariance) {
    switch self {
    case .fixedSmall: return (output, .fixedSmall)
    case .fixedLarge: return (output, .fixedLarge)
    case .learnedRange:
      let parts = output.chunk(2, dim: 1)
      return (parts[0], .range((parts[1] + 1) / 2))
    }
  }
}

/// The variance of one ancestral step, between β̃ and β of that step.
public enum StepVariance: Sendable {
  case fixedSmall, fixedLarge
  /// At each element so far from log β̃ (0) to log β (1), of x's shape; a network may leave the range.
  case range(Tensor)

  /// log Σ for x, of x's shape or `[]`.
  ///
  /// Nichol and Dhariwal 2021, eq. 15: Σ = exp(v log β + (1 − v) log β̃).
  func logVariance(beta: Double, posterior: Double, like x: Tensor) -> Tensor {
    switch self {
    case .fixedSmall: Tensor.full(log(posterior), [], dtype: x.dtype, on: x.device)
    case .fixedLarge: Tensor.full(log(beta), [], dtype: x.dtype, on: x.device)
    case .range(let place): place * log(beta) + (1 - place) * log(posterior)
    }
  }
}
