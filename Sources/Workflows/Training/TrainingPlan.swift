import Checkpoints
import Datasets
import Failures
import Foundation
import Models
import RecipeKit
import Tensors
import Training

/// A training run resolved before anything is created: its recipe, its data, and whether it fits into memory.
public struct TrainingPlan {
  public let recipe: TrainRecipe
  /// The model that is trained, with its open values filled in.
  public var modelRecipe: any TrainableModelRecipe { model }
  let model: any TrainedModel
  public let dataset: any Dataset
  public let device: Device
  /// nil if no estimate is possible, which does not prevent training.
  public let memory: TrainingMemory?
  /// The recipe file; for a run to resume, the one in its folder.
  let recipePath: String
  /// The folder of the run to resume.
  let resumed: RunFolder?
  /// Whether settings override the run's recipe, and whether data other than the run's are accepted.
  let isChanged: Bool, acceptsNewData: Bool
  /// The checkpoint to resume from; nil for the newest.
  private(set) var checkpoint: String?
  let fingerprint: DataFingerprint
  /// What judges the model's samples while it is trained; nil for a training without.
  let evaluation: TrainingEvaluation?
  /// What the user should know of the data.
  let notes: [String]

  /// Plans a new run.
  /// - Parameters:
  ///   - path: the recipe file.
  ///   - set: overrides, such as `training.duration=2h`.
  ///   - processes: how many share a batch.
  /// - Throws: errors of the recipe, the data or the device.
  public init(recipe path: String, set: [String] = [], device: Device = .cpu, processes: Int = 1) throws {
    try Torch.start()
    try self.init(TrainRecipe(file: path, set: set), at: path, on: device, processes)
  }

  /// Plans to resume a run.
  /// - Parameters:
  ///   - acceptsNewData: whether it may resume with data other than its own.
  ///   - checkpoint: the name of the checkpoint to resume from; nil for the newest.
  /// - Throws: also errors of its folder; `SfumatoError` for other data and for settings that change the meaning of its weights.
  public init(
    resuming folder: String, set: [String] = [], acceptsNewData: Bool = false, checkpoint: String? = nil, device: Device = .cpu,
    processes: Int = 1
  ) throws {
    try Torch.start()
    let place = try RunFolder(existing: folder)
    // Before the data are opened, which can take minutes.
    try place.checkFree()
    let before = try TrainRecipe(path: place.recipePath)
    let recipe = try TrainRecipe(path: place.recipePath, set: set)
    try MeaningOfWeights.check(recipe, against: before, in: place)
    try self.init(
      recipe, at: place.recipePath, resumed: place, isChanged: !set.isEmpty, acceptsNewData: acceptsNewData, on: device, processes)
    self.checkpoint = checkpoint
    if !acceptsNewData { try checkData(in: place) }
    try MeaningOfWeights.check(modelRecipe, in: place)
  }

  /// The part of each batch that this one of several processes computes.
  /// - Throws: `SfumatoError` for more processes than images, and for processes with other recipes or data than the first.
  func share(of group: ProcessGroup?) throws -> BatchShare {
    let images = recipe.training.batchSize
    guard let group else { return BatchShare(of: images) }
    guard group.size <= images else {
      throw SfumatoError(
        .usage, "training.batch_size is \(images), and \(group.size) processes train; expected an image for each process or more")
    }
    let own = "\(recipe.training.yaml())\n\(modelRecipe.yaml())\n\(fingerprint) \(fingerprint.files)"
    let first = String(decoding: try group.broadcast(Data(own.utf8)), as: UTF8.self)
    guard own == first else {
      let difference = zip(own.split(separator: "\n"), first.split(separator: "\n")).first { $0 != $1 }
      throw SfumatoError(
        .data,
        "process \(group.rank) has another recipe or other data than process 0: \(difference?.0 ?? "its own"), there "
          + "\(difference?.1 ?? "another"); expected the same recipe, settings and data on every machine")
    }
    // Nobody writes before all have read.
    try group.barrier()
    return BatchShare(of: images, rank: group.rank, size: group.size)
  }

  private init(
    _ recipe: TrainRecipe, at path: String, resumed: RunFolder? = nil, isChanged: Bool = false, acceptsNewData: Bool = false,
    on device: Device, _ processes: Int
  ) throws {
    self.device = try device.validated()
    var recipe = recipe
    recipe.training.precision = PrecisionChoice(recipe.training.precision.resolved(on: device))
    self.recipe = recipe
    (recipePath, self.resumed, self.isChanged, self.acceptsNewData) = (path, resumed, isChanged, acceptsNewData)
    dataset = try recipe.data.member.open()
    fingerprint = DataFingerprint(dataset, paths: recipe.data.member.paths)
    model = try recipe.model(for: dataset)
    notes = try recipe.notes(onCaptionsOf: dataset)
    evaluation = try TrainingEvaluation(recipe, model, dataset, on: device)
    let available = self.device == .cpu ? AvailableMemory.bytes : nil
    var training = recipe.training
    let share = (training.batchSize + processes - 1) / max(1, processes)
    if processes > 1 { training.microbatch = min(training.microbatch ?? share, share) }
    memory = try? TrainingMemory(of: model, training, available: available)
  }

  /// The recipe as stored in the run: with absolute paths, so that it can be resumed from any folder.
  var storedRecipe: TrainRecipe {
    var stored = recipe, data = recipe.data.member
    data.mapPaths(\.absolutePath)
    stored.data = Choice(data)
    stored.training.initialWeights = recipe.training.initialWeights.map(Self.absolute)
    stored.guides = recipe.guides.map(Self.absolute)
    stored.evaluation?.features = recipe.evaluation?.features.map(Self.absolute)
    stored.evaluation?.reference = recipe.evaluation?.reference.map(Self.absolute)
    stored.distillation?.teacher = Self.absolute(recipe.distillation?.teacher ?? "")
    return stored
  }

  /// A model's path; the name of a bundled model stays as it is.
  private static func absolute(_ model: String) -> String {
    FileManager.default.fileExists(atPath: model) ? model.absolutePath : model
  }

  private func checkData(in place: RunFolder) throws {
    guard let before = try DataFingerprint.read(place.dataPath), before != fingerprint else { return }
    let change =
      "\(before)" != "\(fingerprint)"
      ? "\(before) before, \(fingerprint) now"
      : before.files != fingerprint.files ? "the names or sizes of their files differ" : "the captions differ"
    throw SfumatoError(
      .data,
      "the data are not those of \(place.path): \(change); set the path of the original data with --set data.path=…, "
        + "or resume with these by --accept-new-data")
  }
}
