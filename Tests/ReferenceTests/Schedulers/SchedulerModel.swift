import Diffusion
import Foundation
import Interop
import Tensors

/// The perfect denoiser of normally distributed data, as the manifests describe it in words:
///
///     c = (x − a m) / (a² s² + b²),   ε = b c,   x₀ = m + a s² c,   v = a ε − b x₀,      a = √ᾱ,   b = √(1 − ᾱ)
///
/// with ᾱ of the timestep that it is given, linear between two of them.
struct SchedulerModel {
  private static let formula =
    "a = sqrt(ab), b = sqrt(1 - ab), c = (x - a * mean) / (a^2 * std^2 + b^2); epsilon: b * c; sample: mean + a * std^2 * c; "
    + "v_prediction: a * (b * c) - b * (mean + a * std^2 * c); computed in float64 from the float32 input x (after scale_model_input) "
    + "and the float32 table alphas_cumprod, then cast to float32.  ab = alphas_cumprod[t]; at fractional t it is interpolated linearly "
    + "between floor(t) and floor(t) + 1 (the last entry is repeated).  learned_range cases append 0.5 * sin(3 x) as the variance half."

  let mean: Double, std: Double

  init(_ manifest: Manifest) throws {
    guard manifest.members["model_formula"]?.string == Self.formula else { throw ReferenceError("the model's formula is not understood") }
    guard let mean = manifest.config["mean"]?.number, let std = manifest.config["std"]?.number else {
      throw ReferenceError("the config \(manifest.config) is not understood")
    }
    self.mean = mean
    self.std = std
  }

  /// The network of a scheduler.
  func network(_ scheduler: DiffusersScheduler, in process: DiscreteProcess) -> DenoisingNetwork {
    let alphaBar = process.alphaBar
    let saysVariance = scheduler.varianceType == .learnedRange
    return { x, timesteps in
      // All images of a batch have the same timestep.
      guard let t = try? timesteps.doubles().first else { return x.failed("model", "its timesteps are at fault") }
      let ab = Self.interpolated(alphaBar, t), x = x.to(.float64)
      let output = prediction(x, a: ab.squareRoot(), b: (1 - ab).squareRoot(), scheduler.predictionType)
      return (saysVariance ? .cat([output, 0.5 * (3 * x).sin()], dim: 1) : output).to(.float32)
    }
  }

  private static func interpolated(_ table: [Double], _ t: Double) -> Double {
    let low = min(max(Int(t), 0), table.count - 1), high = min(low + 1, table.count - 1)
    let part = t - Double(low)
    return (1 - part) * table[low] + part * table[high]
  }

  private func prediction(_ x: Tensor, a: Double, b: Double, _ type: DiffusersScheduler.PredictionType) -> Tensor {
    let c = (1 / (a * a * std * std + b * b)) * (x - a * mean)
    let x0 = mean + a * std * std * c
    switch type {
    case .epsilon: return b * c
    case .sample: return x0
    case .v: return a * (b * c) - b * x0
    }
  }
}
