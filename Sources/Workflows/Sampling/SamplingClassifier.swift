import Diffusion
import Failures
import Models
import Tensors

/// The classifier of a request and the target class of each image.
struct SamplingClassifier {
  private let model: ClassifierModel
  private let scale: Double
  /// The target class of each image, in the classifier's numbering.
  let targets: [Int]
  var classNames: [String] { model.recipe.data.classNames }

  /// - Parameter labels: the class of each image in the model's numbering; nil for none.
  /// - Throws: `SfumatoError` when the classifier cannot guide this model, or towards these classes; errors from reading it.
  init?(_ request: SamplingRequest, _ recipe: ModelRecipe, labels: [Int?], on device: Device) throws {
    guard let file = request.classifier else {
      guard request.scorer == .model else {
        throw SfumatoError(.usage, "choosing the best candidates by classifier needs a classifier; name one with --classifier")
      }
      return nil
    }
    guard (0...1_000_000).contains(request.classifierScale) else {
      throw SfumatoError(.usage, "the classifier's scale must be 0 to 1000000, not \(request.classifierScale)")
    }
    model = try ClassifierModel(file, on: device)
    scale = request.classifierScale
    // One that only judges finished images need not know noise.
    try scale > 0 ? model.checkGuiding(recipe) : model.checkJudging(recipe)
    targets =
      recipe.data.classNames.isEmpty
      ? try Self.ownClasses(request, model) : try model.labels(Self.named(labels), of: recipe.data)
  }

  /// The target classes for a model without classes.
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

  private static let noClass = SfumatoError(.usage, "a classifier guides towards a class, and none was requested; name some, or all")

  /// The denoiser, guided towards the classes of these images.
  /// - Parameter interval: the noise over signal at which it is guided.
  func guiding(_ denoiser: AnyDenoiser, _ range: Range<Int>, interval: ClosedRange<Double>) -> AnyDenoiser {
    guard scale > 0 else { return denoiser }
    return AnyDenoiser(denoiser.guided(by: model.logProbability(of: Array(targets[range])), scale: scale, interval: interval))
  }

  /// Log-probabilities of the target classes of finished images, `[N]`.
  func score(_ images: Tensor, _ range: Range<Int>) -> Tensor {
    let labels = Tensor(Array(targets[range]), [range.count, 1]).to(images.device)
    return model.logProbabilities(ofClean: images).gather(1, labels).squeeze(1)
  }
}
