import Tensors

/// A Gaussian diffusion as a recipe describes it: the forward process with all its steps, what the network predicts, and the
/// variance of its reverse steps. Made once; everything that depends on these three comes from here.
///
///     let diffusion = try recipe.process.makeDiffusion()
///     let loss = diffusion.loss(objective: RescaledMSE())
///     let denoiser = diffusion.denoiser { x, timesteps in network(x, timesteps: timesteps, conditioning: classes, mode: .inference) }
public struct GaussianDiffusion: Sendable, Equatable {
  /// The forward process, T steps.
  public let process: DiscreteProcess
  /// What the network predicts.
  public let parameterization: Parameterization
  /// The variance of an ancestral step.
  public let variance: Variance
  /// For restoration, the change of variables between pictures and what is diffused; nil where pictures are.
  public let residual: Residual?

  /// - Throws: for betas that no process can have.
  public init(_ recipe: ProcessRecipe) throws(DiffusionError) {
    self.init(
      try recipe.makeProcess(), recipe.parameterization, sigmaData: recipe.sigmaData, variance: recipe.variance,
      residual: recipe.residualScale.map { Residual(scale: $0) })
  }

  /// - Parameter sigmaData: the standard deviation of the data in [−1, 1]; only `edm` uses it.
  public init(
    _ process: DiscreteProcess, _ parameterization: Parameterization.Name = .epsilon, sigmaData: Double = 0.5,
    variance: Variance = .fixedSmall, residual: Residual? = nil
  ) {
    self.process = process
    self.residual = residual
    self.parameterization =
      switch parameterization {
      case .epsilon: .epsilon
      case .x0: .x0
      case .v: .v
      case .vScaledInput: .vScaledInput
      case .previousX: .previousX(process)
      case .edm: .edm(sigmaData: sigmaData)
      case .velocity: .velocity
      }
    self.variance = variance
  }

  /// The network as a denoiser, x₀ not clipped.
  public func denoiser(_ network: @escaping DenoisingNetwork) -> NetworkDenoiser {
    NetworkDenoiser(parameterization, variance: variance, noiseLevelRange: process.noiseLevelRange, network: network)
  }

  /// The loss of a training step. See `LossObjective.problem` for what does not go together.
  public func loss(
    objective: any LossObjective = RescaledMSE(), weighting: any LossWeighting = UniformWeighting()
  ) -> DenoisingLoss {
    DenoisingLoss(process, parameterization, variance: variance, objective: objective, weighting: weighting)
  }

  /// Why a sampler cannot follow this path with such a network, found before the start rather than in the middle; nil where it can.
  ///
  /// - Parameters:
  ///   - path: the levels to visit, as of a `SamplingRun`.
  ///   - window: where noise is added.
  public func problem(with sampler: some Sampler, on path: [NoiseLevel], window: NoiseWindow = .always) -> DiffusionError? {
    parameterization.problem(with: sampler, on: path, window: window)
  }
}
