import RecipeKit

/// How a diffusion model is judged while it is trained: a section of training recipes. With every checkpoint images are sampled by the averaged
/// weights, as the recipe's `sampling` says, and compared with real pictures; the checkpoint whose figure is best stays.
public struct TrainingEvaluationRecipe: Recipe, Equatable {
  /// The figures by which a checkpoint can be the best.
  public enum Figure: String, Codable, Sendable, CaseIterable {
    /// The least distance of the samples' features from those of the real pictures.
    case frechetDistance = "frechet_distance"
    /// The largest share of samples that the classifier of `features` gives the class that was asked for.
    case classAccuracy = "class_accuracy"
  }

  /// Images that are sampled each time.
  public var images = 1000
  /// Steps of the sampler; null for those of `sampling`.
  public var steps: Int?
  /// A classifier, or the published file of InceptionV3, whose features are compared; null for pixels, for small images.
  public var features: String?
  /// The real pictures: a path or a recipe, as for `sfumato evaluate`; null for those of the training. Of more than 10,000 that many are taken.
  public var reference: String?
  /// The figure that decides which checkpoint is the best.
  public var best = Figure.frechetDistance
  public var seed: UInt64 = 0
  public init() {}

  public func validate() throws(RecipeError) {
    try require((10...1_000_000).contains(images), "images", "expected 10 to 1000000, found \(images)")
    if let steps { try require((1...1_000_000).contains(steps), "steps", "expected 1 or more, found \(steps)") }
    try require(features?.isEmpty != true, "features", "expected a classifier or a file of InceptionV3, or null for pixels")
    try require(reference?.isEmpty != true, "reference", "expected a path, or null for the pictures of the training")
  }
}

// Judging while training: `evaluation`.
extension TrainRecipe {
  func validateEvaluation() throws(RecipeError) {
    guard evaluation != nil, classifier != nil || corruptions != nil else { return }
    throw RecipeError(
      place: nil, path: "evaluation",
      "it judges samples from noise alone; expected null beside \(classifier == nil ? "corruptions" : "a classifier, whose accuracy the log has")"
    )
  }
}
