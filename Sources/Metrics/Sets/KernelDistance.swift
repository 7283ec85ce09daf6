import Failures
import Tensors

/// The kernel distance: the squared maximum mean discrepancy under k(x, y) = (x · y / D + 1)³ (Bińkowski et al. 2018, "Demystifying MMD
/// GANs"). Unbiased: near zero for two samples of one distribution, and often negative there.
public struct KernelDistance: Sendable, Equatable {
  /// The mean over the subsets, and their standard deviation, with divisor N.
  public let mean: Double, deviation: Double
  public let subsets: Int
  /// Pictures of each set in a subset.
  public let subsetSize: Int

  /// Rows of the kernel matrix that are computed at a time.
  private static let block = 1024

  /// The estimate by random subsets, as the field has it. Where the subsets would hold every picture, there is one.
  /// - Parameters:
  ///   - x: features `[M, D]`. y: features `[N, D]`.
  ///   - subsets: how many; subsetSize: pictures of each, at most; without replacement.
  ///   - seed: of the choice of pictures.
  /// - Throws: `SfumatoError` as `squaredMMD`.
  public init(_ x: Tensor, _ y: Tensor, subsets: Int = 100, subsetSize: Int = 1000, seed: UInt64) throws {
    let size = min(subsetSize, x.size(0), y.size(0))
    guard size < max(x.size(0), y.size(0)) else {
      (mean, deviation, self.subsets, self.subsetSize) = (try Self.squaredMMD(x, y), 0, 1, size)
      return
    }
    let random = Generator(seed: seed)
    let values = try (0..<subsets).map { _ in
      let rows = Tensor.randperm(x.size(0), using: random).slice(0, 0..<size)
      let columns = Tensor.randperm(y.size(0), using: random).slice(0, 0..<size)
      return try Self.squaredMMD(x.indexSelect(0, rows), y.indexSelect(0, columns))
    }
    (mean, deviation) = Self.moments(values)
    (self.subsets, self.subsetSize) = (subsets, size)
  }

  /// Mean and standard deviation, with divisor N.
  public static func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
  }

  /// The unbiased estimate for whole sets, in float64: pairs of a picture with itself are left out.
  /// - Parameters: x: features `[M, D]`; y: features `[N, D]`; M, N ≥ 2.
  /// - Throws: `SfumatoError` for fewer pictures and for features of different sizes.
  public static func squaredMMD(_ x: Tensor, _ y: Tensor) throws -> Double {
    let (x, y) = (try x.to(.float64).validated(), try y.to(.float64).validated())
    guard x.rank == 2, y.rank == 2, x.size(1) == y.size(1), x.size(0) > 1, y.size(0) > 1 else {
      throw SfumatoError(
        .data, "kernel distance: expected two sets of two pictures or more with features of one size, found \(x.shape) and \(y.shape)")
    }
    let m = Double(x.size(0)), n = Double(y.size(0))
    let within = try (sum(x, x) - diagonal(x)) / (m * (m - 1)) + (sum(y, y) - diagonal(y)) / (n * (n - 1))
    return try within - 2 * sum(x, y) / (m * n)
  }

  private static func cubed(_ products: Tensor, _ size: Int) -> Tensor {
    let base = products / Double(size) + 1
    return base.square() * base
  }

  /// Σ k(xᵢ, yⱼ).
  private static func sum(_ x: Tensor, _ y: Tensor) throws -> Double {
    let columns = y.transpose(0, 1)
    return try stride(from: 0, to: x.size(0), by: block).reduce(0) { total, start in
      let rows = x.narrow(0, start, min(block, x.size(0) - start))
      return try total + cubed(rows.matmul(columns), x.size(1)).sum().item()
    }
  }

  /// Σ k(xᵢ, xᵢ).
  private static func diagonal(_ x: Tensor) throws -> Double { try cubed(x.square().sum(1), x.size(1)).sum().item() }
}
