import Failures
import Tensors

/// The support of a set of features: the union of balls, each around a picture's features and reaching to its k-th nearest neighbour in
/// the set. Distances are Euclidean, in float64, and computed in blocks, so that memory does not grow with the product of two sets.
public struct FeatureBalls: Sendable {
  /// `[N, D]`.
  public let points: Tensor
  /// `[N]` float64.
  public let squaredRadii: Tensor
  public var radii: Tensor { squaredRadii.sqrt() }

  /// Rows of distances that are computed at a time.
  private static let block = 512
  /// What rounding leaves of the distance of two equal points, relative to their squared norms.
  private static let rounding = 1e-13

  /// - Parameters:
  ///   - points: features `[N, D]`.
  ///   - k: which neighbour a ball reaches, from 1; the point itself is not one.
  /// - Throws: `SfumatoError` where there are no k neighbours; `TorchFault` for features that failed.
  public init(_ points: Tensor, neighbors k: Int) throws {
    self = try Self.around(points, neighbors: [k])[0]
  }

  private init(points: Tensor, squaredRadii: Tensor) { (self.points, self.squaredRadii) = (points, squaredRadii) }

  /// Balls of several sizes around the same points, from distances that are computed once.
  /// - Throws: as `init(_:neighbors:)`.
  static func around(_ points: Tensor, neighbors: [Int]) throws -> [FeatureBalls] {
    let points = try points.validated(), most = neighbors.max() ?? 0
    guard points.rank == 2, neighbors.allSatisfy({ $0 > 0 }), points.size(0) > most else {
      throw SfumatoError(.data, "nearest neighbours: expected features [N, D] of more than \(most) pictures, found \(points.shape)")
    }
    // The point itself is nearest.
    let radii = try rows(of: points, to: points).map { row in try neighbors.map { try row.kthSmallest($0 + 1, 1).validated() } }
    return try neighbors.indices.map { at in
      FeatureBalls(points: points, squaredRadii: try Tensor.cat(radii.map { $0[at] }, dim: 0).validated())
    }
  }

  /// How pictures of another set lie in the balls.
  public struct Membership: Sendable, Equatable {
    /// The number of balls that contain each picture.
    public let balls: [Int]
    /// Whether each ball contains a picture.
    public let isOccupied: [Bool]

    /// The share of the pictures that lie in any ball.
    public var insideShare: Double { Double(balls.count { $0 > 0 }) / Double(balls.count) }
    /// The share of the balls with a picture in them.
    public var occupiedShare: Double { Double(isOccupied.count { $0 }) / Double(isOccupied.count) }
  }

  /// - Parameter pictures: features `[M, D]`.
  /// - Throws: `SfumatoError` for features of another size or none.
  public func membership(of pictures: Tensor) throws -> Membership {
    let pictures = try pictures.validated()
    guard pictures.rank == 2, pictures.size(1) == points.size(1), pictures.size(0) > 0 else {
      throw SfumatoError(
        .data, "nearest neighbours: expected features of \(points.size(1)) numbers for each picture, found \(pictures.shape)")
    }
    var balls: [Int] = [], occupied = Tensor.zeros([points.size(0)], dtype: .bool)
    for distances in Self.rows(of: pictures, to: points) {
      let inside = distances.le(squaredRadii)
      balls += try inside.to(.int64).sum(1).ints()
      occupied = try occupied.or(inside.to(.uint8).max(0).to(.bool)).validated()
    }
    return Membership(balls: balls, isOccupied: try occupied.to(.uint8).uint8s().map { $0 != 0 })
  }

  /// Squared distances, a block of rows `[B, N]` at a time.
  private static func rows(of a: Tensor, to b: Tensor) -> some Sequence<Tensor> {
    let center = b.to(.float64).mean(0), columns = b.to(.float64) - center
    let norms = columns.square().sum(1), transposed = columns.transpose(0, 1)
    return stride(from: 0, to: a.size(0), by: block).lazy.map { start in
      let rows = a.narrow(0, start, min(block, a.size(0) - start)).to(.float64) - center
      let sums = rows.square().sum(1, keep: true) + norms
      let squared = sums - rows.matmul(transposed) * 2
      return Tensor.where(squared.gt(sums * rounding), squared, .zeros(like: squared))
    }
  }
}

/// A set of features with the balls that precision and recall and, wider ones, that density and coverage are counted in. That of a
/// reference serves for every set that is compared with it.
public struct FeatureSupport: Sendable {
  let points: Tensor
  let narrow: FeatureBalls, wide: FeatureBalls
  /// The neighbour that the wide ones reach.
  let wideNeighbors: Int

  /// - Parameters:
  ///   - points: features `[N, D]`.
  ///   - k: the neighbour that precision and recall reach to.
  ///   - wide: the one that density and coverage reach to.
  /// - Throws: `SfumatoError` for too few pictures.
  public init(_ points: Tensor, neighbors k: Int = 3, densityNeighbors wide: Int = 5) throws {
    let balls = try FeatureBalls.around(points, neighbors: [k, wide])
    (self.points, narrow, self.wide, wideNeighbors) = (points, balls[0], balls[1], wide)
  }
}

/// How many of the generated pictures are like real ones, and how many of the real ones are covered.
public struct PrecisionRecall: Sendable, Equatable {
  /// The share of generated pictures in the support of the reference, and of reference pictures in that of the generated ones
  /// (Kynkäänniemi et al. 2019).
  public let precision: Double, recall: Double
  /// The mean number of the reference's balls that contain a generated picture, over k; and the share of the reference's balls with a
  /// generated picture in them (Naeem et al. 2020). Density may exceed 1.
  public let density: Double, coverage: Double

  /// - Throws: `SfumatoError` for features of different sizes.
  public init(reference: FeatureSupport, generated: FeatureSupport) throws {
    let own = try reference.narrow.membership(of: generated.points), other = try generated.narrow.membership(of: reference.points)
    (precision, recall) = (own.insideShare, other.insideShare)
    let dense = try reference.wide.membership(of: generated.points)
    density = Double(dense.balls.reduce(0, +)) / Double(reference.wideNeighbors * dense.balls.count)
    coverage = dense.occupiedShare
  }

  /// The figures of features `[N, D]` and `[M, D]`, with the papers' numbers of neighbours.
  /// - Throws: `SfumatoError` for too few pictures and for features of different sizes.
  public init(reference: Tensor, generated: Tensor) throws {
    try self.init(reference: FeatureSupport(reference), generated: FeatureSupport(generated))
  }
}
