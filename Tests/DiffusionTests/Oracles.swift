import Foundation
import Tensors

@testable import Diffusion

/// A denoiser whose network fails.
struct BrokenDenoiser: Denoiser {
  static let fault = TorchFault(operation: "conv2d", message: "broken on purpose")
  let noiseLevelRange = NoiseLevelRange.variancePreserving(-20...20) { _ in 0 }
  func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    Prediction(x0: Tensor(failing: Self.fault), epsilon: Tensor(failing: Self.fault))
  }
}

/// Remembers at which levels it was asked.
struct CountingDenoiser<Base: Denoiser>: Denoiser {
  final class Calls {
    var levels: [[NoiseLevel]] = []
    var count: Int { levels.count }
  }
  let base: Base
  let calls = Calls()
  var noiseLevelRange: NoiseLevelRange { base.noiseLevelRange }

  init(_ base: Base) { self.base = base }

  func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    calls.levels.append(levels)
    return base.predict(x, at: levels)
  }
}

/// Levels of equal angle, far from both ends, where every solver shows its order.
func smoothLevels(_ steps: Int) -> [NoiseLevel] {
  (0...steps).map { step in
    let angle = (0.7 - 0.55 * Double(step) / Double(steps)) * Double.pi / 2
    return NoiseLevel(alpha: cos(angle), sigma: sin(angle), timestep: 0)
  }
}

extension Parameterization.Name {
  /// What a recipe of this word means for a process.
  func parameterization(in process: DiscreteProcess) -> Parameterization {
    GaussianDiffusion(process, self).parameterization
  }
}

/// Levels that preserve variance at equal steps of σ / α.
func evenlyNoisyLevels(_ steps: Int, from first: Double = 0.8, to last: Double = 0.2) -> [NoiseLevel] {
  (0...steps).map { step in
    let ratio = first + (last - first) * Double(step) / Double(steps), alpha = 1 / (1 + ratio * ratio).squareRoot()
    return NoiseLevel(alpha: alpha, sigma: ratio * alpha, timestep: ratio)
  }
}

extension NoiseLevel {
  /// The same noise for the signal where signal is not scaled: α = 1.
  var exploding: NoiseLevel { NoiseLevel(alpha: 1, sigma: sigma / alpha, timestep: timestep) }
}

extension NetworkDenoiser {
  /// A network conditioned on the steps of the cosine process of 1000.
  init(_ parameterization: Parameterization, variance: Variance = .fixedSmall, network: @escaping DenoisingNetwork) {
    self.init(
      parameterization, variance: variance, noiseLevelRange: try! ProcessRecipe().makeDiffusion().process.noiseLevelRange, network: network)
  }
}

/// A process that ends in pure noise.
func zeroTerminalProcess(_ steps: Int = 50) throws -> DiscreteProcess {
  let betas = try CosineSchedule(steps: steps).makeBetas()
  return try DiscreteProcess(betas: betas.dropLast() + [1])
}

/// The largest difference between elements.
func distance(_ a: Tensor, _ b: Tensor) throws -> Double { try (a.to(.float64) - b.to(.float64)).abs().max().item() }
