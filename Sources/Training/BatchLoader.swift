import Datasets
import Tensors

/// Images and labels of one training step.
public struct Batch {
  /// `[N, C, H, W]` float32 in [−1, 1], channels last in memory.
  public let images: Tensor
  /// Class numbers, `[N]` int64; nil for a data set without classes.
  public let labels: Tensor?
}

/// Reads a data set in batches, each epoch in another order. What a position gives depends on seed and position alone, so
/// that a resumed training sees the images that an uninterrupted one would have seen.
public struct BatchLoader: Sendable {
  public let dataset: any Dataset
  public let batchSize: Int
  private let order: VisitingOrder

  public init(_ dataset: any Dataset, batchSize: Int, seed: Seed) {
    self.dataset = dataset
    self.batchSize = batchSize
    order = VisitingOrder(count: dataset.count, seed: seed.value)
  }

  /// The batch that begins with the image at `position`, counted over all epochs.
  public func batch(at position: Int, on device: Device) throws -> Batch {
    let examples = try (position..<(position + batchSize)).map { position in
      let picture = try dataset[order[position]]
      return try Example(image: picture.image(), label: picture.label, context: picture.context)
    }
    let labels = examples.compactMap(\.label)
    return Batch(
      images: try Tensor(images: examples.map(\.image)).to(device),
      labels: labels.count == examples.count ? Tensor(labels).to(device) : nil)
  }
}
