import Datasets
import Tensors

/// Gives the examples of a training in batches, prepared by its own threads.
///
/// What stands at a position depends on the seed and the position alone, whatever the number of threads, so a resumed
/// training sees the images that an uninterrupted one would have seen.
public final class BatchLoader {
  public let data: TrainingData
  /// Images of a batch, over all processes.
  public let batchSize: Int
  /// Those that this loader gives.
  public let share: BatchShare
  /// The pictures that could not be used so far.
  public private(set) var unusable = UnusablePictures()
  private let recipe: LoadingRecipe
  private let prefetcher: Prefetcher?

  /// - Parameter share: the part of each batch to give; nil for all of it.
  public init(_ data: TrainingData, batchSize: Int, _ recipe: LoadingRecipe = LoadingRecipe(), share: BatchShare? = nil) {
    let share = share ?? BatchShare(of: batchSize)
    precondition(share.total == batchSize, "a share of batches of \(share.total) images; they have \(batchSize)")
    self.share = share
    self.data = data
    self.batchSize = batchSize
    self.recipe = recipe
    let workers = recipe.resolvedWorkers
    prefetcher =
      workers == 0
      ? nil
      : Prefetcher(
        workers: workers, ahead: recipe.prefetch, batchSize: batchSize, places: share.range, shapes: ExampleShapes(data.pipeline)
      ) {
        try data.example(at: $0)
      }
  }

  /// This loader's share of the batch that begins with the example at `position`, counted over all epochs. The batches that follow are
  /// prepared ahead.
  /// - Throws: `DatasetError` when pictures that cannot be used are too many, or where the recipe wants none.
  public func batch(at position: Int, on device: Device) throws -> Batch {
    let first = position + share.range.lowerBound
    let assembly = try prefetcher?.batch(at: position) ?? assembled(share.range.count) { try data.example(at: first + $0) }
    try note(assembly.unusable)
    var batch = assembly.batch(on: device)
    batch.share = share
    return batch
  }

  /// The number of batches of held-out examples.
  public var validationBatchCount: Int { (data.split.validation.count + batchSize - 1) / batchSize }

  /// Held-out examples, the same every time; the last batch may be smaller.
  /// - Parameter number: 0 to `validationBatchCount` - 1.
  public func validationBatch(_ number: Int, on device: Device) throws -> Batch {
    let start = number * batchSize
    let assembly = try assembled(min(batchSize, data.split.validation.count - start)) { try data.validationExample(start + $0) }
    try note(assembly.unusable)
    return assembly.batch(on: device)
  }

  /// Examples to look at, the same every time; see `TrainingData.shownExample`.
  /// - Parameter count: fewer come where there are fewer.
  public func shownBatch(_ count: Int, on device: Device) throws -> Batch {
    try assembled(min(count, data.shownCount)) { try data.shownExample($0) }.batch(on: device)
  }

  private func assembled(_ count: Int, _ example: (Int) throws -> LoadedExample) throws -> BatchAssembly {
    let assembly = BatchAssembly(count: count, shapes: ExampleShapes(data.pipeline))
    for place in 0..<count { assembly.put(try example(place), at: place) }
    return assembly
  }

  private func note(_ pictures: [UnusablePicture]) throws {
    guard let first = pictures.first else { return }
    if recipe.strict { throw DatasetError("data", .unusable(first.report)) }
    unusable.add(pictures)
    if 2 * unusable.count > data.pipeline.dataset.count {
      throw DatasetError(
        "data", .mostlyUnusable(found: unusable.count, of: data.pipeline.dataset.count, first: unusable.reports[0]))
    }
  }
}
