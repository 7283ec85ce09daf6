import Checkpoints
import Datasets
import Failures
import Foundation
import Models
import NN
import Networks
import Tensors
import Training

/// A training run in its folder, advanced step by step; checkpoints, logs and previews are written when due.
///
/// A checkpoint is saved before the job ends: at the end of its duration, in `finish()` when the user stops it, and on every error
/// that leaves the weights intact.
public final class TrainingJob {
  public let folder: RunFolder
  public let recipe: TrainRecipe
  public let modelRecipe: any TrainableModelRecipe
  public let dataset: any Dataset
  public let device: Device
  public let parameterCount: Int
  /// With `initial_weights` or a teacher: the parameters that the model did not have, which are newly initialised.
  public private(set) var freshParameters: [String] = []
  /// Why the last preview failed, if it did; a failed preview does not stop training.
  public internal(set) var previewProblem: String?
  /// The last log line written in this session.
  public internal(set) var lastLogLine: TrainingLogLine?
  /// What happened in this session that the user should know, in the order of events, such as going back to an earlier checkpoint.
  public internal(set) var warnings: [String] = []

  /// What was judged in earlier sessions and in this one.
  var evaluations = EvaluationHistory()
  /// The step whose evaluation failed last in this session.
  var failedEvaluation: Int?
  let evaluation: TrainingEvaluation?

  package let trainer: Trainer
  let loss: any TrainingObjective
  /// nil in a process that does not write.
  private let lock: RunLock?
  let reporting: RunReporting
  var log: TrainingLog
  var last: TrainingStep?
  /// The step of the checkpoint that was written last; nil before the first.
  public internal(set) var savedStep: Int?
  var validationLoss: ValidationLoss?

  // MARK: New runs

  /// - Parameters:
  ///   - path: the recipe file.
  ///   - set: overrides, such as `training.duration=2h`.
  ///   - folder: the run folder; by default a new one under `runs/`, named after the recipe.
  /// - Throws: errors of the recipe, the data or the folder, which is then left unchanged.
  public convenience init(recipe path: String, set: [String] = [], folder: String? = nil, device: Device = .cpu) throws {
    try self.init(TrainingPlan(recipe: path, set: set, device: device), folder: folder)
  }

  /// - Parameters:
  ///   - plan: a plan of a new run.
  ///   - group: processes that train together, of which the first writes the folder.
  /// - Throws: errors of the folder or of `initial_weights`, `Failure.interrupted` for a stop that was requested meanwhile; a folder that
  ///   was made for the run is then gone again.
  public convenience init(_ plan: TrainingPlan, folder: String?, in group: ProcessGroup? = nil) throws {
    guard folder?.isEmpty != true else { throw SfumatoError(.usage, "the name of the run folder is empty") }
    try self.init(plan, group) { try RunFolder(creating: folder ?? Self.freshFolder(for: plan.recipePath)) }
    do {
      if isWriter { try begin(plan) }
      try synchronize()
    } catch {
      if isWriter { self.folder.removeUnbegun(checkpoint: savedStep) }
      throw error
    }
  }

  private func begin(_ plan: TrainingPlan) throws {
    if let model = recipe.training.initialWeights ?? recipe.distillation?.teacher { try start(from: InitialWeights(model)) }
    try Interruption.check()
    try save()
    try plan.fingerprint.write(to: self.folder.dataPath)
    try self.folder.write(recipe: plan.storedRecipe.yaml())
    reporting.begin(at: trainer.step, recipe: plan.storedRecipe.yaml())
  }

  private func start(from initial: InitialWeights) throws {
    let (weights, average, fresh) = try initial.fitted(to: trainer.weights(), partial: recipe.training.initialWeightsPartial)
    try trainer.start(weights: weights, average: average)
    freshParameters = fresh
  }

  /// `runs/digits`, or `runs/digits-2` if that exists and is not empty.
  private static func freshFolder(for recipe: String) -> String {
    let name = ((recipe as NSString).lastPathComponent as NSString).deletingPathExtension
    let names = ["runs/\(name)"] + (2...).lazy.prefix(10_000).map { "runs/\(name)-\($0)" }
    let files = FileManager.default
    return names.first { !files.fileExists(atPath: $0) || (try? files.contentsOfDirectory(atPath: $0))?.isEmpty == true } ?? names[0]
  }

  // MARK: Resumed runs

  /// Resumes a run from its newest checkpoint.
  /// - Parameter set: overrides of the run's recipe, which apply to later sessions too.
  /// - Throws: errors of the folder or its checkpoint: training never silently starts over.
  public convenience init(resuming folder: String, set: [String] = [], device: Device = .cpu) throws {
    try self.init(resuming: TrainingPlan(resuming: folder, set: set, device: device))
  }

