import Tensors

/// Which pictures are judged, against which real ones, and how.
public struct EvaluationRequest: Sendable {
  /// The pictures that are judged: a path, a recipe or a kind, as `DataSource` takes them; or a model, whose samples are judged.
  public var samples: String
  /// How the model samples, its count, seed, batch and device apart, which are those of this request; by default as its recipe says.
  public var sampling: SamplingRequest
  /// Real pictures, of the same forms; or their statistics, an `.npz` with `mu` and `sigma`, which give the Fréchet distance alone.
  public var reference: String
  /// A classifier whose features are compared, or the published file of InceptionV3; nil for pixels.
  public var features: String?
  /// How pictures reach the size of InceptionV3; nil for pytorch-fid's way, and for other features.
  public var resizing: PictureResizing?
  /// Pictures of each set; by default as many as there are samples, of a model's 1000, and at most half of the reference.
  public var count: Int?
  /// Height and width to which pictures are centre-cropped; by default those of the samples, or the classifier's, or for InceptionV3 each
  /// picture's own.
  public var size: Int?
  /// Decides which pictures of larger sets are taken, and what a model samples.
  public var seed: UInt64 = 0
  /// Pictures that are read and evaluated at a time.
  public var batch = 64
  /// A file of statistics of the whole reference: read where it exists, else computed and written.
  public var statistics: String?
  public var device = Device.cpu

  public init(samples: String, reference: String) {
    self.samples = samples
    self.reference = reference
    sampling = SamplingRequest(model: samples)
  }
}
