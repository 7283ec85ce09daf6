import Checkpoints
import Failures
import Foundation
import Tensors
import Testing

@testable import Training

@Suite("Damage to a run folder") struct RunDamageTests {
  let run: RunScratch
  init() throws { run = try RunScratch() }

  static let parts = ["model.safetensors", "weights.safetensors", "optimizer.safetensors", "timesteps.safetensors"]

  @Test(arguments: parts) func aBitThatFlippedIsSeen(part: String) throws {
    let folder = try run.folder([1, 2])
    // The last byte belongs to a number, which any bits make up.
    try run.flip("checkpoints/000000002/\(part)", byte: -1)
    let error = try #require(throws: CheckpointError.self) { try folder.latestCheckpoint() }
    #expect(error.problem == .invalid && error.path.hasSuffix("000000002/\(part)"))
    #expect(error.message.hasPrefix("is damaged: its checksum is "))
    #expect(
      error.message.hasSuffix("; the newest other checkpoint that is whole is 000000001: 'sfumato resume \(run.path) --from 000000001'"))
    #expect(try folder.checkpoint(at: "000000001").position.step == 1)
  }

  /// Every byte of it: numbers, names and checksums alike.
  @Test func aBitThatFlippedInTheStateIsSeen() throws {
    let folder = try run.folder([1])
    let state = "checkpoints/000000001/state.json"
    for byte in 0..<(try run.bytes(state).count) {
      try run.flip(state, byte: byte)
      #expect(throws: CheckpointError.self, "byte \(byte)") { try folder.latestCheckpoint() }
      try run.flip(state, byte: byte)
    }
    #expect(try folder.latestCheckpoint().position.step == 1)
  }

  @Test func theNewestWholeCheckpointIsNamedAndNotADamagedOne() throws {
    let folder = try run.folder([1, 2, 3, 4])
    try run.flip("checkpoints/000000003/weights.safetensors", byte: -2)
    try FileManager.default.removeItem(atPath: run.path + "/checkpoints/000000004/optimizer.safetensors")
    let error = try #require(throws: CheckpointError.self) { try folder.latestCheckpoint() }
    #expect(error.problem == .missing && error.path.hasSuffix("000000004/optimizer.safetensors"))
    #expect(error.message.contains("--from 000000002"))
    #expect(folder.newestGoodCheckpoint == "000000002")
  }

  @Test func withoutAnotherWholeCheckpointTheMessageSaysSo() throws {
    let folder = try run.folder([1])
    try run.flip("checkpoints/000000001/weights.safetensors", byte: -2)
    let error = try #require(throws: CheckpointError.self) { try folder.latestCheckpoint() }
    #expect(error.message.hasSuffix("; no other checkpoint of the run is whole: put the file back from a copy"))
    #expect(folder.newestGoodCheckpoint == nil)
  }

  @Test(arguments: [nil, "", "rubbish\n", "../000000001"]) func aLostNameOfTheNewestCheckpointNamesAWholeOne(latest: String?) throws {
    let folder = try run.folder([1, 2])
    if let latest { try run.write(latest, to: "latest") } else { try FileManager.default.removeItem(atPath: run.path + "/latest") }
    let error = try #require(throws: CheckpointError.self) { try folder.latestCheckpoint() }
    #expect(error.path == "\(run.path)/latest" && error.message.contains("'sfumato resume \(run.path) --from 000000002'"))
    #expect(try folder.checkpoint(at: "000000002").position.step == 2)
  }

  @Test func aCheckpointThatIsNotThereIsRefusedWithThoseThatAre() throws {
    let folder = try run.folder([1, 20])
    let error = try #require(throws: CheckpointError.self) { try folder.checkpoint(at: "000000003") }
    #expect(error.problem == .missing && error.message.hasSuffix("there are 000000001, 000000020"))
    for name in ["", "../000000001", "latest"] { #expect(throws: CheckpointError.self) { try folder.checkpoint(at: name) } }
    #expect(try folder.checkpoint(at: "20").position.step == 20, "the step itself is as good as the name")
  }

  @Test func aStateThatNamesOtherFilesIsRefused() throws {
    let folder = try run.folder([1])
    let sum = try FileChecksum(ofFile: folder.recipePath)
    let state = CheckpointState(TrainingPosition(step: 1, images: 4, averageSteps: 1, seconds: 1), checksums: ["../../recipe.yaml": sum])
    try run.write(state.text(), to: "checkpoints/000000001/state.json")
    let error = try #require(throws: CheckpointError.self) { try folder.latestCheckpoint() }
    #expect(error.message.contains("no part of a checkpoint"))
  }

  // MARK: The recipe

  @Test(arguments: ["", "training: { seed: 4 }\n", "data: {}\n"]) func aRecipeThatIsNotAsItWasWrittenIsRefused(text: String) throws {
    let folder = try run.folder([1])
    try run.write(text, to: "recipe.yaml")
    let error = try #require(throws: CheckpointError.self) { try folder.latestCheckpoint() }
    #expect(error.problem == .invalid && error.path == folder.recipePath)
    #expect(error.message.contains("'sfumato resume \(run.path) --set KEY=VALUE'") && error.message.contains("delete recipe.sum"))
    try FileManager.default.removeItem(atPath: run.path + "/recipe.sum")
    #expect(try folder.latestCheckpoint().position.step == 1)
  }

  @Test func aRecipeThatIsWrittenAnewIsTaken() throws {
    let folder = try run.folder([1])
    try folder.write(recipe: "training: { seed: 4 }\n")
    #expect(try folder.latestCheckpoint().position.step == 1)
    try run.write("nonsense", to: "recipe.sum")
    #expect(throws: CheckpointError.self) { try folder.latestCheckpoint() }
  }

  /// A process may end between the files.
  @Test func betweenTwoRecipesBothAreTaken() throws {
    let folder = try run.folder([1]), before = try run.text("recipe.yaml"), after = "training: { seed: 4 }\n"
    try run.write(RunFolder.json([FileChecksum(of: before), FileChecksum(of: after)]), to: "recipe.sum")
    #expect(try folder.latestCheckpoint().position.step == 1)
    try run.write(after, to: "recipe.yaml")
    #expect(try folder.latestCheckpoint().position.step == 1)
  }

  // MARK: Version 0.1.0

  @Test func aRunOfVersion010IsResumed() throws {
    let folder = try run.folder([1, 2])
    try FileManager.default.removeItem(atPath: run.path + "/recipe.sum")
    try run.write(#"{"averageSteps":2,"images":8,"seconds":0.5,"step":2}"#, to: "checkpoints/000000002/state.json")
    let checkpoint = try folder.latestCheckpoint()
    #expect(checkpoint.position == TrainingPosition(step: 2, images: 8, averageSteps: 2, seconds: 0.5))
    #expect(checkpoint.position.isGood && folder.newestGoodCheckpoint == "000000002")
  }
}

@Suite("Good checkpoints") struct GoodCheckpointTests {
  let run: RunScratch
  init() throws { run = try RunScratch() }

  @Test func theLastGoodOneStaysHoweverManyFollow() throws {
    let folder = try run.folder([1, 2], keep: 2)
    for step in 3...6 { try folder.save(RunScratch.checkpoint(step, isGood: false), metadata: [:], keep: 2) }
    #expect(folder.checkpointNames == ["000000002", "000000005", "000000006"])
    #expect(folder.newestGoodCheckpoint == "000000002")
    try folder.save(RunScratch.checkpoint(7), metadata: [:], keep: 2)
    #expect(folder.checkpointNames == ["000000006", "000000007"])
  }

  @Test func aDivergenceIsAnsweredByHalfTheRateOfTheLastGoodOne() throws {
    let folder = try run.folder([])
    try folder.save(RunScratch.checkpoint(60, learningRate: 2e-4), metadata: [:], keep: 2)
    #expect(folder.resumeCommand(afterDivergenceAt: 1e4) == "sfumato resume \(run.path) --set training.learning_rate=0.0001")
    try folder.save(RunScratch.checkpoint(64, isGood: false, learningRate: 1e4), metadata: [:], keep: 2)
    #expect(
      folder.resumeCommand(afterDivergenceAt: 1e4) == "sfumato resume \(run.path) --from 000000060 --set training.learning_rate=0.0001")
  }

  @Test func withoutARateOfItsOwnItIsHalfTheTrainings() throws {
    #expect(try run.folder([1]).resumeCommand(afterDivergenceAt: 0.5) == "sfumato resume \(run.path) --set training.learning_rate=0.25")
  }

  @Test(arguments: [
    ("runs/a-1", "runs/a-1"), ("my run", "'my run'"), ("it's", #"'it'\''s'"#), ("$HOME", "'$HOME'"), ("", "''"), ("läufe", "läufe"),
  ])
  func commandsAreQuotedForTheShell(argument: String, quoted: String) {
    #expect("\(ShellCommand("sfumato", argument))" == "sfumato \(quoted)")
  }

  @Test func aFailedSaveLeavesTheFolderAsItWas() throws {
    let folder = try run.folder([1, 2])
    // `latest` cannot be replaced by a file where it is a folder.
    try FileManager.default.removeItem(atPath: run.path + "/latest")
    try run.write("x", to: "latest/inside")
    for step in [2, 3] {
      #expect(throws: CheckpointError.self) { try folder.save(RunScratch.checkpoint(step), metadata: ["again": ""], keep: 1) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: run.path + "/checkpoints").sorted() == ["000000001", "000000002"])
    #expect(try Safetensors.read(run.path + "/checkpoints/000000002/model.safetensors").metadata == ["step": "2"])
  }
}

@Suite("The log of a run") struct RunLogTests {
  let run: RunScratch
  init() throws { run = try RunScratch() }

  private func cut(_ log: String, to step: Int) throws -> String {
    let folder = try run.folder([])
    try run.write(log, to: "log.jsonl")
    try folder.cutLog(to: step)
    return try run.text("log.jsonl")
  }

  @Test(arguments: [(0, ""), (9, ""), (10, "a"), (19, "a"), (20, "ab"), (99, "abc")]) func isCutBackToTheStep(step: Int, kept: String)
    throws
  {
    let lines: [Character: String] = ["a": "{\"step\":10,\"loss\":1}\n", "b": "{\"step\":20}\n", "c": "{\"step\":30}\n"]
    #expect(try cut("abc".map { lines[$0]! }.joined(), to: step) == kept.map { lines[$0]! }.joined())
  }

  @Test(arguments: ["{\"step\":2", "{\"step\":2}", "{\"st\n", "\0\0\0\0\n", "{\"step\":9}\n{\"step\":1}\n{", "\n\n"])
  func losesWhatIsNoWholeLineAtItsEnd(end: String) throws {
    let kept = end.contains("{\"step\":1}\n") ? "{\"step\":1}\n{\"step\":9}\n{\"step\":1}\n" : "{\"step\":1}\n"
    #expect(try cut("{\"step\":1}\n" + end, to: 5) == kept)
  }

  @Test func thatIsNotThereIsNotMade() throws {
    let folder = try run.folder([])
    try folder.cutLog(to: 5)
    #expect(!run.exists("log.jsonl"))
  }
}
