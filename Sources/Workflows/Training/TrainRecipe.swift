import Datasets
import Diffusion
import Failures
import Models
import Networks
import RecipeKit
import Training

/// A complete training recipe, as in a recipe file.
public struct TrainRecipe: Recipe {
  public var data = Choice<DatasetRegistry>(GlyphDataset.Recipe())
  public var images = ImagesRecipe()
  public var augmentation = AugmentationRecipe()
  /// How pictures are degraded for a restoring network; null for a network that samples from noise alone.
  public var corruptions: CorruptionsRecipe?
  public var loading = LoadingRecipe()
  public var network = Choice<TrainableNetworkRegistry>(ADMUNet.Recipe())
  /// An encoder of the data's captions, trained along with the network, which takes its vectors; null for a training without captions.
  public var textEncoder: TextEncoder.Recipe?
  /// A classifier, which is trained in place of `network`; null for a diffusion model.
  public var classifier: Choice<ClassifierRegistry>?
  /// The diffusion model that the classifier is to guide, whose process noises its images; null for a classifier of clean images.
  public var guides: String?
  /// A model whose sampling the trained model learns to do in fewer steps; null for a training on the data alone.
  public var distillation: DistillationRecipe?
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public var training = TrainingRecipe()
  /// How samples are judged while the model is trained; null for a training without.
  public var evaluation: TrainingEvaluationRecipe?
  public init() {}

  public func validate() throws(RecipeError) {
    let problem = training.loss.member.problem(
      variance: process.variance, weighting: training.lossWeighting.member, timesteps: training.timestepSampling.member)
    if let problem { throw RecipeError(place: nil, path: "training.loss", problem) }
    let reader = training.earlyStopping != nil ? "early_stopping" : training.decay.member.readsValidationLoss ? "decay" : nil
    if let reader, loading.validation == HoldOut.none {
      throw RecipeError(
        place: nil, path: "training.\(reader)",
        "depends on the loss of held-out images; expected loading.validation above 0, such as 0.05, found 0")
    }
    try validateDistillation()
    try validateClassifier()
    try validateRestoration()
    try validateText()
    try validateEvaluation()
  }

  /// Whether a timestep sampler's state learned under `other` is valid here: losses of different objectives or levels are not
  /// comparable.
  func learnsTimesteps(as other: TrainRecipe) -> Bool {
    func relevantPart(_ recipe: TrainRecipe) -> String {
      var part = TrainRecipe()
      part.process = recipe.process
      part.training.timestepSampling = recipe.training.timestepSampling
      part.training.loss = recipe.training.loss
      part.training.lossWeighting = recipe.training.lossWeighting
      return part.yaml()
    }
    return relevantPart(self) == relevantPart(other)
  }
}

extension TrainRecipe {
  /// The examples for training on `dataset`.
  /// - Throws: `DatasetError` when there are none, or when their size is undetermined.
  func trainingData(of dataset: any Dataset) throws -> TrainingData {
    try TrainingData(pipeline(of: dataset), holdOut: loading.validation, seed: training.seed)
  }

  func pipeline(of dataset: any Dataset) throws -> ExamplePipeline {
    try ExamplePipeline(
      dataset, images: resolvedImages(), augmentation: augmentation, corruptions: corruptions, captions: takesText(),
      nullClass: nullClass(of: dataset), seed: training.seed)
  }

  private func nullClass(of dataset: any Dataset) throws -> Int? {
    let classes = try contextSize(of: dataset) == nil && classifier == nil ? dataset.classNames.count : 0
    return classes > 0 && training.classDropout > 0 ? classes : nil
  }

  /// Reads a recipe, a file or a bundled one, and applies overrides.
  /// - Throws: `SfumatoError` when it does not exist, `RecipeError` when it is not a valid recipe.
  init(file recipe: String, set: [String]) throws { try self.init(path: RecipeLocator.locate(recipe), set: set) }

