import Foundation
import RecipeKit
import Tensors

/// ln s is drawn from N(p_mean, p_std²), where s = σ/α is the noise for a signal of 1, and the step of the process whose ln s
/// is nearest is taken: it then works with every loss and every network. It concentrates training where images take form.
///
/// As in the paper the uneven likelihood is meant as a part of the loss's weighting, so importance weights are 1.
///
/// Karras, Aittala, Aila and Laine, "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), table 1.
public struct LogNormalTimesteps: TimestepSampling {
  public static let name = "log_normal"
  public static let keepsExpectation = false
  public var pMean = -1.2, pStd = 1.2

  public init() {}
  public init(pMean: Double, pStd: Double) {
    self.pMean = pMean
    self.pStd = pStd
  }

  public func validate() throws(RecipeError) {
    try require(pMean.isFinite, "p_mean", "expected a number, found \(pMean)")
    try require(pStd > 0 && pStd.isFinite, "p_std", "expected a number above 0, found \(pStd)")
  }

  public func makeSampler(for process: DiscreteProcess) -> any TimestepSampler {
    Sampler(logSigmas: process.levels(Array(0..<process.steps)).map { -$0.lambda }, mean: pMean, deviation: pStd)
  }

  struct Sampler: TimestepSampler {
    /// ln s of every step, ascending; +∞ at the end of a process that ends in pure noise, which is then never nearest.
    let logSigmas: [Double]
    let mean: Double, deviation: Double

    func draw(_ count: Int, using generator: Generator) throws(TorchFault) -> TimestepDraw {
      let normals = try Tensor.randn([count], dtype: .float64, using: generator).doubles()
      return TimestepDraw(normals.map { nearestStep(to: mean + deviation * $0) })
    }

    func nearestStep(to logSigma: Double) -> Int {
      let above = logSigmas.partitioningIndex { $0 >= logSigma }
      guard above > 0 else { return 0 }
      guard above < logSigmas.count, logSigmas[above] - logSigma < logSigma - logSigmas[above - 1] else { return above - 1 }
      return above
    }
  }
}

extension [Double] {
  /// The first index at which a condition holds that is monotone over the elements; `count` where it never holds.
  func partitioningIndex(where holds: (Double) -> Bool) -> Int {
    var low = 0, high = count
    while low < high {
      let middle = (low + high) / 2
      if holds(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
