import Diffusion
import Foundation
import Tensors

/// Data drawn from N(mean, variance I): the ideal denoiser and the probability-flow ODE have closed forms.
package struct GaussianOracle: Denoiser {
  package var mean: Double
  package var variance: Double
  package var stepVariance: StepVariance
  /// Any level at all: this denoiser needs no timestep. It is σ / α, as in `evenlyNoisyLevels`.
  package let noiseLevelRange = NoiseLevelRange.variancePreserving(-20...20) { exp(-$0) }

  package init(mean: Double = 0, variance: Double = 0.25, stepVariance: StepVariance = .fixedSmall) {
    (self.mean, self.variance, self.stepVariance) = (mean, variance, stepVariance)
  }

  package func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    let alpha = levels.column(\.alpha, like: x), sigma = levels.column(\.sigma, like: x)
    let gain = levels.column({ $0.alpha * variance / spread($0) }, like: x)
    let x0 = mean + gain * (x - alpha * mean)
    return Prediction(x0: x0, epsilon: (x - alpha * x0) / sigma, variance: stepVariance)
  }

  /// The variance of the data at a level.
  package func spread(_ t: NoiseLevel) -> Double { t.alpha * t.alpha * variance + t.sigma * t.sigma }

  /// Where the ODE carries x from `t` to `s`.
  package func solution(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel) -> Tensor {
    s.alpha * mean + (spread(s) / spread(t)).squareRoot() * (x - t.alpha * mean)
  }

  /// A network with this oracle's predictions, conditioned on the steps of `process` and fractions between them.
  package func network(of process: DiscreteProcess, predicting parameterization: Parameterization) -> DenoisingNetwork {
    { x, timesteps in
      guard let given = try? timesteps.doubles() else { return timesteps }
      let levels = given.map(process.level(timestep:))
      let p = predict(x, at: levels)
      return parameterization.target(x0: p.x0, noise: p.epsilon, at: levels)
    }
  }
}

extension DiscreteProcess {
  /// The level of a timestep or of a fraction between two, which lies between them in λ.
  package func level(timestep: Double) -> NoiseLevel {
    let below = level(Int(timestep)), part = timestep - timestep.rounded(.down)
    if part == 0 { return below }
    let above = level(Int(timestep) + 1)
    return noiseLevelRange.level(lambda: below.lambda + part * (above.lambda - below.lambda))
  }
}
