import Foundation

/// The schedule whose signal falls as a squared cosine:
///
///     β_t = min(1 − ᾱ((t + 1) / T) / ᾱ(t / T), β_max),      ᾱ(u) = cos²((u + 0.008) / 1.008 · π / 2)
///
/// Nichol and Dhariwal, "Improved Denoising Diffusion Probabilistic Models" (2021), eq. 17.
public struct CosineSchedule: Schedule {
  public static let name = "cosine"

  /// T, 1 to 100,000.
  public var steps = 1000
  /// Keeps the last steps from adding nothing but noise; 1 lets the signal end at 0.
  public var maxBeta = 0.999

  public init() {}
  public init(steps: Int) { self.steps = steps }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] {
    try DiscreteProcess.check(steps: steps)
    return (0..<steps).map { t in
      Real(min(1 - signal(Double(t + 1) / Double(steps)) / signal(Double(t) / Double(steps)), maxBeta))
    }
  }

  /// ᾱ at the part u of the way, without the factor that makes ᾱ(0) = 1.
  private func signal(_ u: Double) -> Double {
    let root = cos((u + 0.008) / 1.008 * .pi / 2)
    return root * root
  }
}

/// diffusers' name for the cosine schedule, so that its configurations can be used unchanged.
public struct SquaredCosineSchedule: Schedule {
  public static let name = "squaredcos_cap_v2"

  /// T, 1 to 100,000.
  public var steps = 1000

  public init() {}
  public init(steps: Int) { self.steps = steps }

  public func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real] {
    try CosineSchedule(steps: steps).makeBetas(type)
  }
}
