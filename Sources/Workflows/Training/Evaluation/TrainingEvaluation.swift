import Checkpoints
import Datasets
import Failures
import Metrics
import Models
import Networks
import Tensors
import Training

/// Judges the samples of a model under training against real pictures, whose features are computed once for each session.
///
/// What is sampled and compared depends on the recipe, the data and the weights alone, so that a checkpoint that is judged again has the same
/// figures.
final class TrainingEvaluation {
  private let recipe: TrainingEvaluationRecipe
  private let model: ModelRecipe
  private let training: TrainingRecipe
  private let device: Device
  private let reference: any Dataset
  private let extractor: any FeatureExtractor
  private var statistics: FeatureStatistics?
  /// See `EvaluationLogLine.settings`.
  let settings: String

  /// Real pictures whose features are computed, at most.
  static let mostReal = 10_000

  /// - Parameters:
  ///   - recipe: the training's, with a section `evaluation`.
  ///   - dataset: that of the training.
  /// - Throws: `SfumatoError` for features that do not fit, for pictures that are too few, and for steps that the process does not have;
  ///   errors from opening classifier and pictures.
  init?(_ recipe: TrainRecipe, _ model: any TrainableModelRecipe, _ dataset: any Dataset, on device: Device) throws {
    guard let section = recipe.evaluation, let model = model as? ModelRecipe else { return nil }
    (self.recipe, self.model, self.device, training) = (section, model, device, recipe.training)
    reference = try section.reference.map { try DataSource($0).dataset } ?? dataset
    guard reference.count >= EvaluationPlan.fewest else {
      throw SfumatoError(
        .data, "evaluation: \(reference.count) real pictures are too few to judge samples by; expected \(EvaluationPlan.fewest) or more")
    }
    extractor = try Self.extractor(section, model.data, on: device)
    guard section.best != .classAccuracy || EvaluatedSet.correspondence(Self.classNames(model, reference), extractor.classNames) != nil
    else {
      throw SfumatoError(
        .data,
        "evaluation.best is class_accuracy, which needs classes and a classifier of them; expected evaluation.features to name one, or frechet_distance"
      )
    }
    var comparable = section
    comparable.best = .frechetDistance
    settings =
      FileChecksum(of: comparable.yaml() + model.sampler.type + model.sampler.recipe.yaml() + model.sampling.yaml() + extractor.identity)
      .crc32
    // What sampling would refuse is refused before training.
    _ = try SamplingPlan(request(), model: Model(recipe: model, provenance: Provenance(), network: Model.shape(of: model)))
  }

  private static func extractor(_ recipe: TrainingEvaluationRecipe, _ data: DataSpec, on device: Device) throws -> any FeatureExtractor {
    if let features = recipe.features { return try EvaluationPlan.networkFeatures(features, on: device) }
    let shape = ImageShape(height: data.height, width: data.width, channels: data.channels < 3 ? 1 : 3)
    do { return try PixelFeatures(shape) } catch {
      throw SfumatoError(
        .data,
        "evaluation: images of \(shape) have too many pixels to be compared one by one; set evaluation.features to a classifier, or to a "
          + "file of InceptionV3")
    }
  }

  /// The classes that samples are asked for: the model's or, of texts, those of the pictures whose captions are taken.
  private static func classNames(_ model: ModelRecipe, _ reference: any Dataset) -> [String] {
    model.textEncoder == nil ? model.data.classNames : reference.hasCaptions ? reference.classNames : []
  }

  /// The pictures at the first places of an order that depends on the seed: sets are often sorted by class.
  private func chosen(_ count: Int) -> [Int] {
    let order = VisitingOrder(count: reference.count, seed: recipe.seed)
    return (0..<count).map { order[$0] }
  }

  // MARK: Judging

  /// The figures of the model with these weights.
  /// - Throws: `Failure.interrupted` within a step when a stop is requested; errors from sampling.
  func judge(_ weights: StateDict, at position: TrainingPosition) throws -> EvaluationLogLine {
    let network = try model.makeNetwork(using: .shapes)
    try network.adopt(weights, on: device)
    let judged = try training.withConvolutions { try samples(of: Model(recipe: model, provenance: Provenance(), network: network)) }
    let distance = try realStatistics().frechetDistance(to: judged.moments.statistics())
    guard distance.isFinite else { throw SfumatoError(.data, "the features of the samples are not finite") }
    return EvaluationLogLine(
      step: position.step, images: position.images, frechetDistance: distance, classAccuracy: judged.accuracy,
      evaluatedImages: judged.moments.count, settings: settings)
  }

  private func samples(of model: Model) throws -> EvaluatedSet {
    let captions = captions(of: model)
    var request = try request()
    if let captions { request.contexts = .texts(captions.texts) }
    let pictures = try SampledPictures(SamplingJob(request, model: model), for: extractor, PictureShare(in: nil), showing: captions)
    let set = EvaluatedSet(pictures, for: extractor, keeps: 0)
    try finish(set)
    return set
  }

  private func captions(of model: Model) -> JudgedCaptions? { JudgedCaptions(for: model, reference, chosen(recipe.images)) }

  private func request() throws -> SamplingRequest {
    var request = SamplingRequest(model: "evaluation")
    (request.count, request.seed, request.device) = (recipe.images, recipe.seed, device)
    // At most a training batch at once, so that it needs no more memory than training.
    request.batchSize = min(request.batchSize, training.batchSize)
    request.precision = training.precision.resolved(on: device)
    request.steps = recipe.steps
    guard model.contextSize != nil else { return request }
    guard model.textEncoder == nil else {
      if !reference.hasCaptions, !model.data.nullContext {
        throw SfumatoError(
          .data, "evaluation.reference has no captions, by which the model is sampled; expected a recipe whose data have some")
      }
      return request
    }
    guard reference.contextSize == model.contextSize else {
      throw SfumatoError(
        .data, "evaluation.reference has other context vectors than the model, which is sampled by them; expected those of the training")
    }
    request.contexts = .vectors(try chosen(min(recipe.images, Self.mostReal)).compactMap { try reference[$0].context })
    return request
  }

  private func realStatistics() throws -> FeatureStatistics {
    if let statistics { return statistics }
    let real = try EvaluatedSet(reference, chosen(min(reference.count, Self.mostReal)), for: extractor, keeps: 0)
    try finish(real)
    let found = try real.moments.statistics()
    statistics = found
    return found
  }

  private func finish(_ set: EvaluatedSet) throws {
    while !set.isDone {
      try Interruption.check()
      try set.next(training.batchSize, extractor)
    }
  }
}
