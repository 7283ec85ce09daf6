import Diffusion
import Tensors

/// What a step minimises, and what is reported of it.
///
/// The loss of a batch is the mean over its images. It can be asked for in parts, so that no more than a part's activations are in
/// memory at once.
public struct StepLoss {
  /// Images of the batch.
  let count: Int
  /// The mean over a part of the batch, a scalar to call `backward()` on.
  let mean: (Range<Int>) throws -> Tensor
  /// By the noise that the images had, over all parts that were asked for.
  let quartiles: () -> LossQuartiles
  /// The share of images that were classified rightly, over the same; nil where nothing is classified.
  let accuracy: () -> Double?

  /// - Parameters:
  ///   - count: images of the batch.
  ///   - quartiles, accuracy: called once, after the last part.
  ///   - mean: called for one part after the other, each once.
  public init(
    of count: Int, quartiles: @escaping () -> LossQuartiles = { LossQuartiles() }, accuracy: @escaping () -> Double? = { nil },
    mean: @escaping (Range<Int>) throws -> Tensor
  ) {
    (self.count, self.mean, self.quartiles, self.accuracy) = (count, mean, quartiles, accuracy)
  }

  /// A loss that comes in one piece.
  public init(_ mean: Tensor, quartiles: LossQuartiles = LossQuartiles()) {
    self.init(of: 1, quartiles: { quartiles }) { _ in mean }
  }

  /// The parts of at most `size` images; the last may be smaller.
  func parts(of size: Int?) -> [Range<Int>] {
    let size = max(1, size ?? count)
    return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }
}
