import Failures
import Tensors
import Training

/// Whether a training fits into memory, and how large a batch would.
public struct TrainingMemory: Sendable, Equatable {
  public let estimate: MemoryEstimate
  /// What the process can use; nil where that is not known, on other devices than the CPU.
  public let available: Int?
  /// The largest batch that fits, where that of the recipe does not; 0 where none does.
  public let fittingBatch: Int?

  /// - Parameters:
  ///   - model: what is trained.
  ///   - available: what the process can use.
  init(of model: some MemoryTraced, _ training: TrainingRecipe, available: Int?) throws {
    func need(_ images: Int) throws -> MemoryEstimate {
      guard let estimate = try MemoryEstimate.training(of: model, images: images, training.precision) else {
        throw SfumatoError(.usage, "models of this kind are not trained here")
      }
      return estimate
    }
    estimate = try need(training.batchSize)
    self.available = available
    guard let available, estimate.bytes > available else {
      fittingBatch = nil
      return
    }
    fittingBatch = try Self.largestBatch(below: training.batchSize) { try need($0).bytes <= available }
  }

  /// By halving: what fits grows no smaller with the batch.
  static func largestBatch(below limit: Int, fits: (Int) throws -> Bool) rethrows -> Int {
    var low = 0, high = limit
    while high - low > max(1, low / 16) {
      let middle = (low + high) / 2
      if try fits(middle) { low = middle } else { high = middle }
    }
    return low
  }
}
