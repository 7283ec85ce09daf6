import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Training

@Suite("Run folders") struct RunFolderTests {
  let scratch: ScratchFolder
  let path: String

  init() throws {
    scratch = try ScratchFolder()
    path = scratch.path + "/run"
  }

  /// A folder with checkpoints of these steps.
  private func makeRun(_ steps: [Int], keep: Int = 100) throws -> RunFolder {
    let folder = try RunFolder(creating: path)
    for step in steps { try folder.save(checkpoint(step), metadata: ["step": "\(step)"], keep: keep) }
    try folder.write(recipe: "a: 1\n")
    return folder
  }

  /// Every part holds the number of the step.
  private func checkpoint(_ step: Int) -> RunFolder.Checkpoint {
    let part = { (name: String) in StateDict([(name, Tensor.full(Double(step), [3]))]) }
    return RunFolder.Checkpoint(
      weights: part("w"), average: part("a"), optimizer: part("o"), timesteps: step < 100 ? part("t") : StateDict(),
      position: TrainingPosition(step: step, images: 4 * step, averageSteps: step, seconds: 0.5))
  }

  private func names(in folder: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
  private var checkpoints: [String] { get throws { try names(in: "\(path)/checkpoints") } }

  private func overwrite(_ file: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(file)"))
  }

  @Test func thatHoldATrainingAreNotTakenForAnother() throws {
    _ = try makeRun([1])
    let error = try #require(throws: CheckpointError.self) { try RunFolder(creating: path) }
    #expect(error.description.contains("sfumato resume \(path)"))
  }

  @Test func whoseRecipeIsGoneKeepItsCheckpoints() throws {
    _ = try makeRun([0, 1])
    try FileManager.default.removeItem(atPath: "\(path)/recipe.yaml")
    let error = #expect(throws: CheckpointError.self) { try RunFolder(creating: path) }
    #expect(error?.description.contains("recipe.yaml is missing") == true, "\(String(describing: error))")
    #expect(try checkpoints == ["000000000", "000000001"])
  }

  @Test func whoseTrainingWasKilledAsItBeganCanBeReused() throws {
    _ = try makeRun([0])
    try FileManager.default.removeItem(atPath: "\(path)/recipe.yaml")
    #expect(throws: Never.self) { try RunFolder(creating: path) }
  }

  @Test func thatNeverHadACheckpointCanBeReused() throws {
    _ = try RunFolder(creating: path)
    #expect(throws: CheckpointError.self) { try RunFolder(existing: path) }
    _ = try makeRun([1])
    #expect(try RunFolder(existing: path).latestCheckpoint().position.step == 1)
  }

  @Test func thatCannotBeMadeAreAnErrorOfTheSystem() throws {
    try Data().write(to: URL(fileURLWithPath: path))
    #expect(throws: CheckpointError.self) { try RunFolder(creating: path) }
    #expect((#expect(throws: CheckpointError.self) { try RunFolder(creating: path + "/run") })?.problem == .io)
  }

  @Test func latestIsTheCheckpointSavedLast() throws {
    let folder = try makeRun([1, 20])
    let latest = try folder.latestCheckpoint()
    #expect(latest.position == TrainingPosition(step: 20, images: 80, averageSteps: 20, seconds: 0.5))
    #expect(try latest.weights["w"]?.floats() == [20, 20, 20])
    #expect(try latest.average["a"]?.floats() == [20, 20, 20])
    #expect(try latest.optimizer["o"]?.floats() == [20, 20, 20])
    #expect(try latest.timesteps["t"]?.floats() == [20, 20, 20])
    #expect(try Safetensors.read(folder.latestModelPath()).metadata == ["step": "20"])
    #expect(
      try names(in: "\(path)/checkpoints/000000020") == [
        "model.safetensors", "optimizer.safetensors", "state.json", "timesteps.safetensors", "weights.safetensors",
      ])
  }

  @Test func timestepsThatLearnNothingHaveNoFile() throws {
    let folder = try makeRun([100])
    #expect(try folder.latestCheckpoint().timesteps.count == 0)
    #expect(try !names(in: "\(path)/checkpoints/000000100").contains("timesteps.safetensors"))
  }

  @Test func onlyTheNewestCheckpointsStay() throws {
    _ = try makeRun([1, 2, 3, 10], keep: 2)
    #expect(try checkpoints == ["000000003", "000000010"])
  }

  @Test func milestonesAndTheBestStayWhateverTheirAge() throws {
    let folder = try makeRun([])
    for step in 1...10 {
      try folder.save(checkpoint(step), metadata: [:], keep: RunFolder.Retention(newest: 2, steps: [5]) { $0 % 12 == 0 })
    }
    // Images are four times steps.
    #expect(try checkpoints == ["000000003", "000000005", "000000006", "000000009", "000000010"])
  }

  @Test func furtherAveragesAreAPartOfTheCheckpointWithAChecksum() throws {
    let folder = try makeRun([1])
    var with = checkpoint(2)
    with.averages = StateDict([("power=0.1/w", .ones([3]))])
    with.position.averageUpdates = ["power=0.1": 2]
    try folder.save(with, metadata: [:], keep: 2)
    #expect(try folder.latestCheckpoint().averages["power=0.1/w"]?.floats() == [1, 1, 1])
    #expect(try folder.checkpoint(at: "1").averages.count == 0)
    try FileManager.default.removeItem(atPath: "\(path)/checkpoints/000000002/averages.safetensors")
    #expect(throws: CheckpointError.self) { try folder.latestCheckpoint() }
  }

