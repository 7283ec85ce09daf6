import Diffusion
import Tensors

/// What a step minimises, and what is reported of it.
///
/// The loss of a batch is the mean over its images. It can be asked for in parts, so that no more than a part's activations are in
/// memory at once.
public struct StepLoss {
  /// Images of this process.
  let count: Int
  /// Which images of the batch they are.
  let share: BatchShare
  /// The mean over a part of the batch, a scalar to call `backward()` on.
  let mean: (Range<Int>) throws -> Tensor
  /// Rows of numbers for each image, over all parts that were asked for.
  let figures: () -> [[Double]]
  /// What is reported, by the rows of the whole batch.
  let report: ([[Double]]) -> Report

  public struct Report {
    /// The losses by quarters of the noise levels.
    public var quartiles: LossQuartiles
    /// The share of images that were classified rightly; nil where nothing is classified.
    public var accuracy: Double?
    public init(quartiles: LossQuartiles, accuracy: Double? = nil) { (self.quartiles, self.accuracy) = (quartiles, accuracy) }
  }

  /// - Parameters:
  ///   - share: the images of the batch that `mean` is asked for.
  ///   - figures: rows of a number for each of these images; called once, after the last part.
  ///   - report: called once after that, with the rows of the whole batch.
  ///   - mean: called for one part after the other, each once; the places are counted from the first of the share.
  public init(
    of share: BatchShare, figures: @escaping () -> [[Double]], report: @escaping ([[Double]]) -> Report,
    mean: @escaping (Range<Int>) throws -> Tensor
  ) {
    (count, self.share, self.mean, self.figures, self.report) = (share.range.count, share, mean, figures, report)
  }

  /// A loss of which nothing but the mean is reported.
  public init(of share: BatchShare, mean: @escaping (Range<Int>) throws -> Tensor) {
    self.init(of: share, figures: { [] }, report: { _ in Report(quartiles: LossQuartiles()) }, mean: mean)
  }

  /// The same of a whole batch.
  public init(of count: Int, mean: @escaping (Range<Int>) throws -> Tensor) { self.init(of: BatchShare(of: count), mean: mean) }

  /// A loss that comes in one piece.
  public init(_ mean: Tensor) { self.init(of: 1) { _ in mean } }

  /// The parts of at most `size` images; the last may be smaller.
  func parts(of size: Int?) -> [Range<Int>] {
    let size = max(1, size ?? count)
    return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }
}
