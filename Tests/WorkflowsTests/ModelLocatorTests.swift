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

  /// As people complete a path.
  @Test func aPathWithinARunIsTheRun() throws {
    let run = try makeRun()
    for path in ["\(run)/", "\(run)//", "\(run)/checkpoints", "\(run)/checkpoints/", "\(run)/latest"] {
      #expect(try locate(path).path == "\(run)/checkpoints/000000006/model.safetensors", "\(path)")
    }
  }

  @Test func aFolderOfModelsNamesThem() throws {
    for name in ["b.pth", "a.safetensors", "notes.txt"] { _ = try folder.write("", to: "models/\(name)") }
    let error = refusal { try locate("\(folder.path)/models") }
    #expect(error?.description.hasSuffix("; name one of its files: a.safetensors, b.pth") == true, "\(String(describing: error))")
    _ = try folder.write("", to: "pictures/a.jpg")
    let pictures = refusal { try locate("\(folder.path)/pictures") }
    #expect(pictures?.description.contains("'sfumato data inspect \(folder.path)/pictures'") == true)
  }

  @Test func aFolderOfABundledModelsNameSaysWhereThatIs() throws {
    _ = try folder.write("", to: "digits/notes.txt")
    let name = "\(folder.path)/digits"
    let error = refusal { try ModelLocator.locate(name, among: [name: "models/digits.safetensors"]) }
    #expect(error?.description.hasSuffix("; the bundled model of this name is models/digits.safetensors") == true)
  }

  @Test func anEmptyNameAndALinkToNothingAreRefused() throws {
    #expect(refusal { try locate("") }?.failure == .usage)
    let link = "\(folder.path)/link"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/nowhere/x.safetensors")
    #expect(refusal { try locate(link) }?.description == "\(link) is a link to /nowhere/x.safetensors, which does not exist")
  }
}
