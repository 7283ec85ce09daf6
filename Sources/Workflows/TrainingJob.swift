import Datasets
import Diffusion
import Foundation
import Imaging
import NN
import Networks
import RecipeKit
import Tensors
import Training

/// A training under way in its folder: steps are pulled one by one; logs, checkpoints and previews are written as they fall
/// due.
public final class TrainingJob {
  public let folder: RunFolder
  public let recipe: TrainRecipe
  public let modelRecipe: ModelRecipe
  public let dataset: any Dataset
  public let device: Device
  public let parameterCount: Int
  /// Why the last preview could not be made, if it could not: previews never stop a training.
  public private(set) var previewProblem: String?

  private let trainer: Trainer
  private let network: any DiffusionNetwork
  private var sums = LogSums()
  private var saved = -1

  /// A new training.
  /// - Parameters:
  ///   - path: the recipe's file.
  ///   - set: settings laid over it, as `training.duration=2h`.
  ///   - folder: where to train; by default a new one under `runs/`, named as the recipe.
  public convenience init(recipe path: String, set: [String] = [], folder: String? = nil, device: String = "cpu") throws {
    try Torch.start()
    let recipe = try TrainRecipe(path: path, set: set)
    let device = try computeDevice(device)
    let dataset = try recipe.data.member.open()
    let model = try recipe.modelRecipe(for: dataset)
    let place = folder ?? Self.freshFolder(for: path)
    try self.init(recipe, model, dataset, RunFolder(creating: place, recipe: recipe.yaml()), device)
    try save()
  }

  /// The continuation of a training from its newest checkpoint.
  public convenience init(resuming folder: String, set: [String] = [], device: String = "cpu") throws {
    try Torch.start()
    let place = try RunFolder(existing: folder)
    let recipe = try TrainRecipe(path: place.recipePath, set: set)
    let dataset = try recipe.data.member.open()
    try self.init(recipe, recipe.modelRecipe(for: dataset), dataset, place, computeDevice(device))
    let checkpoint = try place.latestCheckpoint()
    try trainer.restore(
      weights: checkpoint.weights, average: checkpoint.average, optimizer: checkpoint.optimizer, at: checkpoint.position)
    saved = trainer.step
  }

  private init(_ recipe: TrainRecipe, _ model: ModelRecipe, _ dataset: any Dataset, _ folder: RunFolder, _ device: Device) throws {
    self.recipe = recipe
    self.dataset = dataset
    self.folder = folder
    self.device = device
    modelRecipe = model
    let seed = Seed(recipe.training.seed)
    network = try model.network.member.makeNetwork(using: Initializer(seed.generator(for: .parameters), on: device))
    parameterCount = network.parameterCount
    let loader = BatchLoader(dataset, batchSize: recipe.training.batchSize, seed: seed)
    let loss = try Self.loss(recipe, model, network, device)
    trainer = Trainer(network, loader, recipe.training, on: device, loss: loss)
  }

  /// `runs/digits`, or `runs/digits-2` where there is one already.
  private static func freshFolder(for recipe: String) -> String {
    let name = ((recipe as NSString).lastPathComponent as NSString).deletingPathExtension
    let names = ["runs/\(name)"] + (2...).lazy.prefix(10_000).map { "runs/\(name)-\($0)" }
    return names.first { !FileManager.default.fileExists(atPath: $0) } ?? names[0]
  }

  // MARK: Steps

  public var position: TrainingPosition { trainer.position }
  public var progress: Double { trainer.progress }

  /// Takes one step and writes what is due; nil when the training's duration is over and all is saved.
  public func next() throws -> TrainingStep? {
    guard let step = try trainer.next() else {
      try finish()
      return nil
    }
    sums.add(step)
    let before = step.images - recipe.training.batchSize
    func isDue(_ every: Int) -> Bool { before / every != step.images / every }
    if isDue(recipe.training.logEvery) { try writeLog(step) }
    if isDue(recipe.training.previewEvery) { preview() }
    if isDue(recipe.training.checkpointEvery) { try save() }
    return step
  }

  /// Saves what is not saved yet: at the end, and when somebody stops the training.
  public func finish() throws {
    if saved != trainer.step { try save() }
  }

