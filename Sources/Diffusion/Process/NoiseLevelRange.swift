import Foundation

/// All noise levels at which a denoiser can be evaluated, in one coordinate, λ = log(α / σ), which rises from noise to image.
/// Solvers take the levels between two steps from here alone, so that none of them computes a timestep.
public struct NoiseLevelRange: Sendable {
  /// The range from the noisiest level with any signal to the cleanest one.
  public let range: ClosedRange<Double>
  /// Whether the denoiser's network predicts the velocity of the straight path between image and noise, in whose t Heun's method then
  /// takes its steps.
  public internal(set) var isStraight = false
  private let makeLevel: @Sendable (Double) -> NoiseLevel

  /// - Parameter level: gives the level at a λ of `range`.
  public init(_ range: ClosedRange<Double>, level: @escaping @Sendable (_ lambda: Double) -> NoiseLevel) {
    self.range = range
    makeLevel = level
  }

  /// The level at λ; one outside the range is the nearest within.
  public func level(lambda: Double) -> NoiseLevel {
    makeLevel(min(max(lambda, range.lowerBound), range.upperBound))
  }

  /// Levels that preserve variance, α² + σ² = 1, with a rule for the timestep.
  /// - Parameter timestep: of the network at λ.
  public static func variancePreserving(
    _ range: ClosedRange<Double>, timestep: @escaping @Sendable (_ lambda: Double) -> Double
  ) -> NoiseLevelRange {
    NoiseLevelRange(range) { lambda in
      NoiseLevel(
        alpha: (1 / (1 + exp(-2 * lambda))).squareRoot(), sigma: (1 / (1 + exp(2 * lambda))).squareRoot(), timestep: timestep(lambda))
    }
  }
}

extension DiscreteProcess {
  /// The levels of the process and all between them. Between two steps the timestep is a fraction, linear in λ.
  public var noiseLevelRange: NoiseLevelRange {
    let levels = levels(Array(0..<steps)).filter { $0.alpha > 0 }
    // A process of pure noise alone has no level with signal.
    guard let noisiest = levels.last, let cleanest = levels.first else {
      return NoiseLevelRange(0...0) { [last = level(steps - 1)] _ in last }
    }
    let lambdas = levels.map(\.lambda), timesteps = levels.map(\.timestep)
    return .variancePreserving(noisiest.lambda...cleanest.lambda) { lambda in
      Self.interpolated(at: lambda, xs: lambdas, ys: timesteps)
    }
  }

  /// The value at x of the line through the points (xs, ys), xs descending.
  private static func interpolated(at x: Double, xs: [Double], ys: [Double]) -> Double {
    var low = 0, high = xs.count - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if xs[middle] >= x { low = middle } else { high = middle }
    }
    guard xs[low] > xs[high] else { return ys[low] }
    let part = min(max((xs[low] - x) / (xs[low] - xs[high]), 0), 1)
    return ys[low] + part * (ys[high] - ys[low])
  }
}
