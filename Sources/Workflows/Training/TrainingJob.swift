import Datasets
import Diffusion
import Failures
import Foundation
import Imaging
import Models
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
  public let modelRecipe: any DiffusionModelRecipe
  public let dataset: any Dataset
  public let device: Device
  public let parameterCount: Int
  /// Why the last preview could not be made, if it could not: previews never stop a training.
  public private(set) var previewProblem: String?
  /// The last line of the log that this sitting has written.
  public private(set) var lastLogLine: TrainingLogLine?

  package let trainer: Trainer
  private let loss: TrainingLoss
  private let lock: RunLock
  private var log: TrainingLog
  private var last: TrainingStep?
  private var savedStep: Int?
  private var validationLoss: Double?

  /// A new training.
  /// - Parameters:
  ///   - path: the recipe's file.
  ///   - set: settings laid over it, as `training.duration=2h`.
  ///   - folder: where to train; by default a new one under `runs/`, named as the recipe.
  /// - Throws: what is wrong with the recipe, the data or the folder, which is then no training's.
  public convenience init(recipe path: String, set: [String] = [], folder: String? = nil, device: String = "cpu") throws {
    try self.init(TrainingPlan(recipe: path, set: set, device: device), folder: folder)
  }

  /// - Parameter plan: of a new training.
  /// - Throws: what is wrong with the folder.
  public convenience init(_ plan: TrainingPlan, folder: String?) throws {
    guard folder?.isEmpty != true else { throw SfumatoError(.usage, "the name of the folder to train in is empty") }
    try self.init(plan) { try RunFolder(creating: folder ?? Self.freshFolder(for: plan.recipePath)) }
    try save()
    try self.folder.write(recipe: recipe.yaml())
  }

  /// The continuation of a training from its newest checkpoint.
  /// - Parameter set: settings laid over the training's recipe; they hold for later continuations too.
  /// - Throws: what is wrong with the folder or its checkpoint: training never starts over in silence.
  public convenience init(resuming folder: String, set: [String] = [], device: String = "cpu") throws {
    try self.init(resuming: TrainingPlan(resuming: folder, set: set, device: device), set: set)
  }

  /// - Parameters:
  ///   - plan: of a training that goes on.
  ///   - set: the settings that were laid over its recipe.
  public convenience init(resuming plan: TrainingPlan, set: [String]) throws {
    guard let place = plan.resumed else { throw SfumatoError(.usage, "\(plan.recipePath) is the recipe of a new training") }
    let checkpoint = try place.latestCheckpoint(), folder = place.path
    try self.init(plan) { place }
    try restoreTimesteps(checkpoint, of: place)
    do {
      try trainer.restore(
        weights: checkpoint.weights, average: checkpoint.average, optimizer: checkpoint.optimizer, at: checkpoint.position)
    } catch let mismatch as StateMismatch {
      throw SfumatoError(
        mismatch, checkpoint: "\(folder) at step \(checkpoint.position.step)", network: "network \(modelRecipe.networkType)",
        evidence: RecipeEvidence(checkpoint.weights, against: modelRecipe), against: "the training's recipe")
    }
    log = TrainingLog(from: trainer.position)
    try place.cutLog(to: trainer.step)
    savedStep = trainer.step
    if !set.isEmpty { try place.write(recipe: recipe.yaml()) }
  }

  private init(_ plan: TrainingPlan, folder: () throws -> RunFolder) throws {
    (recipe, modelRecipe, dataset, device) = (plan.recipe, plan.modelRecipe, plan.dataset, plan.device)
    let seed = Seed(recipe.training.seed)
    let network = try modelRecipe.makeNetwork(using: Initializer(seed.generator(for: .parameters), on: self.device))
    parameterCount = network.parameterCount
    let loss = try TrainingLoss(recipe, modelRecipe, network, on: self.device)
    self.loss = loss
    let loader = try BatchLoader(recipe.trainingData(of: dataset), batchSize: recipe.training.batchSize, recipe.loading)
    trainer = Trainer(network, loader: loader, recipe: recipe.training, on: self.device) { try loss($0, $1, $2) }
    log = TrainingLog(from: trainer.position)
    self.folder = try folder()
    lock = try self.folder.lock()
  }

  /// What timesteps have learned holds only for the recipe that they learned it by: another one begins anew.
  private func restoreTimesteps(_ checkpoint: RunFolder.Checkpoint, of folder: RunFolder) throws {
    let before = try TrainRecipe(path: folder.recipePath)
    guard recipe.learnsTimesteps(as: before) else { return }
    do { try loss.restore(timesteps: checkpoint.timesteps) } catch let error as DiffusionError {
      throw SfumatoError(.data, "checkpoint \(folder.path) at step \(checkpoint.position.step) is not whole: \(error)")
    }
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
  public typealias Unusable = UnusablePictures
  /// The pictures that this sitting could not use.
  public var unusable: UnusablePictures { trainer.loader.unusable }
  /// The examples that it sees, and those that are held out.
  public var data: TrainingData { trainer.loader.data }
  /// Gives the examples in batches, those of the training and those that are held out.
  package var loader: BatchLoader { trainer.loader }

  /// Takes one step and writes what is due; nil when the training's duration is over and all is saved.
  /// - Throws: what the data, the network or the system throw; `SfumatoError` when the loss stays not finite.
  public func next() throws -> TrainingStep? {
    guard let step = try nextOfTrainer() else {
      try finish()
      return nil
    }
    last = step
    log.add(step)
    let before = step.images - recipe.training.batchSize
    func isDue(_ every: Int) -> Bool { before / every != step.images / every }
    let (previewsNow, savesNow) = (isDue(recipe.training.previewEvery), isDue(recipe.training.checkpointEvery))
    if previewsNow || savesNow || progress >= 1 { try validate() }
    if isDue(recipe.training.logEvery) { try writeLog() }
    if previewsNow { preview() }
    if savesNow { try save() }
    return step
  }

  private func nextOfTrainer() throws -> TrainingStep? {
    do { return try trainer.next() } catch let error as TrainingError {
      let command = folder.resumeCommand(afterDivergenceAt: recipe.training.learningRate)
      throw SfumatoError(.data, "\(error):\n  \(command)")
    }
  }

  /// Writes what is not written yet: at the end, and when somebody stops the training.
  public func finish() throws {
    try writeLog()
    if savedStep != trainer.step { try save() }
  }

  private func save() throws {
    let provenance = Provenance(step: trainer.step, images: trainer.images, seed: recipe.training.seed)
    try folder.save(
      RunFolder.Checkpoint(
        weights: trainer.weights(), average: trainer.average.stateDict(), optimizer: trainer.optimizer.stateDict(),
        timesteps: loss.timesteps.state, position: trainer.position),
      metadata: ModelFile.metadata(modelRecipe, provenance), keep: recipe.training.keepCheckpoints)
    savedStep = trainer.step
  }

  private func writeLog() throws {
    guard let last, !log.isEmpty else { return }
    let line = log.line(to: last, validationLoss: validationLoss, unusable: unusable)
    validationLoss = nil
    try folder.log(line)
    lastLogLine = line
    log = TrainingLog(from: trainer.position, unusable: unusable.count)
  }

  // MARK: Validation

  /// Pictures that are held out and take part: enough for a steady mean, few enough not to hold the training up.
  private static let validationLimit = 512

  /// The loss of what is held out, for the next line of the log.
  private func validate() throws {
    let count = min(loader.validationBatchCount, max(1, Self.validationLimit / recipe.training.batchSize))
    guard count > 0 else { return }
    validationLoss = try loss.validation(of: count) { try loader.validationBatch($0, on: device) }
  }

  // MARK: Previews

  /// A picture of what the averaged weights make.
  private func preview() {
    do {
      let network = try modelRecipe.makeNetwork(using: .shapes)
      try network.adopt(trainer.average.stateDict(), on: device)
      let picture = try (modelRecipe as? ModelRecipe).map { try samples($0, network) } ?? restorations(network)
      try picture.write(to: folder.previewPath(images: trainer.images))
      previewProblem = nil
    } catch {
      previewProblem = "\(error)"
    }
  }

  /// A grid of samples.
  private func samples(_ modelRecipe: ModelRecipe, _ network: any DiffusionNetwork) throws -> Image {
    let model = Model(recipe: modelRecipe, provenance: Provenance(), network: network)
    var request = SamplingRequest(model: folder.path)
    let classes = modelRecipe.data.classNames.count
    request.count = modelRecipe.previewedImages
    // No more at once than a step takes, so that a preview needs no memory that the training does not.
    request.batchSize = min(request.batchSize, recipe.training.batchSize)
    if modelRecipe.contextSize != nil {
      let shown = try (0..<min(request.count, dataset.count)).map { try dataset[$0] }
      request.contexts = .vectors(shown.compactMap(\.context))
    }
    request.device = device.description
    request.precision = recipe.training.precision
    let images = try SamplingJob(request, model: model).finish()
    let scale = max(1, 64 / images[0].height)
    return try Image.grid(images, columns: classes > 1 ? min(classes, 18) : 4, scale: scale)
  }

  /// Pictures made bad, restored, and as they were.
  private func restorations(_ network: any DiffusionNetwork) throws -> Image {
    let batch = try loader.shownBatch(min(RestorationSheet.count, recipe.training.batchSize), on: device)
    return try RestorationSheet(recipe: modelRecipe, network: network.prepared(for: recipe.training.precision.dtype)).draw(batch)
  }
}
