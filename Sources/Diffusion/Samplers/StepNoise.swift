import Tensors

/// The noise that a sampler may add in one step. `SamplingRun` draws it from its source in the steps that its window admits; in all
/// others it is `none`, and a sampler takes its deterministic step.
public struct StepNoise {
  private let draw: ((_ like: Tensor) -> Tensor)?

  /// No noise may be added; nothing is drawn.
  public static var none: StepNoise { StepNoise(draw: nil) }

  /// Noise drawn from a source, which advances with every draw.
  public init(_ source: some NoiseSource) {
    var source = source
    self.init { source.normal(like: $0) }
  }

  /// - Parameter draw: gives the next standard normal numbers of a tensor's shape, dtype and device.
  init(draw: ((_ like: Tensor) -> Tensor)?) { self.draw = draw }

  /// Whether noise may be added.
  public var isAllowed: Bool { draw != nil }

  /// A strength such as η where noise may be added, 0 elsewhere.
  public func allowed(_ strength: Double) -> Double { isAllowed ? strength : 0 }

  /// The next standard normal numbers of x's shape, dtype and device; zeros, and nothing drawn, where none may be added.
  public func normal(like x: Tensor) -> Tensor { draw?(x) ?? .zeros(like: x) }

  /// The images with noise of this standard deviation added. Nothing is drawn where that is 0 or where no noise may be added.
  public func added(to x: Tensor, deviation: Double) -> Tensor {
    guard isAllowed, deviation > 0 else { return x }
    return x + deviation * normal(like: x)
  }
}
