import Tensors

/// How a model was made.
public struct Provenance: Codable, Sendable, Equatable {
  public var step = 0, images = 0
  public var seed: UInt64 = 0
  public var sfumato = sfumatoVersion
  public var libtorch = Torch.headerVersion
  /// The file of another system that it was converted from; nil for a model that was trained here.
  public var convertedFrom: String? = nil

  public init(step: Int = 0, images: Int = 0, seed: UInt64 = 0) {
    (self.step, self.images, self.seed) = (step, images, seed)
  }
}
