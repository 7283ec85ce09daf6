import Datasets
import Models
import Tensors
import Training

/// What a training will be, found out before anything is made: its recipe, its data, and whether it fits into memory.
public struct TrainingPlan {
  public let recipe: TrainRecipe
  public let modelRecipe: any DiffusionModelRecipe
  public let dataset: any Dataset
  public let device: Device
  /// nil where no estimate is possible, which stops no training.
  public let memory: TrainingMemory?
  /// The recipe's file; the folder of a training that goes on.
  let recipePath: String, resumed: RunFolder?

  /// A new training.
  /// - Parameters:
  ///   - path: the recipe's file.
  ///   - set: settings laid over it, as `training.duration=2h`.
  /// - Throws: what is wrong with the recipe, the data or the device.
  public init(recipe path: String, set: [String] = [], device: String = "cpu") throws {
    try Torch.start()
    try self.init(TrainRecipe(file: path, set: set), at: path, resumed: nil, device)
  }

  /// The continuation of a training.
  /// - Throws: also what is wrong with its folder.
  public init(resuming folder: String, set: [String] = [], device: String = "cpu") throws {
    try Torch.start()
    let place = try RunFolder(existing: folder)
    try self.init(TrainRecipe(path: place.recipePath, set: set), at: place.recipePath, resumed: place, device)
  }

  private init(_ recipe: TrainRecipe, at path: String, resumed: RunFolder?, _ device: String) throws {
    self.recipe = recipe
    self.device = try computeDevice(device)
    (recipePath, self.resumed) = (path, resumed)
    dataset = try recipe.data.member.open()
    modelRecipe = try recipe.model(for: dataset)
    let available = self.device == .cpu ? AvailableMemory.bytes : nil, training = recipe.training
    memory = (modelRecipe as? any MemoryTraced).flatMap { try? TrainingMemory(of: $0, training, available: available) }
  }
}