  /// - Parameters:
  ///   - plan: a plan of a run to resume.
  ///   - group: processes that train together, as many as before or not. The first reads the checkpoint and gives it to the others.
  public convenience init(resuming plan: TrainingPlan, in group: ProcessGroup? = nil) throws {
    guard let place = plan.resumed else {
      throw SfumatoError(.usage, "\(plan.recipePath) is the recipe of a new run; expected a run folder to resume")
    }
    guard group.map({ $0.rank == 0 }) ?? true else {
      try self.init(plan, group) { place }
      try synchronize()
      return
    }
    let checkpoint = try plan.checkpoint.map(place.checkpoint(at:)) ?? place.latestCheckpoint()
    // What several processes add up depends on their number too: threads alone would not bring the bytes back.
    let notes = group == nil ? checkpoint.conditions?.adopt() ?? [] : []
    try self.init(plan, group) { place }
    warnings += notes
    try resume(from: checkpoint, plan, place)
    try synchronize()
  }

  private func resume(from checkpoint: RunFolder.Checkpoint, _ plan: TrainingPlan, _ place: RunFolder) throws {
    try restoreTimesteps(checkpoint, of: place)
    try restore(checkpoint)
    log = TrainingLog(from: trainer.position)
    try place.cutLog(to: trainer.step)
    place.removeSnapshots(after: trainer.step)
    savedStep = trainer.step
    try recallEvaluations()
    if plan.isChanged { try place.write(recipe: plan.storedRecipe.yaml()) }
    if plan.isChanged || plan.acceptsNewData { try plan.fingerprint.write(to: place.dataPath) }
    reporting.begin(at: trainer.step, recipe: plan.storedRecipe.yaml())
  }

  func restore(_ checkpoint: RunFolder.Checkpoint) throws {
    do {
      try trainer.restore(
        weights: checkpoint.weights, average: checkpoint.average, averages: checkpoint.averages, optimizer: checkpoint.optimizer,
        at: checkpoint.position)
    } catch let mismatch as StateMismatch {
      throw SfumatoError(
        mismatch, checkpoint: "\(folder.path) at step \(checkpoint.position.step)", network: "network \(modelRecipe.networkType)",
        evidence: RecipeEvidence(checkpoint.weights, against: modelRecipe), against: "the run's recipe")
    }
  }

  /// The timestep sampler's state is valid only for the recipe it was learned under; with another one it starts afresh.
  private func restoreTimesteps(_ checkpoint: RunFolder.Checkpoint, of folder: RunFolder) throws {
    let before = try TrainRecipe(path: folder.recipePath)
    guard recipe.learnsTimesteps(as: before) else { return }
    try restoreTimesteps(checkpoint)
  }

  func restoreTimesteps(_ checkpoint: RunFolder.Checkpoint) throws {
    do { try loss.restore(timesteps: checkpoint.timesteps) } catch {
      throw SfumatoError(.data, "checkpoint \(folder.path) at step \(checkpoint.position.step) is damaged: \(error)")
    }
  }

  private init(_ plan: TrainingPlan, _ group: ProcessGroup?, folder: () throws -> RunFolder) throws {
    let share = try plan.share(of: group)
    (recipe, modelRecipe, dataset, device) = (plan.recipe, plan.modelRecipe, plan.dataset, plan.device)
    let seed = Seed(recipe.training.seed)
    let initializer = Initializer(seed.generator(for: .parameters), on: self.device)
    let (network, loss) = try plan.model.begin(recipe, using: initializer, on: self.device)
    parameterCount = network.parameterCount
    evaluation = plan.evaluation
    self.loss = loss
    let loader = try BatchLoader(recipe.trainingData(of: dataset), batchSize: recipe.training.batchSize, recipe.loading, share: share)
    trainer = Trainer(network, loader: loader, recipe: recipe.training, on: self.device, group: group) { try loss($0, $1, $2) }
    log = TrainingLog(from: trainer.position)
    warnings = plan.notes
    try Interruption.check()
    self.folder = try group.map { try Self.sharedFolder(in: $0, folder) } ?? folder()
    let isWriter = group.map { $0.rank == 0 } ?? true
    lock = isWriter ? try self.folder.lock() : nil
    reporting = RunReporting(self.folder, hasEvents: recipe.training.tensorboard && isWriter)
  }

  // MARK: Progress

  public var position: TrainingPosition { trainer.position }
  public var progress: Double { trainer.progress }
  /// Whether the newest checkpoint is of this position; steps that are skipped are not saved.
  public var isSaved: Bool { savedStep == trainer.step }
  /// Whether the held-out loss has not improved for so long that training ended.
  public var isStoppedEarly: Bool { trainer.isStoppedEarly }
  /// The figures of the samples that were judged last, and the best ones; nil before and in a training without `evaluation`.
  public var lastEvaluation: EvaluationLogLine? { evaluations.last }
  public var bestEvaluation: EvaluationLogLine? { evaluations.best }
  /// The pictures that could not be used in this session.
  public var unusable: UnusablePictures { trainer.loader.unusable }
  /// The training examples and the held-out ones.
  public var data: TrainingData { trainer.loader.data }
  /// Batches of training and held-out examples.
  package var loader: BatchLoader { trainer.loader }
}
