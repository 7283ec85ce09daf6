import Datasets
import Imaging
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
  private let seed: Seed

  public init(_ dataset: any Dataset, batchSize: Int, seed: Seed) {
    self.dataset = dataset
    self.batchSize = batchSize
    self.seed = seed
  }

  /// The batch that begins with the image at `position`, counted over all epochs.
  public func batch(at position: Int, on device: Device) throws -> Batch {
    var images: [Image] = []
    var labels: [Int] = []
    let order = VisitingOrder(count: dataset.count, seed: seed.value)  // positions run over all epochs
    for i in position..<(position + batchSize) {
      let example = try dataset[order[i]]
      images.append(example.image)
      if let label = example.label { labels.append(label) }
    }
    return Batch(
      images: try Tensor(images: images).to(device),
      labels: labels.count == images.count ? Tensor(labels).to(device) : nil)
  }
}

extension Tensor {
  /// Images of one size as numbers in [−1, 1]: `[N, C, H, W]` float32, channels last in memory.
  public init(images: [Image]) throws {
    guard let first = images.first else { throw TorchFault(operation: "Tensor(images:)", message: "there are no images") }
    for image in images where (image.width, image.height, image.channels) != (first.width, first.height, first.channels) {
      throw TorchFault(
        operation: "Tensor(images:)",
        message: "images of one size are needed, found \(first.width) x \(first.height) x \(first.channels) and "
          + "\(image.width) x \(image.height) x \(image.channels)")
    }
    let pixels = Tensor(images.flatMap(\.bytes), [images.count, first.height, first.width, first.channels])
    self = (pixels.to(.float32) / 127.5 - 1).permute(0, 3, 1, 2)
  }

  /// Numbers in [−1, 1] as images, cut to bytes as the reference programs do: ((x + 1) 127.5), clamped, truncated.
  /// self: `[N, C, H, W]`.
  public func images() throws(TorchFault) -> [Image] {
    let (n, c, h, w) = (size(0), size(1), size(2), size(3))
    let bytes = try ((self + 1) * 127.5).clamp(0...255).permute(0, 2, 3, 1).uint8s()
    let length = c * h * w
    return (0..<n).map { i in
      Image(width: w, height: h, channels: c, bytes: Array(bytes[(i * length)..<((i + 1) * length)]))
    }
  }
}
