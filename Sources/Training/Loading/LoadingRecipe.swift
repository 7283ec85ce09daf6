import Datasets
import Foundation
import RecipeKit

/// The section `loading:` of a recipe: how pictures are read for training. Only `validation` affects what is learned.
public struct LoadingRecipe: Recipe {
  /// Threads that read and prepare pictures; 0 for none beside the training's own, null for as many as there are cores, 16 at most.
  public var workers: Int?
  /// Batches prepared ahead.
  public var prefetch = 2
  /// Whether a picture that cannot be used stops the training; otherwise it is reported and replaced by another one.
  public var strict = false
  /// Pictures held out for validation: a share below 1 or a number of them.
  public var validation = HoldOut.none

  public init() {}

  public func validate() throws(RecipeError) {
    if let workers { try require((0...256).contains(workers), "workers", "expected 0 to 256, or null, found \(workers)") }
    try require((1...64).contains(prefetch), "prefetch", "expected 1 to 64, found \(prefetch)")
  }

  /// The number of threads that are started.
  public var resolvedWorkers: Int { workers ?? min(ProcessInfo.processInfo.activeProcessorCount, 16) }
}
