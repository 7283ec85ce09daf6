import Models
import NN
import Networks
import Tensors

/// A model that a training makes: its network, how much memory it takes, and what is minimised.
protocol TrainedModel: TrainableModelRecipe, MemoryTraced {
  /// The network with initial parameters, and its objective by a recipe.
  func begin(_ recipe: TrainRecipe, using initializer: Initializer, on device: Device) throws -> (any Module, any TrainingObjective)
}

extension TrainedModel where Self: DiffusionModelRecipe {
  func begin(_ recipe: TrainRecipe, using initializer: Initializer, on device: Device) throws -> (any Module, any TrainingObjective) {
    let network = try makeNetwork(using: initializer)
    return (network, try TrainingLoss(recipe, self, network, on: device))
  }
}

extension ModelRecipe: TrainedModel {
  func begin(_ recipe: TrainRecipe, using initializer: Initializer, on device: Device) throws -> (any Module, any TrainingObjective) {
    let network = try makeNetwork(using: initializer)
    guard let distillation = recipe.distillation else { return (network, try TrainingLoss(recipe, self, network, on: device)) }
    return (network, try TrainingLoss(distilling: distillation, recipe, self, network, on: device))
  }
}
extension SuperResolutionModelRecipe: TrainedModel {}

extension ClassifierModelRecipe: TrainedModel {
  func begin(_ recipe: TrainRecipe, using initializer: Initializer, on device: Device) throws -> (any Module, any TrainingObjective) {
    let network = try classifier.member.makeClassifier(using: initializer)
    return (network, try ClassificationLoss(recipe, self, network, on: device))
  }
}
