import Tensors

/// What a training step minimises: the squared error of what the network predicts and, where it learns its variance, the
/// variational bound for that (the hybrid loss).
public struct DenoisingLoss: Sendable {
  public let process: DiscreteProcess
  public let parameterization: Parameterization
  public let variance: Variance
  public let weighting: any LossWeighting

  public init(
    _ process: DiscreteProcess, _ parameterization: Parameterization, variance: Variance = .fixedSmall,
    weighting: any LossWeighting = UniformWeighting()
  ) {
    self.process = process
    self.parameterization = parameterization
    self.variance = variance
    self.weighting = weighting
  }

  /// The loss of each image of a batch.
  ///
  /// - Parameters:
  ///   - x0: clean images in [−1, 1], `[N, C, H, W]`, float32.
  ///   - timesteps: one for each image, in 0 ..< T.
  ///   - noise: standard normal, of x0's shape.
  ///   - network: asked once.
  public func callAsFunction(_ x0: Tensor, at timesteps: [Int], noise: Tensor, network: DenoisingNetwork) -> LossTerms {
    let levels = process.levels(timesteps)
    let xt = qSample(x0, at: levels, noise: noise)
    let (prediction, stepVariance) = variance.split(parameterization.ask(network, xt, at: levels))
    let target = parameterization.target(x0: x0, noise: noise, at: levels)
    let simple = (prediction - target).square().meanPerImage()
    let weights = Tensor(levels.map { weighting.weight(at: $0, of: parameterization) }).to(like: simple)
    let weighted = weights * simple
    guard variance.isLearned else { return LossTerms(perImage: weighted, simple: simple, variational: nil) }
    let frozen = parameterization.estimates(from: prediction.detach(), x: xt, at: levels).x0
    let bits = process.variationalTerms(x0: x0, xt: xt, estimate: frozen, variance: stepVariance, at: timesteps)
    return LossTerms(perImage: weighted + Double(process.steps) / 1000 * bits, simple: simple, variational: bits)
  }
}

/// The loss of a batch, with its record for gradients.
public struct LossTerms: Sendable {
  /// What is minimised, `[N]`.
  public var perImage: Tensor
  /// The squared error of what the network predicts, `[N]`, not weighted.
  public var simple: Tensor
  /// The term of the variational bound, `[N]`, in bits per dimension, where the variance is learned. No gradient reaches the
  /// mean through it, and it counts T / 1000, which stands for λ = 0.001 of the sum over all T terms (Nichol and Dhariwal
  /// 2021, eq. 16).
  public var variational: Tensor?

  /// The scalar to call `backward()` on.
  public var mean: Tensor { perImage.mean() }
}
