import Datasets
import Foundation
import RecipeKit

/// The section `loading:` of a recipe: how pictures come from the disk to the training. Only `validation` changes what is learned.
public struct LoadingRecipe: Recipe {
  /// Threads that read and prepare pictures; 0 for none beside the training's own, null for as many as there are cores, 16 at most.
  public var workers: Int?
  /// Batches that are kept ready.
  public var prefetch = 2
  /// Whether a picture that cannot be used stops the training; otherwise it is reported and another one takes its place.
  public var strict = false
  /// Pictures that training does not see: a share below 1 or a number of them.
  public var validation = HoldOut.none

  public init() {}

  public func validate() throws(RecipeError) {
    if let workers { try require((0...256).contains(workers), "workers", "expected 0 to 256, or null, found \(workers)") }
    try require((1...64).contains(prefetch), "prefetch", "expected 1 to 64, found \(prefetch)")
  }

  /// The threads that there will be.
  public var resolvedWorkers: Int { workers ?? min(ProcessInfo.processInfo.activeProcessorCount, 16) }
}
