import Tensors

/// A network as a closure, with its other conditioning (class labels, say) bound inside.
///
/// It is called with noisy images `[N, C, H, W]` and the timesteps `[N]`, float32, and gives `[N, C, H, W]`, or twice as
/// many channels when it learns its variance.
public typealias DenoisingNetwork = (_ x: Tensor, _ timesteps: Tensor) -> Tensor

/// A network as a denoiser: its prediction is turned into x₀ and ε.
public struct NetworkDenoiser: Denoiser {
  let parameterization: Parameterization
  let variance: Variance
  public let noiseLevelRange: NoiseLevelRange
  let network: DenoisingNetwork

  /// - Parameter noiseLevelRange: the levels that the network was trained at; see `DiscreteProcess.noiseLevelRange`.
  public init(
    _ parameterization: Parameterization, variance: Variance = .fixedSmall, noiseLevelRange: NoiseLevelRange,
    network: @escaping DenoisingNetwork
  ) {
    self.parameterization = parameterization
    self.variance = variance
    var noiseLevelRange = noiseLevelRange
    noiseLevelRange.isStraight = parameterization == .velocity
    self.noiseLevelRange = noiseLevelRange
    self.network = network
  }

  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    let (output, variance) = variance.split(parameterization.ask(network, x, at: levels))
    let (x0, epsilon) = parameterization.estimates(from: output, x: x, at: levels)
    var prediction = Prediction(x0: x0, epsilon: epsilon, variance: variance)
    if case .previousX(let process) = parameterization {
      prediction.previousMean = PreviousMean(output, levels: levels.compactMap { process.step(at: $0).map(process.levelBefore) })
    }
    return prediction
  }
}
