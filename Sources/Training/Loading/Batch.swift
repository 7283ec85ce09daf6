import Datasets
import Imaging
import NN
import Tensors

/// The examples of one training step.
public struct Batch {
  /// `[N, C, H, W]` float32 in [−1, 1], channels last in memory.
  public let images: Tensor
  /// Class numbers, `[N]` int64; nil for a data set without classes.
  public let labels: Tensor?
  /// The context vectors of the images, `[N, D]` float32; nil for a data set without.
  public let contexts: Tensor?
  /// The captions of the images as bytes, `[N, L]` int64, see `Tensor.init(texts:)`; nil for a training without captions.
  public let captions: Tensor?
  /// What augmentation did to each image, `[N, D]` float32, zeros for an unchanged image; nil for a training without augmentation.
  public let augmentation: Tensor?
  /// What a restoring model is given: `[N, C, h, w]` like `images`, and the strengths of the corruptions, `[N, F]` float32 in
  /// [0, 1]; nil in other trainings.
  public let degraded: Tensor?, corruptionStrengths: Tensor?
  /// Which images of a training step they are.
  public internal(set) var share: BatchShare
}

/// The shapes of the parts of an example.
struct ExampleShapes: Sendable {
  var image: ImageShape
  var degraded: ImageShape?

  init(_ pipeline: ExamplePipeline) { (image, degraded) = (pipeline.shape, pipeline.degradedShape) }
  init(image: ImageShape) { self.image = image }
}

/// A batch in the making: each example is put in its place by whichever thread made it.
///
/// Each place is written by one thread, and read when all are filled; the caller that hands places out ensures both.
final class BatchAssembly: @unchecked Sendable {
  private let images: PixelMemory
  private let degraded: PixelMemory?
  private let examples: UnsafeMutableBufferPointer<LoadedExample?>

  init(count: Int, shapes: ExampleShapes) {
    images = PixelMemory(images: count, shape: shapes.image)
    degraded = shapes.degraded.map { PixelMemory(images: count, shape: $0) }
    examples = .allocate(capacity: count)
    examples.initialize(repeating: nil)
  }

  deinit {
    examples.deinitialize()
    examples.deallocate()
  }

  func put(_ drawn: LoadedExample, at place: Int) {
    images.put(drawn.example.image, at: place)
    if let bad = drawn.example.degraded { degraded?.put(bad.image, at: place) }
    // The pixels are kept as numbers now.
    var drawn = drawn
    drawn.example.image = Self.nothing
    drawn.example.degraded?.image = Self.nothing
    examples[place] = drawn
  }

  private static let nothing = Image(width: 1, height: 1, channels: 1, bytes: [0])

  /// The pictures that could not be used, in the order of the places that they were meant for.
  var unusable: [UnusablePicture] { examples.flatMap { $0?.unusable ?? [] } }

  func batch(on device: Device) -> Batch {
    let labels = examples.compactMap { $0?.example.label }
    return Batch(
      images: images.tensor.to(device), labels: labels.count == examples.count ? Tensor(labels).to(device) : nil,
      contexts: rows(\.context, on: device), captions: captions.map { Tensor(texts: $0).to(device) },
      augmentation: rows(\.augmentation, on: device),
      degraded: degraded?.tensor.to(device), corruptionStrengths: rows(\.degraded?.strengths, on: device),
      share: BatchShare(of: examples.count))
  }

  private var captions: [String]? {
    let texts = examples.compactMap { $0?.example.caption }
    return texts.count == examples.count ? texts : nil
  }

  /// A row for each example, nil where one has none.
  private func rows(_ vector: (Example) -> [Float]?, on device: Device) -> Tensor? {
    let rows = examples.compactMap { $0.flatMap { vector($0.example) } }
    guard rows.count == examples.count else { return nil }
    return Tensor(rows.flatMap { $0 }, [rows.count, rows[0].count]).to(device)
  }
}

/// Images as numbers in [−1, 1], byte / 127.5 − 1, in memory that a tensor can borrow.
private final class PixelMemory {
  private let shape: [Int]
  private let numbers: UnsafeMutablePointer<Float>

  init(images: Int, shape: ImageShape) {
    self.shape = [images, shape.height, shape.width, shape.channels]
    let bytes = self.shape.reduce(MemoryLayout<Float>.stride, *)
    numbers = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64).assumingMemoryBound(to: Float.self)
  }

  deinit { UnsafeMutableRawPointer(numbers).deallocate() }

  func put(_ image: Image, at place: Int) {
    precondition(shape[1...] == [image.height, image.width, image.channels], "an image of another shape than \(shape)")
    let target = numbers + place * image.bytes.count
    image.bytes.withUnsafeBufferPointer { bytes in
      for i in 0..<bytes.count { target[i] = Float(bytes[i]) / 127.5 - 1 }
    }
  }

  /// `[N, C, H, W]`, channels last in memory.
  var tensor: Tensor { Tensor(borrowing: numbers, shape, .float32, owner: self).permute(0, 3, 1, 2) }
}
