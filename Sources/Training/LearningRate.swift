import Foundation

extension TrainingRecipe {
  /// The learning rate of the step before which `images` were seen.
  /// - Parameter progress: the share of the training's duration that is over, 0 to 1.
  public func learningRate(afterImages images: Int, progress: Double) -> Double {
    let rise = warmupImages > 0 ? min(1, Double(images + batchSize) / Double(warmupImages)) : 1
    let done = min(max(progress, 0), 1)
    return switch decay {
    case .none: learningRate * rise
    case .linear: learningRate * rise * (1 - done)
    case .cosine: learningRate * rise * (1 + cos(Double.pi * done)) / 2
    }
  }
}