  private func save() throws {
    let provenance = Provenance(step: trainer.step, images: trainer.images, seed: recipe.training.seed)
    try folder.save(
      RunFolder.Checkpoint(
        weights: trainer.weights(), average: trainer.average.stateDict(), optimizer: trainer.optimizer.stateDict(),
        position: trainer.position),
      metadata: Model.metadata(modelRecipe, provenance), keep: recipe.training.keepCheckpoints)
    saved = trainer.step
  }

  private func writeLog(_ step: TrainingStep) throws {
    try folder.log(sums.entry(step))
    sums = LogSums()
  }

  // MARK: Previews

  /// A grid of samples of the averaged weights.
  private func preview() {
    do {
      let network = try modelRecipe.network.member.makeNetwork(using: .shapes)
      try network.adopt(trainer.average.stateDict(), on: device)
      let model = Model(recipe: modelRecipe, provenance: Provenance(), network: network)
      var request = SampleRequest(model: folder.path)
      let classes = modelRecipe.data.classNames.count
      request.count = classes > 1 ? min(2 * classes, 72) : 16
      request.device = device.description
      request.precision = recipe.training.precision
      let images = try SamplingJob(request, model: model).finish()
      let scale = max(1, 64 / images[0].height)
      try Image.grid(images, columns: classes > 1 ? min(classes, 18) : 4, scale: scale).write(
        to: folder.previewPath(images: trainer.images))
      previewProblem = nil
    } catch {
      previewProblem = "\(error)"
    }
  }

  // MARK: The loss

  /// Noise, timesteps and dropped labels come from seed and step alone.
  private static func loss(
    _ recipe: TrainRecipe, _ model: ModelRecipe, _ network: any DiffusionNetwork, _ device: Device
  ) throws -> Trainer.Loss {
    let process = try recipe.process.makeProcess()
    let denoising = DenoisingLoss(
      process, recipe.process.parameterization, variance: recipe.process.variance, weighting: recipe.training.lossWeighting.member)
    let training = recipe.training
    return { batch, seed, step in
      let x0 = batch.images
      let timesteps = try training.timestepSampling.timesteps(
        x0.size(0), of: process.steps, using: seed.generator(for: .timesteps, step: step))
      let noise = Tensor.randn(x0.shape, using: seed.generator(for: .noise, step: step)).to(device).channelsLast()
      let labels = try dropped(batch.labels, model.data.nullClass, training.classDropout, seed, step)
      let dropout = seed.generator(for: .dropout, step: step, on: device)  // it must live where the activations do
      return denoising(x0, at: timesteps, noise: noise) { x, t in
        withAutocast(to: training.precision.dtype, on: device) {
          network(x, timesteps: t, conditioning: Conditioning(labels: labels), mode: .training(dropout))
        }
      }.perImage
    }
  }

  /// Labels of which a share is replaced by the null class (Ho and Salimans 2022).
  private static func dropped(_ labels: Tensor?, _ null: Int?, _ share: Double, _ seed: Seed, _ step: Int) throws -> Tensor? {
    guard let labels, let null else { return labels }
    let draws = Tensor.rand([labels.size(0)], using: seed.generator(for: .labels, step: step)).to(labels.device)
    return .where(draws.lt(share), .full(Double(null), like: labels), labels)
  }
}

/// What a line of the log sums up.
private struct LogSums {
  private var loss = 0.0, norm = 0.0, count = 0, skipped = 0
  private var start = ContinuousClock.now

  struct Entry: Encodable {
    let step: Int, images: Int
    let loss: Double, gradientNorm: Double, learningRate: Double, imagesPerSecond: Double, seconds: Double
    let skippedSteps: Int

    enum CodingKeys: String, CodingKey {
      case step, images, loss, seconds
      case gradientNorm = "gradient_norm", learningRate = "learning_rate", imagesPerSecond = "images_per_second"
      case skippedSteps = "skipped_steps"
    }
  }

  private var images = 0

  mutating func add(_ step: TrainingStep) {
    images = images == 0 ? step.images : images
    guard step.loss.isFinite, step.gradientNorm.isFinite else {
      skipped += 1
      return
    }
    loss += step.loss
    norm += step.gradientNorm
    count += 1
  }

  func entry(_ step: TrainingStep) -> Entry {
    let seconds = start.duration(to: .now) / .seconds(1)
    let n = Double(max(count, 1))
    return Entry(
      step: step.step, images: step.images, loss: loss / n, gradientNorm: norm / n, learningRate: step.learningRate,
      imagesPerSecond: Double(step.images - images) / max(seconds, 1e-9), seconds: step.seconds, skippedSteps: skipped)
  }
}
