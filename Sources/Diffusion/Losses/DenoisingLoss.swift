import Tensors

/// The loss of a training step on noisy images, made up of an objective, a weighting and the parameterization.
public struct DenoisingLoss: Sendable {
  public let process: DiscreteProcess
  public let parameterization: Parameterization
  public let variance: Variance
  public let objective: any LossObjective
  public let weighting: any LossWeighting

  /// See `LossObjective.problem` for what does not go together.
  public init(
    _ process: DiscreteProcess, _ parameterization: Parameterization, variance: Variance = .fixedSmall,
    objective: any LossObjective = RescaledMSE(), weighting: any LossWeighting = UniformWeighting()
  ) {
    self.process = process
    self.parameterization = parameterization
    self.variance = variance
    self.objective = objective
    self.weighting = weighting
  }

  /// The loss of each image of a batch.
  ///
  /// - Parameters:
  ///   - x0: clean images in [−1, 1], `[N, C, H, W]`, float32.
  ///   - timesteps: one for each image, in 0 ..< T.
  ///   - noise: standard normal, of x0's shape.
  ///   - network: evaluated once.
  public func callAsFunction(_ x0: Tensor, at timesteps: [Int], noise: Tensor, network: DenoisingNetwork) -> LossTerms {
    let levels = process.levels(timesteps)
    let xt = qSample(x0, at: levels, noise: noise)
    let (prediction, stepVariance) = variance.split(parameterization.ask(network, xt, at: levels))
    var terms = LossTerms()
    if let error = objective.predictionError {
      let target = parameterization.target(x0: x0, noise: noise, at: levels)
      terms.error = error(prediction - target).meanPerImage()
    }
    if let weight = objective.boundWeight(steps: process.steps, learnsVariance: variance.isLearned) {
      let mean = terms.error == nil ? prediction : prediction.detach()
      let estimate = parameterization.estimates(from: mean, x: xt, at: levels).x0
      terms.variational = process.variationalTerms(x0: x0, xt: xt, estimate: estimate, variance: stepVariance, at: timesteps)
      terms.boundWeight = weight
    }
    terms.errorWeights = levels.map { weighting.weight(at: $0, of: parameterization) }
    return terms
  }
}

/// The loss of a batch, with its record for gradients.
public struct LossTerms: Sendable {
  /// The error of what the network predicts, `[N]`, not weighted; nil where the bound alone is minimised.
  public var error: Tensor?
  /// The term of the variational bound, `[N]`, in bits per dimension, not weighted; nil where it is not part of the loss.
  public var variational: Tensor?
  /// How much the error counts, one number for each image.
  var errorWeights: [Double] = []
  var boundWeight = 0.0

  /// What is minimised, `[N]`.
  public var perImage: Tensor {
    let weighted = error.map { error in
      errorWeights.allSatisfy { $0 == 1 } ? error : Tensor(errorWeights).to(like: error) * error
    }
    let bound = variational.map { boundWeight * $0 }
    guard let weighted, let bound else { return weighted ?? bound ?? Tensor(failing: Self.empty) }
    return weighted + bound
  }

  private static let empty = TorchFault(operation: "loss", message: "the objective has neither an error nor the bound")

  /// The scalar to call `backward()` on.
  public var mean: Tensor { perImage.mean() }
}
