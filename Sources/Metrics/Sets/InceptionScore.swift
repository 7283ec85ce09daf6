import Failures
import Foundation
import Tensors

/// The inception score (Salimans et al. 2016), from the class probabilities of any classifier: exp E KL(p(y | x) ‖ p(y)), of consecutive
/// splits of the pictures; the last may be shorter. Batches may end anywhere; only sums are kept.
public struct InceptionScore: Sendable {
  private struct Split {
    var count = 0
    /// Σ p, `[classes]`, and Σ p log p.
    var probabilities: Tensor, information = 0.0

    /// exp of the mean divergence from the split's own mean.
    func score() throws -> Double {
      let mean = try (probabilities / Double(count)).doubles()
      let marginal = mean.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) }
      return exp(information / Double(count) - marginal)
    }
  }

  /// How many pictures each split has.
  private enum Splitting {
    case size(Int)
    case parts(Int, of: Int)

    func length(ofSplit index: Int) -> Int {
      switch self {
      case .size(let size): size
      case .parts(let parts, let count): max(1, (index + 1) * count / parts - index * count / parts)
      }
    }
  }

  private let splitting: Splitting
  private var splits: [Split] = []

  /// - Precondition: splits of at least one picture.
  public init(splitSize: Int = 5000) {
    precondition(splitSize > 0, "splits of \(splitSize) pictures")
    splitting = .size(splitSize)
  }

  /// So many splits of an expected number of pictures, which differ in size by one at most: the ten of Salimans et al. 2016.
  /// - Precondition: at least one split, and a number of pictures that is not negative.
  public init(splits: Int, of count: Int) {
    precondition(splits > 0 && count >= 0, "\(splits) splits of \(count) pictures")
    splitting = .parts(splits, of: count)
  }

  /// - Parameter probabilities: `[N, classes]`, whose rows sum to one; computed in float64.
  /// - Throws: `SfumatoError` for another shape; `TorchFault` for probabilities that failed, or of another number of classes than before.
  public mutating func add(_ probabilities: Tensor) throws {
    var rest = try probabilities.to(.float64).validated()
    guard rest.rank == 2 else { throw SfumatoError(.data, "class probabilities: expected [N, classes], found \(rest.shape)") }
    while rest.size(0) > 0 {
      if splits.last.map({ $0.count == splitting.length(ofSplit: splits.count - 1) }) ?? true {
        splits.append(Split(probabilities: .zeros([rest.size(1)], dtype: .float64)))
      }
      let room = splitting.length(ofSplit: splits.count - 1) - splits[splits.count - 1].count
      let taken = min(rest.size(0), room), part = rest.narrow(0, 0, taken)
      // p log p is 0 at 0, where the logarithm alone would be infinite.
      let information = try (part * part.clamp(Double.leastNormalMagnitude...1).log()).sum().item()
      let sum = try (splits[splits.count - 1].probabilities + part.sum(0)).validated()
      splits[splits.count - 1].probabilities = sum
      splits[splits.count - 1].information += information
      splits[splits.count - 1].count += taken
      rest = rest.narrow(0, taken, rest.size(0) - taken)
    }
  }

  /// Whether there are no pictures yet.
  public var isEmpty: Bool { splits.isEmpty }

  /// The score of each split, in order.
  public func scores() throws -> [Double] { try splits.map { try $0.score() } }

  /// The mean over the splits.
  /// - Throws: `SfumatoError` where there are no pictures.
  public func score() throws -> Double { try moments().mean }

  /// The mean over the splits, and their standard deviation, with divisor N.
  /// - Throws: as `score`.
  public func moments() throws -> (mean: Double, deviation: Double) {
    guard !splits.isEmpty else { throw SfumatoError(.data, "the inception score needs class probabilities of pictures, found none") }
    return try KernelDistance.moments(scores())
  }
}
