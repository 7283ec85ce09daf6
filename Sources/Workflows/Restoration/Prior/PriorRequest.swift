import Failures

/// What is asked of a model that was trained to sample and is to restore.
public struct PriorRequest: Sendable, Equatable {
  /// The class of the pictures, by name or number; nil for none.
  public var className: String?
  /// A picture of the pictures' size, white where they are to be made up and black where they are kept; nil where all is kept.
  public var mask: String?
  /// The standard deviation of the pictures' noise, in levels of 255.
  public var noise = 0.0
  /// Whether pictures are taken as grey and given colours.
  public var colorize = false
  /// Overrides of the model's recipe in command-line form: `sampler={ type: ddim, eta: 0.85 }`, `sampling.guidance_scale=2`.
  package var settings: [String] = []

  public init() {}

  /// - Parameter scale: how many times larger pictures become.
  /// - Throws: `SfumatoError` for values out of range, and where there is nothing to restore.
  func check(scale: Double) throws {
    guard noise >= 0, noise <= 255 else { throw SfumatoError(.usage, "the noise must be 0 to 255 levels, not \(noise)") }
    guard scale > 1 || mask != nil || noise > 0 || colorize else {
      throw SfumatoError(
        .usage, "there is nothing for a prior to restore; expected a scale above 1, a mask, noise, or grey pictures to give colours")
    }
  }
}
