import RecipeKit
import Tensors

/// A share of every batch at the last timestep, the others from as many equal parts of the process, as `StratifiedTimesteps`.
///
/// A restoration model is mostly evaluated there: in a process that ends in pure noise, its first estimate is the mean of all pictures that
/// the degraded one may have come from.
public struct LastTimestepShare: TimestepSampling {
  public static let name = "last_share"
  public static let keepsExpectation = false
  /// Rounded to whole images of a batch.
  public var share = 0.5

  public init() {}
  public init(share: Double) { self.share = share }

  public func validate() throws(RecipeError) {
    try require((0...1).contains(share), "share", "expected 0 to 1, found \(share)")
  }

  public func makeSampler(for process: DiscreteProcess) -> any TimestepSampler { Sampler(steps: process.steps, share: share) }

  struct Sampler: TimestepSampler {
    let steps: Int, share: Double

    func draw(_ count: Int, using generator: Generator) throws(TorchFault) -> TimestepDraw {
      let offset = try Tensor.rand([1], dtype: .float64, using: generator).item()
      // Shuffled: images may come sorted.
      let places = try Tensor.randperm(count, using: generator).ints()
      let last = Int((share * Double(count)).rounded())
      return TimestepDraw(
        places.map { place in
          guard place >= last else { return steps - 1 }
          return min(Int((Double(place - last) + offset) / Double(count - last) * Double(steps)), steps - 1)
        })
    }
  }
}
