import Training

/// What to sample.
public struct SampleRequest: Sendable {
  /// A file, the folder of a training, or the name of a model that comes along.
  public var model: String
  public var count = 16
  public var classes = Classes.all
  public var seed: UInt64 = 0
  /// Whether each image has a stream of noise of its own, or all are drawn as the reference loops do.
  public var noiseOrder = NoiseOrder.perImage
  public var device = "cpu"
  public var precision = Precision.float32
  /// Images that are computed together.
  public var batchSize = 50
  /// What differs from the model's recipe, as `sampling.steps=50` or `sampler.type=ddim`.
  public var settings: [String] = []
  /// So many images, the first ones, are kept as they stand after each step too, for an animation.
  public var tracedCount = 0

  public init(model: String) { self.model = model }

  public enum Classes: Sendable, Equatable {
    /// Every class in turn; no class where the model has none.
    case all
    /// These, by name or number, in turn.
    case these([String])
    /// The null class: whatever the model likes.
    case none
  }

  public enum NoiseOrder: String, Sendable, CaseIterable {
    case perImage = "per-image"
    case batch
  }
}
