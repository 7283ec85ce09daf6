import Foundation
import RecipeKit
import Tensors

/// The place u in the process, 0 to 1, is drawn with ln(u / (1 − u)) from N(mean, std²), and step ⌊u T⌋ is taken: the middle of the process
/// is trained most. For rectified flow without a shift u is the t of its path.
///
/// As in the paper the uneven likelihood is meant as a part of the loss's weighting, so importance weights are 1.
///
/// Esser et al., "Scaling Rectified Flow Transformers for High-Resolution Image Synthesis" (2024), eq. 19.
public struct LogitNormalTimesteps: TimestepSampling {
  public static let name = "logit_normal"
  public static let keepsExpectation = false
  /// Above 0 the noisy end is favoured.
  public var logitMean = 0.0
  public var logitStd = 1.0

  public init() {}
  public init(logitMean: Double, logitStd: Double) {
    self.logitMean = logitMean
    self.logitStd = logitStd
  }

  public func validate() throws(RecipeError) {
    try require(logitMean.isFinite, "logit_mean", "expected a number, found \(logitMean)")
    try require(logitStd > 0 && logitStd.isFinite, "logit_std", "expected a number above 0, found \(logitStd)")
  }

  public func makeSampler(for process: DiscreteProcess) -> any TimestepSampler {
    Sampler(steps: process.steps, mean: logitMean, deviation: logitStd)
  }

  struct Sampler: TimestepSampler {
    let steps: Int
    let mean: Double, deviation: Double

    func draw(_ count: Int, using generator: Generator) throws(TorchFault) -> TimestepDraw {
      let normals = try Tensor.randn([count], dtype: .float64, using: generator).doubles()
      return TimestepDraw(normals.map { min(Int(Double(steps) / (1 + exp(-(mean + deviation * $0)))), steps - 1) })
    }
  }
}
