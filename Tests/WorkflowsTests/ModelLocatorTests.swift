import Checkpoints
import Failures
import Tensors
import Testing
import Training

@testable import Workflows

@Suite("Finding a model") struct ModelLocatorTests {
  let folder: ScratchFolder
  let shipped = ["digits": "models/digits.safetensors", "letters": "models/letters.safetensors"]

  init() throws { folder = try ScratchFolder() }

  @Test func aFileIsItself() throws {
    let file = try folder.write("", to: "x.safetensors")
    #expect(try ModelLocator.path(of: file, among: shipped) == file)
  }

  @Test func aNameIsTheModelThatComesAlong() throws {
    #expect(try ModelLocator.path(of: "letters", among: shipped) == "models/letters.safetensors")
  }

  @Test func aRunFolderIsItsNewestCheckpoint() throws {
    let path = folder.path + "/run"
    let run = try RunFolder(creating: path)
    let part = StateDict([("w", Tensor.ones([1]))])
    for step in [5, 6] {
      let position = TrainingPosition(step: step, images: 0, averageSteps: 0, seconds: 0)
      try run.save(RunFolder.Checkpoint(weights: part, average: part, optimizer: part, position: position), metadata: [:], keep: 5)
    }
    try run.write(recipe: "")
    #expect(try ModelLocator.path(of: path, among: shipped) == "\(path)/checkpoints/000000006/model.safetensors")
    #expect(throws: CheckpointError.self) { try ModelLocator.path(of: folder.path, among: shipped) }
  }

  @Test(arguments: [("digit", "did you mean 'digits'?"), ("faces-of-people", "models that come along: digits, letters")])
  func anUnknownOneIsRefusedWithTheNearest(name: String, words: String) {
    let error = refusal { try ModelLocator.path(of: name, among: shipped) }
    #expect(error?.failure == .missing)
    #expect(error?.description.contains(words) == true)
  }
}