  @Test func snapshotsOfAveragesOfLaterStepsGoWhenATrainingGoesBack() throws {
    let folder = try makeRun([1])
    for step in [5, 10, 15] {
      try folder.writeSnapshot(StateDict([("power=0.1/w", .ones([3]))]), updates: ["power=0.1": step], step: step)
    }
    #expect(try folder.averageSnapshots().map(\.step) == [5, 10, 15])
    folder.removeSnapshots(after: 10)
    #expect(try folder.averageSnapshots().map(\.updates) == [["power=0.1": 5], ["power=0.1": 10]])
    try overwrite("averages/000000010.safetensors", "{}")
    #expect(throws: (any Error).self) { try folder.averageSnapshots() }
  }

  @Test func theCheckpointSavedLastStaysAlsoAfterGoingBack() throws {
    let folder = try makeRun([100, 200])
    try overwrite("latest", "000000100\n")
    try folder.save(checkpoint(150), metadata: [:], keep: 2)
    #expect(try checkpoints == ["000000100", "000000150"], "what came after the step resumed from is left behind")
    try folder.save(checkpoint(150), metadata: [:], keep: 1)
    #expect(try checkpoints == ["000000150"])
    #expect(try folder.latestCheckpoint().position.step == 150)
  }

  @Test func aStepSavedAgainReplacesTheEarlierOne() throws {
    let folder = try makeRun([7])
    var again = checkpoint(7)
    again.position.seconds = 9
    try folder.save(again, metadata: [:], keep: 1)
    #expect(try checkpoints == ["000000007"])
    #expect(try folder.latestCheckpoint().position.seconds == 9)
  }

  @Test func aCheckpointThatCannotBeWrittenLeavesTheEarlierOneAndNothingElse() throws {
    let folder = try makeRun([1])
    var bad = checkpoint(2)
    bad.optimizer["o"] = .full(.nan, [3])
    #expect((#expect(throws: CheckpointError.self) { try folder.save(bad, metadata: [:], keep: 1) })?.problem == .invalid)
    #expect(try checkpoints == ["000000001"])
    #expect(try folder.latestCheckpoint().position.step == 1)
  }

  static let parts = ["model.safetensors", "weights.safetensors", "optimizer.safetensors", "state.json"]

  @Test(arguments: parts) func aMissingPartOfTheCheckpointIsAnErrorThatNamesIt(part: String) throws {
    let folder = try makeRun([1])
    try FileManager.default.removeItem(atPath: "\(path)/checkpoints/000000001/\(part)")
    let error = try #require(throws: CheckpointError.self) { try folder.latestCheckpoint() }
    #expect(error.problem == .missing)
    #expect(error.path.hasSuffix("000000001/\(part)"))
  }

  @Test(arguments: parts + ["timesteps.safetensors"]) func aPartOfTheCheckpointThatIsCutShortIsAnErrorThatNamesIt(part: String) throws {
    let folder = try makeRun([1])
    let file = "\(path)/checkpoints/000000001/\(part)"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    try bytes.dropLast(5).write(to: URL(fileURLWithPath: file))
    let error = try #require(throws: (any Error).self) { try folder.latestCheckpoint() }
    #expect("\(error)".contains(file))
  }

  @Test(arguments: [
    #"{"averageSteps":0,"images":-4,"seconds":0,"step":0}"#, #"{"averageSteps":0,"images":0,"seconds":-1,"step":0}"#,
    #"{"averageSteps":0,"images":9223372036854775807,"seconds":0,"step":0}"#, #"{"step":1}"#, "[]", "",
    #"{"averageSteps":0,"images":4,"learningRate":-1,"seconds":0,"step":1}"#,
    #"{"averageSteps":0,"images":4,"isGood":3,"seconds":0,"step":1}"#,
    #"{"averageSteps":0,"images":4,"rollbacks":-1,"seconds":0,"step":1}"#,
    #"{"averageSteps":0,"averageUpdates":{"rate=0.9":-1},"images":4,"seconds":0,"step":1}"#,
    #"{"averageSteps":0,"images":4,"seconds":0,"step":1,"validation":{"isDue":false,"plateau":{"progress":{"failures":-1},"reductions":0},"progress":{"failures":0}}}"#,
  ])
  func aPositionThatNoTrainingCanHaveIsRefused(json: String) throws {
    let folder = try makeRun([1])
    try overwrite("checkpoints/000000001/state.json", json)
    #expect((#expect(throws: CheckpointError.self) { try folder.latestCheckpoint() })?.problem == .invalid)
  }

  @Test(arguments: [("", CheckpointError.Problem.invalid), ("../../elsewhere", .invalid), ("000000009", .missing)])
  func aLatestThatNamesNoCheckpointIsAnError(latest: String, kind: CheckpointError.Problem) throws {
    let folder = try makeRun([1])
    try overwrite("latest", latest)
    #expect((#expect(throws: CheckpointError.self) { try folder.latestCheckpoint() })?.problem == kind)
  }

  @Test func withoutLatestNothingIsGuessed() throws {
    let folder = try makeRun([1])
    try FileManager.default.removeItem(atPath: "\(path)/latest")
    #expect((#expect(throws: CheckpointError.self) { try folder.latestCheckpoint() })?.problem == .missing)
  }

  @Test func theLogGrowsByALineForEachEntry() throws {
    let folder = try makeRun([1])
    for entry in [["step": 1], ["step": 2]] { try folder.log(entry) }
    #expect(try String(contentsOfFile: folder.logPath, encoding: .utf8) == "{\"step\":1}\n{\"step\":2}\n")
  }
}
