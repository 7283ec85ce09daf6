import Failures
import Tensors
import Training

/// Whether a training run fits into memory, and which batch size would.
public struct TrainingMemory: Sendable, Equatable {
  public let estimate: MemoryEstimate
  /// Memory that the process can use; nil if unknown, on devices other than the CPU.
  public let available: Int?
  /// The largest microbatch that fits, if the recipe's does not; 0 if none does.
  public let fittingBatch: Int?

  /// - Parameters:
  ///   - model: the model to train.
  ///   - available: memory that the process can use.
  init(of model: some MemoryTraced, _ training: TrainingRecipe, available: Int?) throws {
    func need(_ images: Int) throws -> MemoryEstimate {
      let averages = 1 + training.averages.count
      guard let estimate = try MemoryEstimate.training(of: model, images: images, training.precision.resolved(on: .cpu), averages: averages)
      else {
        throw SfumatoError(.usage, "models of this kind cannot be trained")
      }
      return estimate
    }
    let images = training.microbatch ?? training.batchSize
    estimate = try need(images)
    self.available = available
    guard let available, estimate.bytes > available else {
      fittingBatch = nil
      return
    }
    fittingBatch = try Self.largestBatch(below: images) { try need($0).bytes <= available }
  }

  /// Bisection: memory does not shrink as the batch grows.
  static func largestBatch(below limit: Int, fits: (Int) throws -> Bool) rethrows -> Int {
    var low = 0, high = limit
    while high - low > max(1, low / 16) {
      let middle = (low + high) / 2
      if try fits(middle) { low = middle } else { high = middle }
    }
    return low
  }
}
