import Foundation

/// How the output F of a network becomes an image,
///
///     x₀ = c_skip x + c_out F(c_in x; c_noise)
///
/// (Karras et al. 2022, eq. 7). Their x is images plus noise, ours is α times that, and their σ is our σ / α.
struct Preconditioning: Equatable {
  var cSkip: Double, cOut: Double
  var cIn = 1.0
  /// What the network is conditioned on.
  var cNoise: Double
}

extension Parameterization {
  /// Karras et al. condition on ln(σ) / 4. Our networks embed it in sines of frequency 1 and below, made for timesteps up
  /// to 1000, and are given that many times as much: 250 ln(σ / α), which runs from −1500 to 2500 over a process.
  static let noiseUnit = 1000.0

  /// The terms at a level. Of no use where there is a `problem`.
  func preconditioning(at t: NoiseLevel) -> Preconditioning {
    switch self {
    case .epsilon: return Preconditioning(cSkip: 1 / t.alpha, cOut: -t.sigma / t.alpha, cNoise: t.timestep)
    case .x0: return Preconditioning(cSkip: 0, cOut: 1, cNoise: t.timestep)
    case .v: return Preconditioning(cSkip: t.alpha, cOut: -t.sigma, cNoise: t.timestep)
    case .velocity:
      let sum = t.alpha + t.sigma
      return Preconditioning(cSkip: 1 / sum, cOut: -t.sigma / sum, cIn: 1 / sum, cNoise: Self.noiseUnit * t.straightTime)
    case .vScaledInput: return Preconditioning(cSkip: t.alpha, cOut: -t.sigma, cIn: t.alpha, cNoise: t.timestep)
    case .previousX(let process):
      // The mean is c₁ x₀ + c₂ x.
      guard let step = process.step(at: t) else { return Preconditioning(cSkip: .nan, cOut: .nan, cNoise: .nan) }
      let x0 = process.posteriorMeanX0[step], xt = process.posteriorMeanXt[step]
      return Preconditioning(cSkip: -xt / x0, cOut: 1 / x0, cNoise: t.timestep)
    case .edm(let sigmaData):
      // The deviation of x: α √((σ/α)² + σ_data²), which is finite without signal too.
      let deviation = (t.sigma * t.sigma + t.alpha * t.alpha * sigmaData * sigmaData).squareRoot()
      return Preconditioning(
        cSkip: sigmaData * sigmaData * t.alpha / (deviation * deviation), cOut: t.sigma * sigmaData / deviation, cIn: 1 / deviation,
        cNoise: Self.noiseUnit * log(t.sigma / t.alpha) / 4)
    }
  }

  /// Why a level has no estimate; nil where all have one.
  func problem(at levels: [NoiseLevel]) -> String? {
    switch self {
    case .x0, .v, .vScaledInput, .velocity: nil
    case .epsilon:
      levels.allSatisfy { $0.alpha > 0 }
        ? nil : "epsilon holds nothing of the image where there is no signal (alpha 0); expected a network that predicts v or x0"
    case .edm:
      levels.allSatisfy { $0.alpha > 0 }
        ? nil
        : "edm's network is conditioned on log(sigma / alpha), infinite where there is no signal (alpha 0); expected one that predicts v or x0"
    case .previousX(let process):
      levels.first { process.step(at: $0) == nil }.map {
        "a network that predicts previous_x knows only the \(process.steps) steps of its process, and alpha \($0.alpha) is between two"
          + " of them; expected a sampler and a spacing that visit steps only"
      }
    }
  }
}

extension DiscreteProcess {
  /// The step that has this level; nil for a level that none has.
  func step(at level: NoiseLevel) -> Int? {
    // ᾱ descends: the first step that is no cleaner, and the one before, whose rounding may have put it on the other side.
    var low = 0, high = steps - 1
    let alphaBar = level.alpha * level.alpha
    while low < high {
      let middle = (low + high) / 2
      if self.alphaBar[middle] <= alphaBar { high = middle } else { low = middle + 1 }
    }
    return [low, low - 1].first { $0 >= 0 && self.level($0).isAsNoisy(as: level) }
  }

  /// The level to which an ancestral step from t leads.
  func levelBefore(_ t: Int) -> NoiseLevel { t > 0 ? level(t - 1) : .clean }
}

extension NoiseLevel {
  /// The same but for rounding, such as that of a respaced process.
  func isAsNoisy(as other: NoiseLevel) -> Bool { abs(alpha - other.alpha) < 1e-9 && abs(sigma - other.sigma) < 1e-9 }
}