  /// The recipe of the model trained on `dataset`, with open values filled in, and checked for errors that would otherwise occur
  /// in the first step or the first sample.
  func model(for dataset: any Dataset) throws -> any TrainedModel {
    try checkHoldOut(dataset.count)
    try checkCaptions(of: dataset)
    guard classifier == nil else { return try classifierRecipe(for: dataset) }
    guard distillation == nil else { return try distilledRecipe(for: dataset) }
    return try corruptions == nil ? modelRecipe(for: dataset) : restoringRecipe(for: dataset)
  }

  /// The same for work that only diffusion models do.
  /// - Throws: also `SfumatoError` for the recipe of a classifier.
  func diffusionModel(for dataset: any Dataset) throws -> any DiffusionModelRecipe {
    let model = try model(for: dataset)
    guard let model = model as? any DiffusionModelRecipe else {
      throw SfumatoError(.data, "the recipe describes \(type(of: model).kind.problem(expecting: .denoiser))")
    }
    return model
  }

  private func checkHoldOut(_ pictures: Int) throws {
    let heldOut = loading.validation.pictures(of: pictures)
    guard pictures > 0, heldOut >= pictures else { return }
    throw SfumatoError(
      .data, "loading.validation holds out all \(pictures) pictures, so that none is left for training; expected fewer, such as 0.05")
  }

  /// The same for a model that samples from noise alone.
  func modelRecipe(for dataset: any Dataset) throws -> ModelRecipe {
    guard corruptions == nil else {
      throw SfumatoError(.data, "the recipe describes \(ModelKind.superResolution.problem(expecting: .denoiser))")
    }
    var model = ModelRecipe()
    try describe(dataset, in: &model)
    model.network = try Choice(adapted(network.member, to: model.data))
    model.textEncoder = textEncoder
    try checkContext(of: model)
    try model.tryOut()
    return model
  }

  /// Fills in what all model recipes share.
  func describe(_ dataset: any Dataset, in model: inout some DiffusionModelRecipe) throws {
    let shape = try images.shape(for: dataset)
    model.data.channels = shape.channels
    model.data.height = shape.height
    model.data.width = shape.width
    // A vector is more informative than a class and takes its place.
    model.data.contextSize = try contextSize(of: dataset)
    if model.data.contextSize == nil { model.data.classNames = dataset.classNames }
    model.data.nullClass = try nullClass(of: dataset)
    model.data.nullContext = model.data.contextSize != nil && training.classDropout > 0
    model.process = process
    model.sampler = sampler
    model.sampling = sampling
    try checkSampling(model.data)
  }

  /// The network with open values filled in from data and process.
  func adapted<N: NetworkRecipe>(_ network: N, to data: DataSpec) throws -> N {
    var network = network
    var facts = data.networkInputSpec(process.variance)
    facts.augmentationLabels = augmentation.isOn ? augmentation.labelCount : nil
    facts.corruptions = corruptions?.strengthCount
    network.adapt(to: facts)
    do throws(RecipeError) { try network.validate() } catch {
      throw RecipeError(place: error.place, path: "network.\(error.path)", error.message)
    }
    try checkAugmentation(network)
    return network
  }

  /// Without conditioning on it, augmentation would leak into the samples.
  private func checkAugmentation(_ network: any NetworkRecipe) throws(RecipeError) {
    guard augmentation.isOn, network.augmentationLabels != augmentation.labelCount else { return }
    let name = type(of: network).name
    throw RecipeError(
      place: nil, path: "augmentation",
      network.augmentationLabels == 0
        ? "\(name) has no augmentation input, so that samples would be augmented too; use adm_unet, or images.flip with any network"
        : "its kinds need network.augment_dim \(augmentation.labelCount), found \(network.augmentationLabels)")
  }

  private func checkSampling(_ data: DataSpec) throws {
    let diffusion = try process.makeDiffusion(), levels = try sampling.levels(of: diffusion.process)
    if let problem = diffusion.problem(with: sampler.member, on: levels, window: sampling.window) { throw problem }
    guard sampling.guidanceScale == 1 || !data.isConditional || data.knowsNull else {
      throw SfumatoError(
        .data, "sampling.guidance_scale \(sampling.guidanceScale) needs training.class_dropout above 0; set that, or use 1")
    }
  }
}
