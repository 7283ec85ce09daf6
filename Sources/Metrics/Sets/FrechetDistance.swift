import Failures
import Tensors

extension FeatureStatistics {
  /// The Fréchet distance of two Gaussians (Dowson and Landau 1982; Heusel et al. 2017 for features of Inception):
  ///
  ///     |μ₁ − μ₂|² + tr Σ₁ + tr Σ₂ − 2 tr (Σ₁ Σ₂)^½
  ///
  /// The last trace is the sum of the singular values of Σ₁^½ Σ₂^½, which is right for singular covariances too: those of fewer
  /// pictures than features. Never negative.
  /// - Throws: `SfumatoError` for features of different sizes; `TorchFault` where an eigenvalue iteration fails.
  public func frechetDistance(to other: FeatureStatistics) throws -> Double { try frechetDistances(to: [other])[0] }

  /// The same to several: the eigenvalues of this covariance, which take the cube of its size in time, are computed once.
  public func frechetDistances(to others: [FeatureStatistics]) throws -> [Double] {
    if let other = others.first(where: { $0.size != size }) {
      throw SfumatoError(
        .data, "features of \(size) and of \(other.size) numbers cannot be compared; expected statistics of the same features and size")
    }
    let root = try Self.squareRoot(covariance)
    return try others.map { other in
      let shift = (mean - other.mean).square().sum()
      let product = try root.matmul(Self.squareRoot(other.covariance))
      let distance = shift + Self.trace(covariance) + Self.trace(other.covariance) - product.singularValues().sum() * 2
      return max(0, try distance.item())
    }
  }

  private static func trace(_ matrix: Tensor) -> Tensor {
    let n = matrix.size(0)
    return matrix.contiguous().reshape(n * n).slice(0, 0..<(n * n), step: n + 1).sum()
  }

  /// The symmetric square root of a covariance. Eigenvalues that are no larger than rounding leaves of zero count as zero: their roots
  /// would not be small.
  /// - Throws: `SfumatoError` where one is negative by more than errors of float32 in every number of the covariance could make it.
  private static func squareRoot(_ covariance: Tensor) throws -> Tensor {
    let (values, vectors) = covariance.symmetricEigen()
    guard try values.min().item() >= -1e-6 * Double(covariance.size(0)) * values.abs().max().item() else { throw noCovariance }
    let rounding = values.abs().max() * (Double(covariance.size(0)) * Double.ulpOfOne)
    let roots = Tensor.where(values.gt(rounding), values, .zeros(like: values)).sqrt()
    return (vectors * roots).matmul(vectors.transpose(0, 1))
  }
}
