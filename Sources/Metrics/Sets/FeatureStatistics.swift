import Failures
import Tensors

/// Mean and covariance of the features of a set of pictures: the Gaussian by which the Fréchet distance stands for the set.
public struct FeatureStatistics: Sendable {
  /// `[D]` float64.
  public let mean: Tensor
  /// `[D, D]` float64, with divisor N - 1.
  public let covariance: Tensor
  /// How many pictures they are of; nil where that is not known.
  public let count: Int?

  /// - Throws: `SfumatoError` for shapes that do not belong together and for numbers that are not finite.
  public init(mean: Tensor, covariance: Tensor, count: Int? = nil) throws {
    let (mean, covariance) = (try mean.to(.float64).validated(), try covariance.to(.float64).validated())
    guard mean.rank == 1, mean.count > 0, covariance.shape == [mean.count, mean.count] else {
      throw SfumatoError(
        .data, "statistics of features: expected a mean [D] and a covariance [D, D], found \(mean.shape) and \(covariance.shape)")
    }
    guard try mean.isFinite().all().item() != 0, try covariance.isFinite().all().item() != 0 else {
      throw SfumatoError(.data, "statistics of features: there are numbers among them that are not finite; compute them again")
    }
    try Self.check(covariance)
    (self.mean, self.covariance, self.count) = (mean, covariance, count)
  }

  /// What no covariance is would give distances that mean nothing, and zero for the worst. Eigenvalues are checked where they are computed.
  private static func check(_ covariance: Tensor) throws {
    let largest = try covariance.abs().max().item()
    // Others compute it in float32, with sums in another order for each half.
    guard largest < 1e100, try (covariance - covariance.transpose(0, 1)).abs().max().item() <= largest * 1e-5 else { throw noCovariance }
  }

  static let noCovariance = SfumatoError(
    .data, "statistics of features: sigma is no covariance; expected a symmetric matrix without negative eigenvalues, compute it again")

  /// Numbers of each picture's features.
  public var size: Int { mean.count }

  /// 16 hexadecimal digits that differ for other statistics: FNV-1a of 64 bits, over mean and covariance, a number at a time.
  public func digest() throws -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for tensor in [mean, covariance] {
      for number in try tensor.doubles() {
        hash = (hash ^ number.bitPattern) &* 0x100_0000_01B3
        // The high bits of a number reach the low bits of the hash.
        hash ^= hash >> 32
      }
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// Mean and covariance of features that come batch by batch: memory does not grow with the number of pictures.
///
/// Batches are merged by their own means and scatter matrices (Chan, Golub and LeVeque 1983, "Algorithms for Computing the Sample
/// Variance"), so that a mean far from zero costs no digits.
public struct FeatureMoments: Sendable {
  public private(set) var count = 0
  /// The mean of the pictures merged so far.
  private var mean: Tensor?
  /// Σ (x - mean)(x - mean)ᵀ.
  private var scatter: Tensor?
  private var merged = 0
  /// Features that wait until there are enough of them: a matrix of D x D for every few pictures would take longer than the pictures.
  private var waiting: [Tensor] = []
  private let blockSize: Int

  /// - Parameter blockSize: pictures that are merged at a time, at least.
  public init(blockSize: Int = 1024) { self.blockSize = blockSize }

  /// - Parameter features: `[N, D]`, of any type; computed in float64.
  public mutating func add(_ features: Tensor) {
    guard features.size(0) > 0 else { return }
    waiting.append(features)
    count += features.size(0)
    if count - merged >= blockSize { merge() }
  }

  private mutating func merge() {
    guard !waiting.isEmpty else { return }
    let x = Tensor.cat(waiting, dim: 0).to(.float64), added = count - merged
    waiting = []
    let batchMean = x.mean(0), centered = x - batchMean
    let batchScatter = centered.transpose(0, 1).matmul(centered)
    if let mean, let scatter {
      let shift = batchMean - mean
      self.mean = mean + shift * (Double(added) / Double(count))
      let outer = shift.unsqueeze(1).matmul(shift.unsqueeze(0))
      self.scatter = scatter + batchScatter + outer * (Double(merged) * Double(added) / Double(count))
    } else {
      (mean, scatter) = (batchMean, batchScatter)
    }
    merged = count
  }

  /// - Throws: `SfumatoError` for fewer than two pictures, which have no covariance, and for features that are not finite; `TorchFault`
  ///   for batches of different sizes of features.
  public func statistics() throws -> FeatureStatistics {
    var whole = self
    whole.merge()
    guard count > 1, let mean = whole.mean, let scatter = whole.scatter else {
      throw SfumatoError(.data, "statistics of features need two pictures or more, found \(count)")
    }
    return try FeatureStatistics(mean: mean, covariance: scatter / Double(count - 1), count: count)
  }
}
