import Tensors

/// Provides the initial values of parameters, in PyTorch's distributions and order.
///
/// Not Sendable: it uses a generator.
public final class Initializer {
  let generator: Generator?
  public let device: Device

  /// Samples values from `generator` (on the CPU, so that they do not depend on the device) and moves them to `device`.
  public init(_ generator: Generator, on device: Device = .cpu) {
    self.generator = generator
    self.device = device
  }

  private init(shapesOnly: Void) {
    generator = nil
    device = .meta
  }

  /// Shapes without values or memory, for counting, checking and loading.
  public static var shapes: Initializer { Initializer(shapesOnly: ()) }

  public func constant(_ value: Double, _ shape: [Int]) -> Tensor { .full(value, shape, on: device) }

  /// Uniform in [-bound, bound).
  public func uniform(_ bound: Double, _ shape: [Int]) -> Tensor {
    guard let generator else { return .empty(shape, on: .meta) }
    return (Tensor.rand(shape, using: generator) * (2 * bound) - bound).to(device)
  }

  public func normal(_ shape: [Int]) -> Tensor {
    guard let generator else { return .empty(shape, on: .meta) }
    return Tensor.randn(shape, using: generator).to(device)
  }
}
