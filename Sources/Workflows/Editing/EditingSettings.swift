import Failures
import Tensors
import Training

/// How pictures are carried to noise and back: over how many steps, how exactly, and on what.
public struct EditingSettings: Sendable, Equatable {
  /// Steps of DDIM in each direction, evenly spaced, 2 or more.
  public var steps = 50
  /// Corrections of each step of the inversion, 0 to 20: each costs another evaluation and makes the way back more exact.
  public var corrections = 2
  /// Pictures per batch.
  public var batchSize = 50
  public var device = Device.cpu
  public var precision = Precision.float32

  public init() {}

  static let mostCorrections = 20

  /// - Throws: `SfumatoError`; the batch and the most steps are checked with the model.
  func check() throws {
    guard steps >= 2 else { throw SfumatoError(.usage, "an inversion takes 2 steps or more, not \(steps)") }
    guard (0...Self.mostCorrections).contains(corrections) else {
      throw SfumatoError(.usage, "the corrections of a step must be 0 to \(Self.mostCorrections), not \(corrections)")
    }
  }
}
