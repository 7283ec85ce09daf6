import Diffusion
import Failures
import NN
import Networks
import RecipeKit
import Tensors

/// The recipe in the model file of a classifier.
public struct ClassifierModelRecipe: TrainableModelRecipe {
  public static let kind = ModelKind.classifier

  /// The images; the class names are those of the logits, in their order.
  public var data = DataSpec()
  public var classifier = Choice<ClassifierRegistry>(EncoderClassifier.Recipe())
  /// The process that gives the noise level of each timestep.
  public var process = NoisingProcess()
  /// Whether it was trained on images without noise, at timestep 0: it then judges images and cannot guide, and `process` says nothing.
  public var cleanImages = false
  public init() {}

  public func validate() throws(RecipeError) {
    let names = data.classNames.count
    try require(names > 0, "data", "expected class_names, one for each logit, found none")
    try require(data.nullClass == nil, "data", "expected no null_class, for a classifier always says a class, found \(data.nullClass ?? 0)")
  }

  public var networkRecipe: any RecognisableRecipe { classifier.member }
  public var images: (shape: [Int], classNames: [String]) { data.images }

  public func adapted() -> Self {
    var (recipe, network) = (self, classifier.member)
    network.adapt(to: data.networkInputSpec(.fixedSmall))
    recipe.classifier = Choice(network)
    return recipe
  }

  public static func recognised(from shapes: CheckpointShapes, side: Int) -> RecognisedModel? {
    ClassifierRegistry.recognised(from: shapes, side: side).map { found in
      var model = Self()
      (model.data, model.classifier) = (DataSpec(found.inputs), Choice(found.recipe))
      return RecognisedModel(model, found)
    }
  }

  public func tryOut() throws { try tryOut(on: data) }

  /// - Parameter data: the images that the classifier is to read.
  package func tryOut(on images: DataSpec) throws {
    let network = try classifier.member.makeClassifier(using: .shapes)
    let x = Tensor.empty([1, images.channels, images.height, images.width], on: .meta)
    let logits = withoutGradient { network(x, timesteps: .empty([1], on: .meta), mode: .inference) }
    let what = "images of \(images.height) x \(images.width) x \(images.channels)"
    if let fault = logits.fault {
      let place = fault.module.map { " in \($0)" } ?? ""
      throw SfumatoError(.data, "classifier \(networkType) cannot take \(what): \(fault.message)\(place)")
    }
    guard logits.shape == [1, data.classNames.count] else {
      throw SfumatoError(
        .data, "classifier \(networkType) has \(logits.shape.last ?? 0) classes, and the recipe names \(data.classNames.count)")
    }
  }
}
