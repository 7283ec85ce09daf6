import RecipeKit
import Tensors

/// The stochastic sampler of Karras et al.: before each step noise is added (see `Churn`), then Heun's step goes down from there.
/// Without churn it is `Heun`. The authors took S_churn 40, S_tmin 0.05, S_tmax 50 and S_noise 1.003 for 256 steps on ImageNet.
///
/// Karras, Aittala, Aila and Laine, "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), Algorithm 2.
public struct EDMSampler: Sampler {
  public static let name = "edm"
  public static let evaluationsPerStep = 2
  public var order: Int? { 2 }

  /// S_churn: how much noise is added in all; 0 for none.
  public var sChurn = 0.0
  /// Noise is added where σ/α lies between these; nil for no upper limit.
  public var sTmin = 0.0, sTmax: Double? = nil
  /// S_noise: the standard deviation of the noise added; a little above 1 makes up for what denoisers lose.
  public var sNoise = 1.0

  public init() {}
  public func validate() throws(RecipeError) { try check(churn) }

  /// - Returns: the number of steps.
  public func makeMemory(for levels: [NoiseLevel]) -> Int { levels.count - 1 }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Int, denoiser: some Denoiser, noise: StepNoise
  ) -> Transition {
    let start = churn.applied(to: x, at: t, steps: memory, on: denoiser.noiseLevelRange, noise: noise)
    return Heun().step(start.x, from: start.level, to: s, denoiser: denoiser, noise: noise)
  }

  private var churn: Churn { Churn(sChurn: sChurn, sTmin: sTmin, sTmax: sTmax, sNoise: sNoise) }
}
