import Foundation

/// The weights with which snapshots of averages make up an average of another length or time.
///
/// Karras et al. (2024), section 3.2 and appendix C.2: the profile of an average with exponent γ at time t_i is
/// p_i(t) = (γ + 1) t^γ / t_i^(γ + 1) for 0 ≤ t ≤ t_i; the weights minimise ‖p − Σ x_i p_i‖², so A x = b with A_ij = ⟨p_i, p_j⟩ and
/// b_i = ⟨p_i, p⟩.
package struct PostHocAverage {
  /// A profile: its exponent γ, and its time in updates of the average.
  package struct Profile: Equatable, Sendable {
    package var exponent: Double, time: Double
    package init(exponent: Double, time: Double) { (self.exponent, self.time) = (exponent, time) }

    /// ∫ p q dt, in closed form.
    package func product(_ other: Profile) -> Double {
      let ratio = time < other.time ? pow(time / other.time, other.exponent) : pow(other.time / time, exponent)
      return (exponent + 1) * (other.exponent + 1) * ratio / ((exponent + other.exponent + 1) * max(time, other.time))
    }
  }

  /// One for each snapshot; their sum is 1, so that a parameter that never changed stays as it is.
  package let weights: [Double]
  /// ‖p − Σ x_i p_i‖ / ‖p‖: how far the snapshots are from being able to make up the average that was asked for.
  package let error: Double

  /// - Returns: nil when the profiles do not determine any weights.
  package init?(_ target: Profile, from snapshots: [Profile]) {
    let n = snapshots.count
    guard n > 0 else { return nil }
    // Profiles of unit length: times of millions of steps and their products would otherwise differ by many orders of magnitude.
    let lengths = snapshots.map { $0.product($0).squareRoot() }
    let matrix = (0..<n).map { i in (0..<n).map { j in snapshots[i].product(snapshots[j]) / (lengths[i] * lengths[j]) } }
    let right = (0..<n).map { snapshots[$0].product(target) / lengths[$0] }
    guard let solution = Self.solve(matrix, right) else { return nil }
    let sum = zip(solution, lengths).reduce(0) { $0 + $1.0 / $1.1 }
    guard sum.isFinite, abs(sum) > 1e-6 else { return nil }
    let scaled = solution.map { $0 / sum }
    weights = zip(scaled, lengths).map { $0 / $1 }
    let cross = zip(scaled, right).reduce(0) { $0 + $1.0 * $1.1 }
    let own = (0..<n).reduce(0) { total, i in total + scaled[i] * zip(matrix[i], scaled).reduce(0) { $0 + $1.0 * $1.1 } }
    let norm = target.product(target)
    error = max(0, (norm - 2 * cross + own) / norm).squareRoot()
  }

  /// The solution of a symmetric system with a diagonal of 1, by a Cholesky decomposition that leaves out what depends on earlier rows
  /// up to rounding: snapshots that are nearly the same.
  private static func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double]? {
    let n = right.count
    var factor: [[Double]] = [], kept: [Int] = []
    for i in 0..<n {
      var row: [Double] = []
      for (k, j) in kept.enumerated() {
        row.append((matrix[i][j] - zip(row, factor[k]).reduce(0) { $0 + $1.0 * $1.1 }) / factor[k][k])
      }
      let rest = matrix[i][i] - row.reduce(0) { $0 + $1 * $1 }
      guard rest > 1e-11 else { continue }
      factor.append(row + [rest.squareRoot()])
      kept.append(i)
    }
    var values: [Double] = []
    for (k, i) in kept.enumerated() {
      values.append((right[i] - zip(values, factor[k]).reduce(0) { $0 + $1.0 * $1.1 }) / factor[k][k])
    }
    for k in kept.indices.reversed() {
      let later = (k + 1..<kept.count).reduce(0.0) { $0 + factor[$1][k] * values[$1] }
      values[k] = (values[k] - later) / factor[k][k]
    }
    guard values.allSatisfy(\.isFinite) else { return nil }
    var solution = Array(repeating: 0.0, count: n)
    for (value, i) in zip(values, kept) { solution[i] = value }
    return solution
  }
}
