import Foundation
import Tensors

/// The denoiser's estimate at a level: x̂₀ or ε̂.
struct Estimate {
  let value: Tensor
  let level: NoiseLevel
}

/// The way from the level `t` to the cleaner level `s` in λ = log(α / σ). In that time the probability-flow ODE is linear in x
/// but for the denoiser, and exponential integrators carry the linear part exactly:
///
///     x_s = (σ_s / σ_t) x − α_s I(x̂₀; −h) = (α_s / α_t) x − σ_s I(ε̂; h),      I(f; z) = z ∫₀¹ e^(z(1−c)) f(λ_t + c h) dc
///
/// Lu et al., "DPM-Solver" (2022), eq. 3.4, and "DPM-Solver++" (2022), eq. 9. A solver is a rule for I.
struct ExponentialStep {
  let t: NoiseLevel, s: NoiseLevel
  /// λ_s − λ_t; infinite from pure noise and to the clean image.
  let h: Double

  init(from t: NoiseLevel, to s: NoiseLevel) {
    self.t = t
    self.s = s
    h = s.lambda - t.lambda
  }

  /// e^(−h), finite at both ends: 0 from pure noise and to the clean image.
  var decay: Double { (s.sigma * t.alpha) / (s.alpha * t.sigma) }

  /// Whether estimates can be interpolated over the step: not from pure noise, nor to the clean image, nor on the spot. Such steps
  /// are first order.
  var isRegular: Bool { h > 0 && h.isFinite }

  /// Whether the step leaps out of noise that has next to no signal, σ/α above 1000, to less than a tenth of that, as the first step
  /// of a cosine schedule does. In σ/α it is all but infinitely long: methods that work there take it as Euler's.
  var leavesPureNoise: Bool { t.sigma > 1000 * t.alpha && decay < 0.1 }

  /// A level's place on the way: 0 at `t`, 1 at `s`, negative before.
  func place(of level: NoiseLevel) -> Double { (level.lambda - t.lambda) / h }

  /// I of the polynomial through the estimates.
  /// - Parameter moments: I of 1, c, c², …, as many as estimates are to be used; further estimates are not looked at.
  func integral(of estimates: [Estimate], moments: [Double]) -> Tensor {
    let used = estimates.prefix(moments.count)
    guard used.count > 1 else { return moments[0] * used[0].value }
    let weights = quadratureWeights(nodes: used.map { place(of: $0.level) }, moments: moments)
    return zip(weights, used).map { $0 * $1.value }.dropFirst().reduce(weights[0] * used[0].value, +)
  }

  /// x_s from estimates of x₀. With η > 0 it is the mean of x_s under the SDE that adds η times the noise of the reverse process,
  ///
  ///     x_s = (σ_s / σ_t) e^(−ηh) x − α_s I(x̂₀; −(1 + η) h) + ς z,      ς = σ_s √(1 − e^(−2ηh))
  ///
  /// Lu et al., "DPM-Solver++" (2022), eq. 17 (η = 1).
  ///
  /// - Parameter moments: of −(1 + η) h.
  func mean(_ x: Tensor, x0 estimates: [Estimate], moments: [Double], eta: Double = 0) -> Tensor {
    (s.sigma / t.sigma) * pow(decay, eta) * x - s.alpha * integral(of: estimates, moments: moments)
  }

  /// ς of the SDE.
  func deviation(eta: Double) -> Double { s.sigma * max(1 - pow(decay, 2 * eta), 0).squareRoot() }
}

/// μ_j(z) = z ∫₀¹ e^(z(1−c)) cʲ dc = j! z φ_{j+1}(z), the exponential moments; μ₀ = e^z − 1 and μ_j = j μ_{j−1} / z − 1.
///
/// - Parameter z: of either sign; infinite for j = 0 only.
func exponentialMoment(_ j: Int, _ z: Double) -> Double {
  if j == 0 { return expm1(z) }
  if abs(z) >= 1 { return Double(j) * exponentialMoment(j - 1, z) / z - 1 }
  // The recurrence cancels near 0; there z Σ_i zⁱ j! / (i + j + 1)!.
  var term = z / Double(j + 1), sum = term
  for i in 1...20 {
    term *= z / Double(i + j + 1)
    sum += term
  }
  return sum
}

/// The weights that make Σ w_k p(c_k) the integral of p for every polynomial p of lower degree than there are nodes.
///
/// - Parameters:
///   - nodes: c_k, all different.
///   - moments: the integrals of 1, c, c², …, one for each node.
func quadratureWeights(nodes: [Double], moments: [Double]) -> [Double] {
  nodes.indices.map { k in
    // The coefficients of the polynomial that is 1 at this node and 0 at the others, the constant first.
    var basis = [1.0]
    for (other, c) in nodes.enumerated() where other != k {
      basis = zip([0] + basis, basis + [0]).map { ($0 - c * $1) / (nodes[k] - c) }
    }
    return zip(basis, moments).map(*).reduce(0, +)
  }
}

extension Prediction {
  /// The images at `s` if both estimates held on the way, α_s x̂₀ + σ_s ε̂: Euler's step in σ/α, and the first-order step of every
  /// exponential integrator.
  func eulerStep(to s: NoiseLevel) -> Tensor { s.alpha * x0 + s.sigma * epsilon }
}
