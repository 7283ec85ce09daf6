/// What `sfumato evaluate` found out about a set of pictures.
public struct EvaluationReport: Encodable, Sendable, Equatable {
  /// One figure, of the samples and of as many real pictures, both against the same reference.
  public struct Figure: Encodable, Sendable, Equatable {
    /// frechet_distance, kernel_distance, precision, recall, density, coverage, inception_score, class_accuracy.
    public let name: String
    public let samples: Double
    /// Nil where the reference is statistics alone, or has no classes.
    public let real: Double?
    /// The standard deviation over random subsets, or splits; nil for figures of whole sets.
    public var samplesDeviation: Double?, realDeviation: Double?
    public let isBetterHigher: Bool
  }

  /// How a model sampled what was judged.
  public struct Sampling: Encodable, Sendable, Equatable {
    public let sampler: String
    /// Steps, and evaluations of the network for an image; guidance evaluates it twice in one.
    public let steps: Int, evaluations: Int
    public let guidance: Double
    /// Sampling alone; nil before.
    public var secondsPerImage: Double?
  }

  /// What the Fréchet distances are taken to.
  public struct Statistics: Encodable, Sendable, Equatable {
    /// Differs for other statistics.
    public let digest: String
    /// Pictures that they are of; nil where the file does not say.
    public let count: Int?
    /// The file that they were read from or written to; nil without.
    public let file: String?
  }

  public let samples: String, reference: String
  /// Nil for samples that were there.
  public let sampling: Sampling?
  /// pixels, or the file of the network.
  public let features: String
  /// How pictures were resized for InceptionV3; nil for other features.
  public let resizing: PictureResizing?
  /// Numbers of each picture.
  public let featureCount: Int
  /// The shape of the images that were compared.
  public let height: Int, width: Int, channels: Int
  public let seed: UInt64
  /// Pictures that were judged, that they were compared with, and of real ones beside them: those that could be read.
  public let count: Int, referenceCount: Int?, realCount: Int?
  public let statistics: Statistics
  public let figures: [Figure]
  public let warnings: [String]
  public let unreadable: [DataReport.Unreadable]

  /// A figure by its name.
  public subscript(name: String) -> Figure? { figures.first { $0.name == name } }
}
