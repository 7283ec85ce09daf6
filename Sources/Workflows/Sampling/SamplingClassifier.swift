import Diffusion
import Failures
import Models
import Tensors

/// The classifier of a request, and what it is to see in each image.
struct SamplingClassifier {
  private let model: ClassifierModel
  private let scale: Double
  /// Of each image the class, among the classifier's own.
  let targets: [Int]
  var classNames: [String] { model.recipe.data.classNames }

  /// - Parameter labels: of each image what the model is told; nil for none.
  /// - Throws: `SfumatoError` when the classifier cannot guide this model, or towards these classes; what reading it throws.
  init?(_ request: SamplingRequest, _ recipe: ModelRecipe, labels: [Int?], on device: Device) throws {
    guard let file = request.classifier else {
      guard request.scorer == .model else {
        throw SfumatoError(.usage, "a classifier that is to choose the best candidates must be given")
      }
      return nil
    }
    guard request.classifierScale.isFinite, request.classifierScale >= 0 else {
      throw SfumatoError(.usage, "the classifier's scale must be 0 or more, not \(request.classifierScale)")
    }
    model = try ClassifierModel(file, on: device)
    scale = request.classifierScale
    try model.checkGuiding(recipe)
    targets =
      recipe.data.classNames.isEmpty
      ? try Self.ownClasses(request, model) : try model.labels(Self.named(labels), of: recipe.data)
  }

  /// The classes of the images of a model that knows none.
  private static func ownClasses(_ request: SamplingRequest, _ classifier: ClassifierModel) throws -> [Int] {
    let classes: [Int]
    switch request.classes {
    case .all: classes = Array(classifier.recipe.data.classNames.indices)
    case .only(let names): classes = try classifier.classNumbers(names)
    case .none: classes = []
    }
    guard !classes.isEmpty else { throw Self.noClass }
    return (0..<request.count).map { classes[$0 % classes.count] }
  }

  private static func named(_ labels: [Int?]) throws -> [Int] {
    try labels.map { label in
      guard let label else { throw noClass }
      return label
    }
  }

  private static let noClass = SfumatoError(.usage, "a classifier draws towards a class, and none is asked for; name some, or all")

  /// A denoiser drawn towards the classes of these images.
  func guiding(_ denoiser: AnyDenoiser, _ range: Range<Int>) -> AnyDenoiser {
    guard scale > 0 else { return denoiser }
    return AnyDenoiser(denoiser.guided(by: model.logProbability(of: Array(targets[range])), scale: scale))
  }

  /// How surely it sees the classes of finished images, `[N]`.
  func score(_ images: Tensor, _ range: Range<Int>) -> Tensor {
    let labels = Tensor(Array(targets[range]), [range.count, 1]).to(images.device)
    return model.logProbabilities(ofClean: images).gather(1, labels).squeeze(1)
  }
}
