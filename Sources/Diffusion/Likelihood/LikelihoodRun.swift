import Foundation
import Tensors

/// One term of the variational bound, of each image.
public struct LikelihoodStep: Sendable, Equatable {
  /// The number of the step, from 0, and of all of them.
  public let index: Int, count: Int
  /// Its timestep, T − 1 first.
  public let timestep: Int
  /// The term of the bound, in bits per dimension.
  public let variational: [Double]
  /// The mean squared error of the model's x₀, and of its ε.
  public let x0Error: [Double], epsilonError: [Double]
}

/// Bounds the negative log-likelihood of images, −log₂ p(x₀) ≤ Σ_t L_t + L_T in bits per dimension, term by term, pulled by the
/// caller, who cancels it by not calling again.
///
///     let run = LikelihoodRun(process, denoiser: denoiser.clipped(), images: x0, noise: BatchNoise(seed: seed))
///     while let step = try run.next() { show(step.index, of: step.count) }
///     let bits = try run.total()
///
/// Ho, Jain and Abbeel 2020, eq. 5; every term from one noise sample, as guided-diffusion's `calc_bpd_loop`.
public final class LikelihoodRun {
  public let process: DiscreteProcess
  /// The steps so far.
  public private(set) var steps: [LikelihoodStep] = []
  private let x0: Tensor
  private let makeNoise: (Tensor) -> Tensor
  private let predict: (Tensor, NoiseLevel) -> Prediction

  /// - Parameters:
  ///   - process: all its steps are visited; respace it for fewer.
  ///   - denoiser: the model at the process's levels, with its variance; clip it as in sampling.
  ///   - x0: clean images in [−1, 1], of 8 bits a value, `[N, C, H, W]`, float32.
  ///   - noise: asked for x0's shape once a step.
  public init<D: Denoiser, N: NoiseSource>(_ process: DiscreteProcess, denoiser: D, images x0: Tensor, noise: N) {
    var noise = noise
    self.process = process
    self.x0 = x0
    predict = { denoiser.predict($0, at: $1) }
    makeNoise = { x in
      defer { noise.stepEnded(x.shape) }
      return noise.normal(like: x)
    }
  }

  /// Takes the next step, from the noisiest to the cleanest; nil when there is none left.
  /// - Throws: the fault of the denoiser or of anything else that led to the terms.
  public func next() throws(TorchFault) -> LikelihoodStep? {
    guard steps.count < process.steps else { return nil }
    let x0 = try x0.validated()
    let timestep = process.steps - 1 - steps.count
    let terms = withoutGradient { self.terms(of: x0, at: timestep) }
    let step = LikelihoodStep(
      index: steps.count, count: process.steps, timestep: timestep, variational: try terms.variational.doubles(),
      x0Error: try terms.x0.doubles(), epsilonError: try terms.epsilon.doubles())
    steps.append(step)
    return step
  }

  private func terms(of x0: Tensor, at timestep: Int) -> (variational: Tensor, x0: Tensor, epsilon: Tensor) {
    let level = process.level(timestep)
    let noise = makeNoise(x0)
    let xt = qSample(x0, at: [level], noise: noise)
    let prediction = predict(xt, level)
    let model = process.reverse(prediction, xt: xt, at: [timestep])
    let variational = process.variationalTerms(x0: x0, xt: xt, model: model, at: [timestep])
    return (variational, (prediction.x0 - x0).square().meanPerImage(), (prediction.epsilon - noise).square().meanPerImage())
  }

  /// Takes all steps that are left, and gives `total`.
  public func finish() throws(TorchFault) -> [Double] {
    while try next() != nil {}
    return try total()
  }

  /// KL(q(x_T | x₀) ‖ N(0, I)) of each image, in bits per dimension: what even a perfect model pays for starting from noise.
  public func prior() throws(TorchFault) -> [Double] { try Self.prior(of: x0, process) }

  static func prior(of x0: Tensor, _ process: DiscreteProcess) throws(TorchFault) -> [Double] {
    let last = process.level(process.steps - 1)
    let end = DiagonalGaussian(mean: last.alpha * x0, logVariance: .full(2 * log(last.sigma), like: x0))
    let normal = DiagonalGaussian(mean: .zeros(like: x0), logVariance: .zeros(like: x0))
    return try (end.divergence(from: normal).meanPerImage() / log(2)).doubles()
  }

  /// The terms of all steps so far and the prior's, of each image, in bits per dimension. The bound once all steps are taken.
  public func total() throws(TorchFault) -> [Double] {
    steps.reduce(try prior()) { sums, step in zip(sums, step.variational).map { $0 + $1 } }
  }
}
