import Foundation
import Tensors

/// The source of the variance of an ancestral step.
public enum Variance: String, Sendable, Codable, CaseIterable {
  /// β̃, the variance of the posterior q(x_s | x_t, x₀): right for data that is a single point.
  case fixedSmall = "fixed_small"
  /// β: right for data that is normally distributed.
  case fixedLarge = "fixed_large"
  /// The network's: log Σ for each element. It has twice the images' channels: first its prediction, then log Σ. For the
  /// steps of its training alone: with fewer steps Σ would have to grow.
  case learned
  /// Interpolated between the two by the network, for each element (Nichol and Dhariwal 2021). It has twice the images' channels: first its
  /// prediction, then the place within the range, from −1 to 1.
  case learnedRange = "learned_range"

  /// Whether the network predicts it.
  public var isLearned: Bool { self == .learned || self == .learnedRange }

  /// Output channels of the network for images of this many channels.
  public func outputChannels(images channels: Int) -> Int { isLearned ? 2 * channels : channels }

  /// The part of a network's output that is its prediction, and the variance.
  /// - Parameter output: `[N, C, H, W]`, or `[N, 2C, H, W]` where it is learned.
  func split(_ output: Tensor) -> (prediction: Tensor, variance: StepVariance) {
    switch self {
    case .fixedSmall: return (output, .fixedSmall)
    case .fixedLarge: return (output, .fixedLarge)
    case .learned:
      let parts = output.chunk(2, dim: 1)
      return (parts[0], .log(parts[1]))
    case .learnedRange:
      let parts = output.chunk(2, dim: 1)
      return (parts[0], .range((parts[1] + 1) / 2))
    }
  }
}

/// The variance of one ancestral step.
public enum StepVariance: Sendable {
  case fixedSmall, fixedLarge
  /// log Σ itself, of x's shape.
  case log(Tensor)
  /// The position of each element between log β̃ (0) and log β (1), of x's shape; a network may leave the range.
  case range(Tensor)

  /// log Σ for x, of x's shape or `[N, 1, 1, 1]`; that of a step to the clean image clipped.
  ///
  /// Nichol and Dhariwal 2021, eq. 15: Σ = exp(v log β + (1 − v) log β̃).
  ///
  /// - Parameter bounds: one for all images, or one for each.
  func logVariance(within bounds: [VarianceBounds], like x: Tensor) -> Tensor {
    let column = { (value: KeyPath<VarianceBounds, Double>) in bounds.map { Foundation.log($0[keyPath: value]) }.column(like: x) }
    return switch self {
    case .fixedSmall: column(\.clippedPosterior)
    case .fixedLarge: column(\.large)
    case .log(let logVariance): logVariance
    case .range(let place): place * column(\.beta) + (1 - place) * column(\.clippedPosterior)
    }
  }

  /// Σ for x, of x's shape or `[N, 1, 1, 1]`: where it is fixed and small, 0 in a step to the clean image.
  func variance(within bounds: [VarianceBounds], like x: Tensor) -> Tensor {
    if case .fixedSmall = self { return bounds.map(\.posterior).column(like: x) }
    return logVariance(within: bounds, like: x).exp()
  }

  /// The same with its tensors transformed, to those of a part of the images, say.
  func map(_ transform: (Tensor) -> Tensor) -> StepVariance {
    switch self {
    case .fixedSmall, .fixedLarge: self
    case .log(let logVariance): .log(transform(logVariance))
    case .range(let place): .range(transform(place))
    }
  }
}

/// The bounds of the variance of an ancestral step.
struct VarianceBounds: Equatable {
  /// β̃; 0 in a step to the clean image.
  var posterior: Double
  /// β̃, of which there is a logarithm: in a step to the clean image that of the step before.
  var clippedPosterior: Double
  /// β, the other end of the range.
  var beta: Double
  /// β as a variance that is fixed; in a step to the clean image the clipped β̃, which gives a better likelihood.
  var large: Double
}

extension DiscreteProcess {
  /// The bounds at a step.
  func varianceBounds(_ t: Int) -> VarianceBounds {
    VarianceBounds(
      posterior: posteriorVariance[t], clippedPosterior: exp(posteriorLogVarianceClipped[t]), beta: betas[t], large: fixedLargeVariance[t])
  }
}
