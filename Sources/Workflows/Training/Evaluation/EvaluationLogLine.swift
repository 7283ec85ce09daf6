/// A line of a run's log about the samples of a checkpoint. All of it can be computed again from the checkpoint.
public struct EvaluationLogLine: Codable, Sendable, Equatable {
  /// The checkpoint's.
  public let step: Int, images: Int
  public let frechetDistance: Double
  /// The share of samples that the classifier gives the class that was asked for; nil without classes, or a classifier that knows them.
  public let classAccuracy: Double?
  public let evaluatedImages: Int
  /// Differs for figures that cannot be compared: of other features, pictures, counts or sampling.
  public let settings: String

  enum CodingKeys: String, CodingKey {
    case step, images, settings
    case frechetDistance = "frechet_distance", classAccuracy = "class_accuracy", evaluatedImages = "evaluated_images"
  }

  /// Whether a file may hold it.
  var isPossible: Bool {
    step >= 0 && images >= 0 && frechetDistance.isFinite && (classAccuracy.map { (0...1).contains($0) } ?? true)
      && settings.utf8.count <= 64
  }

  /// Whether this checkpoint is better than another by a figure. One that has none is not.
  func isBetter(than other: EvaluationLogLine, by figure: TrainingEvaluationRecipe.Figure) -> Bool {
    switch figure {
    case .frechetDistance: frechetDistance < other.frechetDistance
    case .classAccuracy: (classAccuracy ?? -1) > (other.classAccuracy ?? -1)
    }
  }

  /// Tags and values for TensorBoard.
  var scalars: [(tag: String, value: Double)] {
    let all: [(String, Double?)] = [("samples/frechet_distance", frechetDistance), ("samples/class_accuracy", classAccuracy)]
    return all.compactMap { tag, value in value.map { (tag, $0) } }
  }
}

extension Sequence<EvaluationLogLine> {
  /// The best of these, the earliest of equals; nil for none.
  func best(by figure: TrainingEvaluationRecipe.Figure) -> EvaluationLogLine? {
    reduce(nil) { best, line in best.map { line.isBetter(than: $0, by: figure) ? line : $0 } ?? line }
  }
}
