import Foundation
import Models
import RecipeKit
import Tensors
import Testing
import Training

@testable import Workflows

@Suite("Training with augmentation") struct AugmentedTrainingTests {
  let folder: ScratchFolder
  let recipe: String

  init() throws {
    folder = try ScratchFolder()
    recipe = try folder.write(Tiny.recipe, to: "tiny.yaml")
  }

  private func begin(_ name: String = "run", _ set: [String]) throws -> TrainingJob {
    try TrainingJob(recipe: recipe, set: ["training.precision=float32"] + set, folder: "\(folder.path)/\(name)")
  }

  private func finish(_ job: TrainingJob) throws { while try job.next() != nil {} }

  private func content(_ state: StateDict) throws -> [String: [UInt8]] {
    try Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, try $0.tensor.bytes()) })
  }

  @Test func conditionsTheNetworkOnAugmentationAndSamplesWithoutLabels() throws {
    let job = try begin("run", ["augmentation.probability=1"])
    #expect(job.modelRecipe.yaml().contains("augment_dim: 9"))
    let weight = try #require(job.trainer.parameters.first { $0.name == "map_augment.weight" }?.parameter)
    #expect(try weight.value.detach().norm().item() == 0)
    try finish(job)
    #expect(try weight.value.detach().norm().item() > 0)
    let model = try Model(job.folder.path)
    #expect(try content(model.network.stateDict()) == content(job.trainer.average.stateDict()))
    #expect(try SamplingJob(request(2) { $0.model = job.folder.path }).finish().count == 2)
  }

  @Test func resumesBitExactly() throws {
    let set = ["augmentation.probability=0.5", "augmentation.kinds=[xflip, rotate_int, scale]"]
    let whole = try begin("whole", set), half = try begin("half", set)
    try finish(whole)
    for _ in 0..<3 { _ = try half.next() }
    try half.finish()
    let rest = try TrainingJob(resuming: half.folder.path)
    try finish(rest)
    let first = try whole.folder.latestCheckpoint(), second = try rest.folder.latestCheckpoint()
    #expect(first.weights["map_augment.weight"]?.shape == [32, 4])
    #expect(try content(first.weights) == content(second.weights))
    #expect(try content(first.average) == content(second.average))
  }

  @Test(arguments: [
    (["network.augment_dim=4"], "augmentation: its kinds need network.augment_dim 9, found 4"),
    (
      ["augmentation.kinds=[rotate_int]", "data.size=[8, 12]"],
      "augmentation.kinds: rotate_int needs square images, found 8 x 12"
    ),
    (["augmentation.scale_std=5"], "augmentation.scale_std: expected 0 to 2, found 5.0"),
  ])
  func refusesAugmentationThatWouldLeakOrFail(set: [String], words: String) throws {
    let error = try #require(throws: RecipeError.self) { try begin("run", ["augmentation.probability=0.2"] + set) }
    #expect("\(error)".contains(words), "\(error)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
  }

  @Test func refusesANetworkWithoutAugmentationInput() throws {
    let yaml = "network: { type: context_unet, model_channels: 16, channel_mult: [1, 1], num_res_blocks: 1 }"
    let path = try folder.write("\(yaml)\naugmentation: { probability: 0.2 }\n", to: "context.yaml")
    let error = try #require(throws: RecipeError.self) { try TrainingJob(recipe: path, folder: "\(folder.path)/run") }
    let words = "augmentation: context_unet has no augmentation input, so that samples would be augmented too; use adm_unet"
    #expect("\(error)".contains(words), "\(error)")
  }
}
