import Foundation
import Tensors

/// A normal distribution with independent elements.
public struct DiagonalGaussian: Sendable {
  /// `[N, C, H, W]`.
  public var mean: Tensor
  /// The logarithm of the variance, of the mean's shape or one that broadcasts to it.
  public var logVariance: Tensor

  public init(mean: Tensor, logVariance: Tensor) {
    self.mean = mean
    self.logVariance = logVariance
  }
}

/// Diffuses images to a level: a sample of q(x_t | x₀) = N(α x₀, σ² I), by the noise given.
///
/// - Parameters:
///   - x0: clean images in [−1, 1], `[N, C, H, W]`.
///   - levels: one for all images, or one for each.
///   - noise: standard normal, of x0's shape.
public func qSample(_ x0: Tensor, at levels: [NoiseLevel], noise: Tensor) -> Tensor {
  levels.column(\.alpha, like: x0) * x0 + levels.column(\.sigma, like: x0) * noise
}

/// q(x_t | x₀) = N(α x₀, σ² I), eq. 4 of Ho, Jain and Abbeel 2020: what `qSample` draws from.
///
/// - Parameters:
///   - x0: clean images in [−1, 1], `[N, C, H, W]`.
///   - levels: one for all images, or one for each.
/// - Returns: the mean `[N, C, H, W]`, and log σ² as `[N, 1, 1, 1]` or `[1, 1, 1, 1]`.
public func qDistribution(_ x0: Tensor, at levels: [NoiseLevel]) -> DiagonalGaussian {
  DiagonalGaussian(mean: levels.column(\.alpha, like: x0) * x0, logVariance: levels.column({ 2 * log($0.sigma) }, like: x0))
}

extension DiscreteProcess {
  /// q(x_{t−1} | x_t, x₀), eqs. 6 and 7 of Ho, Jain and Abbeel 2020; its log-variance clipped at t = 0.
  ///
  /// - Parameters:
  ///   - x0, xt: `[N, C, H, W]`.
  ///   - timesteps: one for all images, or one for each.
  public func posterior(x0: Tensor, xt: Tensor, at timesteps: [Int]) -> DiagonalGaussian {
    let column = { (table: [Double]) in timesteps.map { table[$0] }.column(like: xt) }
    return DiagonalGaussian(
      mean: column(posteriorMeanX0) * x0 + column(posteriorMeanXt) * xt, logVariance: column(posteriorLogVarianceClipped))
  }

  /// The x₀ for which `previous` is the mean of q(x_{t−1} | x_t, x₀): eq. 7 solved for it. At the noisiest steps x₀ hardly counts in
  /// that mean, and rounding errors grow accordingly.
  ///
  /// - Parameters:
  ///   - previous, xt: `[N, C, H, W]`.
  ///   - timesteps: one for all images, or one for each.
  public func x0(previous: Tensor, xt: Tensor, at timesteps: [Int]) -> Tensor {
    let column = { (table: [Double]) in timesteps.map { table[$0] }.column(like: xt) }
    return (previous - column(posteriorMeanXt) * xt) / column(posteriorMeanX0)
  }

  /// p(x_{t−1} | x_t), the model's step: the posterior at its estimate of x₀, with its variance.
  ///
  /// - Parameters:
  ///   - x0: the model's estimate, `[N, C, H, W]`.
  ///   - xt: what it was made from, `[N, C, H, W]`.
  ///   - timesteps: one for all images, or one for each.
  public func reverse(x0: Tensor, xt: Tensor, variance: StepVariance, at timesteps: [Int]) -> DiagonalGaussian {
    var step = posterior(x0: x0, xt: xt, at: timesteps)
    step.logVariance = variance.logVariance(within: timesteps.map(varianceBounds), like: xt)
    return step
  }

  /// p(x_{t−1} | x_t), the model's step as ancestral sampling takes it: by the mean that the network predicts, where it predicts
  /// that of a step of this process, and moved by variance · gradient where a classifier guides (Dhariwal and Nichol 2021, algorithm 1).
  ///
  /// - Parameters:
  ///   - prediction: of a denoiser at `xt`.
  ///   - xt: `[N, C, H, W]`.
  ///   - timesteps: one for all images, or one for each.
  public func reverse(_ prediction: Prediction, xt: Tensor, at timesteps: [Int]) -> DiagonalGaussian {
    let x0 = prediction.shift?.unguidedX0 ?? prediction.x0
    var step = reverse(x0: x0, xt: xt, variance: prediction.variance, at: timesteps)
    if let mean = prediction.previousMean?.mean(at: timesteps.map(levelBefore)) { step.mean = mean }
    if let shift = prediction.shift {
      step.mean = step.mean + prediction.variance.variance(within: timesteps.map(varianceBounds), like: xt) * shift.gradient
    }
    return step
  }
}
