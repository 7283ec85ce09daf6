import Failures
import Foundation
import Imaging
import Testing
import Training

@testable import Workflows

@Suite("Resuming a run") struct ResumingTests {
  let folder: ScratchFolder
  let recipe: String

  init() throws {
    folder = try ScratchFolder()
    try Self.pictures(5, in: "\(folder.path)/pictures")
    let text = Tiny.recipe.replacing("{ type: glyphs, size: 8, classes: digits, count: 100 }", with: "{ type: folder, path: pictures }")
    recipe = try folder.write(text + "images: { size: 8, channels: 1 }\n", to: "tiny.yaml")
  }

  private static func pictures(_ count: Int, in folder: String) throws {
    for index in 0..<count {
      let name = "\(folder)/\(index % 2)"
      try FileManager.default.createDirectory(atPath: name, withIntermediateDirectories: true)
      try Image(width: 8, height: 8, color: [UInt8(40 * index)]).write(to: "\(name)/\(index).png")
    }
  }

  private func train() throws -> String {
    let job = try TrainingJob(
      recipe: recipe, set: ["data.path=\(folder.path)/pictures", "training.duration=8"], folder: "\(folder.path)/run")
    while try job.next() != nil {}
    return job.folder.path
  }

  @Test func keepsAbsolutePathsInTheRunAndNoneInTheModel() throws {
    let before = FileManager.default.currentDirectoryPath
    let plan = try TrainingPlan(recipe: recipe, set: ["data.path=\(folder.path)/pictures/../pictures"])
    #expect(plan.storedRecipe.data.member.paths == ["\(folder.path)/pictures"])
    #expect(FileManager.default.currentDirectoryPath == before)
    let run = try train()
    let stored = try String(contentsOfFile: "\(run)/recipe.yaml", encoding: .utf8)
    #expect(stored.contains("path: \(folder.path)/pictures"))
    let model = try Data(contentsOf: URL(fileURLWithPath: "\(run)/checkpoints/000000002/model.safetensors"))
    #expect(model.range(of: Data(folder.path.utf8)) == nil)
  }

  @Test func refusesOtherDataUnlessAccepted() throws {
    let run = try train()
    try Image(width: 8, height: 8, color: [9]).write(to: "\(folder.path)/pictures/0/new.png")
    let error = refusal { try TrainingJob(resuming: run) }
    #expect(error?.failure == .data)
    #expect(error?.description.contains("5 images, 2 classes before, 6 images, 2 classes now") == true, "\(String(describing: error))")
    #expect(error?.description.contains("--accept-new-data") == true)
    let plan = try TrainingPlan(resuming: run, acceptsNewData: true)
    #expect(try TrainingJob(resuming: plan).position.step == 2)
    #expect(try TrainingJob(resuming: run).position.step == 2, "accepted data belong to the run from then on")
  }

  @Test func takesAFolderForTheSameHoweverItsPathIsWritten() throws {
    let written = "\(folder.path)/./pictures//"
    let job = try TrainingJob(recipe: recipe, set: ["data.path=\(written)", "training.duration=8"], folder: "\(folder.path)/run")
    while try job.next() != nil {}
    #expect(try TrainingJob(resuming: job.folder.path).position.step == 2)
    let plain = try TrainingPlan(recipe: recipe, set: ["data.path=\(folder.path)/pictures"])
    #expect(plain.fingerprint == (try TrainingPlan(recipe: recipe, set: ["data.path=\(written)"]).fingerprint))
    try FileManager.default.moveItem(atPath: "\(folder.path)/pictures", toPath: "\(folder.path)/moved")
    #expect(try TrainingJob(resuming: job.folder.path, set: ["data.path=\(folder.path)/moved/"]).position.step == 2)
  }

  @Test func recognisesMovedDataByTheirFiles() throws {
    let run = try train()
    try FileManager.default.moveItem(atPath: "\(folder.path)/pictures", toPath: "\(folder.path)/moved")
    #expect(throws: (any Error).self) { try TrainingJob(resuming: run) }
    #expect(try TrainingJob(resuming: run, set: ["data.path=\(folder.path)/moved"]).position.step == 2)
    try Self.pictures(5, in: "\(folder.path)/others")
    try Data([1]).write(to: URL(fileURLWithPath: "\(folder.path)/others/0/0.png"))
    let error = refusal { try TrainingJob(resuming: run, set: ["data.path=\(folder.path)/others"]) }
    #expect(error?.description.contains("the names or sizes of their files differ") == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    ("process.parameterization=epsilon", "parameterization: v before, parameterization: epsilon now"),
    ("process.variance=fixed_large", "variance: fixed_small before, variance: fixed_large now"),
    ("process.schedule={type: cosine, steps: 500}", "steps: 1000 before, steps: 500 now"),
    ("images.channels=3", "images.channels cannot change"),
    ("data.class_from=none", "the classes cannot change"),
  ])
  func refusesWhatWouldChangeTheMeaningOfTheWeights(setting: String, words: String) throws {
    let run = try train()
    let error = refusal { try TrainingJob(resuming: TrainingPlan(resuming: run, set: [setting], acceptsNewData: true)) }
    #expect(error?.failure == .usage)
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    #expect(error?.description.contains("training.initial_weights=\(run)") == true)
  }

  @Test(arguments: [
    ("network.num_heads=2", "num_heads: 1 before, num_heads: 2 now"), ("network.model_channels=64", "model_channels: 64 now"),
    ("network.use_new_attention_order=false", "use_new_attention_order: true before"),
  ])
  func refusesAnotherNetwork(setting: String, words: String) throws {
    let error = try refusalOfResuming(with: setting)
    #expect(error?.failure == .usage && error?.description.contains("network cannot change") == true, "\(String(describing: error))")
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  private func refusalOfResuming(with setting: String) throws -> SfumatoError? {
    let run = try train()
    return refusal { try TrainingJob(resuming: run, set: [setting]) }
  }

  @Test func takesWhatOnlyChangesHowTheNetworkIsTrained() throws {
    let run = try train()
    let job = try TrainingJob(resuming: run, set: ["network.dropout=0.2", "network.use_checkpoint=true"])
    #expect(job.position.step == 2)
  }

  @Test(arguments: ["training.initial_weights=digits", "training.initial_weights=my model"])
  func refusesInitialWeightsThatItWouldNotTake(setting: String) throws {
    let error = try refusalOfResuming(with: setting)
    #expect(error?.failure == .usage && error?.description.contains("start a new run: sfumato train RECIPE --set ") == true)
    #expect(error?.description.contains(setting.contains(" ") ? "'\(setting)'" : setting) == true, "\(String(describing: error))")
  }

  @Test func pathsAreMadeAbsoluteAsTheSystemResolvesThem() throws {
    let files = FileManager.default, real = try #require(folder.path.resolvedPath)
    try files.createDirectory(atPath: "\(real)/far/away", withIntermediateDirectories: true)
    try files.createSymbolicLink(atPath: "\(real)/link", withDestinationPath: "\(real)/far/away")
    #expect("\(real)/link/..".absolutePath == "\(real)/far")
    #expect("\(real)/link".absolutePath == "\(real)/link")
    #expect("\(real)/none/../x".absolutePath == "\(real)/none/../x")
    let here = files.currentDirectoryPath
    #expect("~/x".absolutePath == "\(here)/~/x" && "./a//b/.".absolutePath == "\(here)/a/b" && "/".absolutePath == "/")
    #expect("~".urlPath == "./~" && "a~".urlPath == "a~")
  }
}
