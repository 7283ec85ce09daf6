import Checkpoints
import Failures
import Foundation
import Tensors
import Testing
import Training

@testable import Workflows

@Suite("Locating models") struct ModelLocatorTests {
  let folder: ScratchFolder
  let bundled = ["digits": "models/digits.safetensors", "letters": "models/letters.safetensors"]

  init() throws { folder = try ScratchFolder() }

  private func locate(_ model: String) throws -> ModelLocator.Place { try ModelLocator.locate(model, among: bundled) }

  /// A run with checkpoints at steps 5 and 6.
  private func makeRun() throws -> String {
    let path = folder.path + "/run"
    let run = try RunFolder(creating: path)
    let part = StateDict([("w", Tensor.ones([1]))])
    for step in [5, 6] {
      let position = TrainingPosition(step: step, images: 0, averageSteps: 0, seconds: 0)
      try run.save(RunFolder.Checkpoint(weights: part, average: part, optimizer: part, position: position), metadata: [:], keep: 5)
    }
    try run.write(recipe: "")
    return path
  }

  @Test func fileIsItself() throws {
    let file = try folder.write("", to: "x.safetensors")
    #expect(try locate(file) == .file(file))
  }

  @Test func nameIsTheBundledModel() throws {
    #expect(try locate("letters") == .file("models/letters.safetensors"))
  }

  @Test func runIsItsNewestCheckpointAndACheckpointIsItself() throws {
    let run = try makeRun()
    #expect(try locate(run) == .checkpoint("\(run)/checkpoints/000000006"))
    #expect(try locate("\(run)/checkpoints/000000005") == .checkpoint("\(run)/checkpoints/000000005"))
    #expect(try locate(run).path == "\(run)/checkpoints/000000006/model.safetensors")
  }

  @Test func folderWithoutAModelIsRefusedWithExpectation() {
    let error = refusal { try locate(folder.path) }
    #expect(error?.failure == .missing)
    #expect(error?.description.contains("expected a run (with recipe.yaml)") == true)
  }

  @Test(arguments: [("digit", "did you mean 'digits'?"), ("faces-of-people", "bundled models: digits, letters")])
  func unknownNameIsRefusedWithTheNearest(name: String, words: String) {
    let error = refusal { try locate(name) }
    #expect(error?.failure == .missing)
    #expect(error?.description.contains(words) == true)
  }
}
