import Datasets
import Diffusion
import Failures
import Foundation
import Models
import Networks
import RecipeKit
import Training

/// Everything that decides a training: the whole of a recipe file.
public struct TrainRecipe: Recipe {
  public var data = Choice<DatasetRegistry>(GlyphDataset.Recipe())
  public var images = ImagesRecipe()
  public var augmentation = AugmentationRecipe()
  /// How the bad pictures are made that a restoring network is given; null for a network that draws from noise alone.
  public var corruptions: CorruptionsRecipe?
  public var loading = LoadingRecipe()
  public var network = Choice<TrainableNetworkRegistry>(ADMUNet.Recipe())
  public var process = ProcessRecipe()
  public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
  public var sampling = SamplingRecipe()
  public var training = TrainingRecipe()
  public init() {}

  public func validate() throws(RecipeError) {
    let problem = training.loss.member.problem(
      variance: process.variance, weighting: training.lossWeighting.member, timesteps: training.timestepSampling.member)
    if let problem { throw RecipeError(place: nil, path: "training.loss", problem) }
    try validateRestoration()
  }

  /// Whether what the choice of timesteps has learned under `other` holds here too: losses of other objectives or levels do not
  /// compare.
  func learnsTimesteps(as other: TrainRecipe) -> Bool {
    func whatCounts(_ recipe: TrainRecipe) -> String {
      var part = TrainRecipe()
      part.process = recipe.process
      part.training.timestepSampling = recipe.training.timestepSampling
      part.training.loss = recipe.training.loss
      part.training.lossWeighting = recipe.training.lossWeighting
      return part.yaml()
    }
    return whatCounts(self) == whatCounts(other)
  }
}

extension TrainRecipe {
  /// The examples that a training on `dataset` sees.
  /// - Throws: `DatasetError` when there are none, or when nothing says their size.
  func trainingData(of dataset: any Dataset) throws -> TrainingData {
    try TrainingData(pipeline(of: dataset), holdOut: loading.validation, seed: training.seed)
  }

  func pipeline(of dataset: any Dataset) throws -> ExamplePipeline {
    try ExamplePipeline(
      dataset, images: images, augmentation: augmentation, corruptions: corruptions, nullClass: nullClass(of: dataset), seed: training.seed)
  }

  private func nullClass(of dataset: any Dataset) -> Int? {
    let classes = dataset.contextSize == nil ? dataset.classNames.count : 0
    return classes > 0 && training.classDropout > 0 ? classes : nil
  }

  /// Reads a recipe's file, with settings laid over it.
  /// - Throws: `SfumatoError` when it is not there, `RecipeError` when it is no recipe.
  init(file path: String, set: [String]) throws {
    let files = FileManager.default
    guard files.fileExists(atPath: path) else {
      let nearby = ["\(path).yaml", "recipes/\(path)", "recipes/\(path).yaml"].first { files.fileExists(atPath: $0) }
      throw SfumatoError(.missing, "\(path): no such recipe" + (nearby.map { "; did you mean \($0)?" } ?? ""))
    }
    try self.init(path: path, set: set)
  }

  /// The recipe of the model that training on `dataset` gives: what was left open is filled in, and what would fail later,
  /// in the first step or at the first sample, is refused.
  func model(for dataset: any Dataset) throws -> any DiffusionModelRecipe {
    try corruptions == nil ? modelRecipe(for: dataset) : restoringRecipe(for: dataset)
  }

  /// The same of a model that draws from noise alone.
  func modelRecipe(for dataset: any Dataset) throws -> ModelRecipe {
    guard corruptions == nil else {
      throw SfumatoError(.data, "the recipe is of \(ModelKind.superResolution.problem(expecting: .denoiser))")
    }
    var model = ModelRecipe()
    try describe(dataset, in: &model)
    model.network = try Choice(adapted(network.member, to: model.data))
    try model.tryOut()
    return model
  }

  /// Puts in what the recipes of all models have.
  func describe(_ dataset: any Dataset, in model: inout some DiffusionModelRecipe) throws {
    let shape = try images.shape(for: dataset)
    model.data.channels = shape.channels
    model.data.height = shape.height
    model.data.width = shape.width
    // A vector says more than a class, and takes its place.
    model.data.contextSize = dataset.contextSize
    if dataset.contextSize == nil { model.data.classNames = dataset.classNames }
    model.data.nullClass = nullClass(of: dataset)
    model.data.nullContext = dataset.contextSize != nil && training.classDropout > 0
    model.process = process
    model.sampler = sampler
    model.sampling = sampling
    try checkSampling(model.data)
  }

  /// The network with what data and process decide put where it leaves that open.
  func adapted<N: NetworkRecipe>(_ network: N, to data: DataSpec) throws -> N {
    var network = network
    var facts = data.networkInputSpec(process.variance)
    facts.augmentationLabels = augmentation.isOn ? augmentation.labelCount : nil
    facts.corruptions = corruptions?.corruptions.count
    network.adapt(to: facts)
    do throws(RecipeError) { try network.validate() } catch {
      throw RecipeError(place: error.place, path: "network.\(error.path)", error.message)
    }
    try checkAugmentation(network)
    return network
  }

  /// Augmentation that a network is not told of would show in what it samples.
  private func checkAugmentation(_ network: any NetworkRecipe) throws(RecipeError) {
    guard augmentation.isOn, network.augmentationLabels != augmentation.labelCount else { return }
    let name = type(of: network).name
    throw RecipeError(
      place: nil, path: "augmentation",
      network.augmentationLabels == 0
        ? "\(name) cannot be told of it, so that samples would be augmented too; adm_unet can, and images.flip mirrors for any network"
        : "its kinds are told by \(augmentation.labelCount) numbers, but network.augment_dim is \(network.augmentationLabels)")
  }

  private func checkSampling(_ data: DataSpec) throws {
    let diffusion = try process.makeDiffusion(), levels = try sampling.levels(of: diffusion.process)
    if let problem = diffusion.problem(with: sampler.member, on: levels, window: sampling.window) { throw problem }
    guard sampling.guidanceScale == 1 || !data.isConditional || data.knowsNull else {
      throw SfumatoError(
        .data, "sampling.guidance_scale \(sampling.guidanceScale) needs training.class_dropout above 0; without it, 1 is all that works")
    }
  }
}
