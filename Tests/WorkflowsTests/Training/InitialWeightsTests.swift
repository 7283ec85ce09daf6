import Checkpoints
import Failures
import Foundation
import Tensors
import Testing
import Training

@testable import Workflows

@Suite("Training from initial weights") struct InitialWeightsTests {
  let folder: ScratchFolder
  let recipe: String

  init() throws {
    folder = try ScratchFolder()
    recipe = try folder.write(Tiny.recipe, to: "tiny.yaml")
  }

  private func train(_ name: String, set: [String] = [], steps: Int) throws -> TrainingJob {
    let job = try TrainingJob(recipe: recipe, set: ["training.precision=float32"] + set, folder: "\(folder.path)/\(name)")
    for _ in 0..<steps { _ = try job.next() }
    try job.finish()
    return job
  }

  private func values(_ state: StateDict) throws -> [String: [Float]] {
    try Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, try $0.tensor.detach().reshape([-1]).floats()) })
  }

  @Test func startsFromRawAndAveragedWeightsWithFreshMoments() throws {
    let first = try train("first", steps: 4)
    let second = try train("second", set: ["training.initial_weights=\(first.folder.path)", "training.seed=9"], steps: 0)
    #expect(try values(second.trainer.weights()) == values(first.trainer.weights()))
    #expect(try values(second.trainer.average.stateDict()) == values(first.trainer.average.stateDict()))
    #expect(second.position.step == 0 && second.freshParameters.isEmpty)
    let moments = second.trainer.optimizer.stateDict().entries.filter { $0.name.hasPrefix("first.") }
    #expect(try moments.allSatisfy { try $0.tensor.abs().max().item() == 0 })
  }

  @Test func weightsThatAreNotFiniteAreRefusedByTheirFile() throws {
    let path = "\(folder.path)/nan.safetensors"
    try Safetensors.write(train("first", steps: 1).trainer.weights(), to: path)
    // Float.nan in place of the last number.
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = refusal { try train("second", set: ["training.initial_weights=\(path)"], steps: 0) }
    #expect(error?.failure == .data && error?.description.contains(" in \(path) holds numbers that are not finite") == true)
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/second"))
  }

  @Test func continuesTheAverageWithoutWarmUpAlsoWhenResumed() throws {
    let first = try train("first", steps: 4)
    let second = try train("second", set: ["training.initial_weights=\(first.folder.path)"], steps: 1)
    let before = try values(first.trainer.average.stateDict()), raw = try values(second.trainer.weights())
    let after = try values(second.trainer.average.stateDict())
    // One update at the full rate of 0.999, in float32.
    for (name, values) in after {
      for (index, value) in values.enumerated() {
        #expect(abs(value - (0.999 * before[name]![index] + 0.001 * raw[name]![index])) < 1e-5)
      }
    }
    #expect(try TrainingJob(resuming: second.folder.path).position.averageSteps == second.position.averageSteps)
  }

  @Test func acceptsAModelFile() throws {
    let model = try Tiny.model(), file = "\(folder.path)/model.safetensors"
    try Tiny.write(model, to: file)
    let job = try train("run", set: ["training.initial_weights=\(file)"], steps: 0)
    #expect(try values(job.trainer.weights()) == values(model.network.stateDict()))
  }

  @Test func refusesMismatchedParametersUnlessPartial() throws {
    let first = try train("first", steps: 1), other = ["data.classes=letters", "training.initial_weights=\(first.folder.path)"]
    let error = refusal { try train("second", set: other, steps: 0) }
    #expect(error?.failure == .data)
    #expect(error?.description.contains("label_emb.weight: this network has [") == true, "\(String(describing: error))")
    #expect(error?.description.contains("training.initial_weights_partial=true") == true)
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/second/recipe.yaml"))
    let job = try train("third", set: other + ["training.initial_weights_partial=true"], steps: 0)
    #expect(job.freshParameters == ["label_emb.weight"])
    let (new, old) = (try values(job.trainer.weights()), try values(first.trainer.weights()))
    for (name, value) in new where name != "label_emb.weight" { #expect(value == old[name], "\(name)") }
  }

  @Test func reportsAMissingModel() {
    #expect(refusal { try train("run", set: ["training.initial_weights=nowhere"], steps: 0) }?.failure == .missing)
  }
}
