/// The steps of a run in which noise is added. In all others every sampler takes its deterministic step: DDPM goes
/// to the mean, DDIM and the stochastic solvers follow the probability-flow ODE. Stopped early, images come out crisper.
///
/// A window is about samplers' steps alone: to a noisier level images are always diffused with noise, and so is a known region.
public struct NoiseWindow: Sendable, Equatable {
  /// K: noise is added only while at least so many steps remain after the step at hand; 1 leaves the last step without, which
  /// none of them has anyway. Steps are those of the whole path: one that goes back has many, a jump being one of them, and its
  /// noise stops only before its very end. Double sampling so stops it in the second descent.
  public var untilRemaining: Int
  /// The noise over signal, σ / α, of the level that a step leaves from must lie here.
  public var ratios: ClosedRange<Double>

  public init(untilRemaining: Int = 0, ratios: ClosedRange<Double> = 0...Double.infinity) {
    self.untilRemaining = untilRemaining
    self.ratios = ratios
  }

  /// Every step.
  public static let always = NoiseWindow()

  func admits(from level: NoiseLevel, remaining: Int) -> Bool {
    remaining >= untilRemaining && ratios.contains(level.sigma / level.alpha)
  }
}
