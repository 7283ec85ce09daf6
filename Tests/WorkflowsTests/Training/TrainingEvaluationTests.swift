import Checkpoints
import Failures
import Foundation
import TestSupport
import Testing

@testable import Training
@testable import Workflows

@Suite("Judging while training") struct TrainingEvaluationTests {
  let folder: ScratchFolder
  let recipe: String

  init() throws {
    folder = try ScratchFolder()
    recipe = try folder.write(Tiny.recipe + "evaluation: { images: 12, steps: 2 }\n", to: "tiny.yaml")
  }

  private func begin(_ set: [String] = [], _ name: String = "run") throws -> TrainingJob {
    let every = ["training.checkpoint_every=8", "training.precision=float32"]
    return try TrainingJob(recipe: recipe, set: every + set, folder: "\(folder.path)/\(name)")
  }

  @discardableResult private func finish(_ job: TrainingJob) throws -> TrainingJob {
    while try job.next() != nil {}
    return job
  }

  private func judged(_ job: TrainingJob) -> [EvaluationLogLine] { RunLog(path: job.folder.logPath).evaluations }

  private func weights(_ job: TrainingJob) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(job.folder.latestCheckpointPath())/model.safetensors"))
  }

  // MARK: What is judged and kept

  @Test func everyCheckpointIsJudgedAndTheBestOneStays() throws {
    let job = try finish(begin(["training.keep_checkpoints=1"])), lines = judged(job)
    #expect(lines.map(\.step) == [2, 4, 6] && lines.map(\.images) == [8, 16, 24])
    #expect(lines.allSatisfy { $0.frechetDistance > 0 && $0.evaluatedImages == 12 && $0.classAccuracy == nil })
    let best = try #require(lines.min { $0.frechetDistance < $1.frechetDistance })
    #expect(job.bestEvaluation == best && job.lastEvaluation == lines.last && job.folder.bestStep == best.step)
    // One that was the best when the last was written goes with the next.
    let kept = Set(job.folder.checkpointNames.compactMap { Int($0) })
    #expect(kept.isSuperset(of: [best.step, 6]) && kept.count <= 2)
    let place = try ModelLocator.locate("\(job.folder.path)/best")
    #expect(place == .checkpoint("\(job.folder.path)/checkpoints/\(String(format: "%09d", best.step))"))
    let status = try RunWatch(job.folder.path).status
    #expect(status.lastEvaluation == lines.last && status.bestCheckpoint == place.path.parentFolder)
  }

  @Test func theBestOneStaysThoughLaterOnesAreWorse() throws {
    let job = try finish(begin(["training.keep_checkpoints=1", "training.duration=8"]))
    let first = try #require(job.bestEvaluation)
    // The line that the log has is taken for what it says: no later checkpoint comes near it.
    let text = try String(contentsOfFile: job.folder.logPath, encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first { $0.contains("frechet_distance") })
    let better = line.replacing(#/"frechet_distance":[0-9.e+-]+/#, with: #""frechet_distance":1e-9"#)
    try text.replacing(line, with: better).write(toFile: job.folder.logPath, atomically: true, encoding: .utf8)
    let resumed = try finish(TrainingJob(resuming: job.folder.path, set: ["training.duration=24"]))
    #expect(judged(resumed).map(\.step) == [2, 4, 6] && resumed.bestEvaluation?.step == first.step)
    #expect(resumed.folder.checkpointNames.compactMap { Int($0) } == [2, 6])
    let older = try TrainingJob(resuming: TrainingPlan(resuming: job.folder.path, checkpoint: "best"))
    #expect(older.position.step == 2)
  }

  @Test func judgingChangesNothingOfTheTraining() throws {
    let judged = try finish(begin()), plain = try finish(begin(["evaluation=null"], "plain"))
    #expect(try weights(judged) == weights(plain))
    #expect(plain.lastEvaluation == nil && plain.folder.bestStep == nil)
  }

  @Test func aResumedRunHasTheLinesOfOneThatWasNotInterrupted() throws {
    let whole = try judged(finish(begin([], "whole")))
    // Interrupted after a step without a checkpoint, and after a checkpoint that was not judged yet.
    let job = try begin()
    for _ in 0..<3 { _ = try job.next() }
    try job.save()
    #expect(try judged(finish(TrainingJob(resuming: job.folder.path))) == whole)
    let text = try String(contentsOfFile: job.folder.logPath, encoding: .utf8)
    let last = try #require(text.split(separator: "\n").last { $0.contains("frechet_distance") })
    try text.replacing(last + "\n", with: "").write(toFile: job.folder.logPath, atomically: true, encoding: .utf8)
    #expect(try judged(finish(TrainingJob(resuming: job.folder.path))) == whole, "what is missing is judged again, to the same figures")
  }

  @Test func figuresOfOtherSettingsAreNotCompared() throws {
    let job = try finish(begin(["training.duration=16"])), before = judged(job)
    let resumed = try finish(TrainingJob(resuming: job.folder.path, set: ["training.duration=24", "evaluation.images=16"]))
    let lines = judged(resumed)
    #expect(lines.count > before.count && lines.last?.evaluatedImages == 16)
    #expect(Set(lines.map(\.settings)).count == 2 && resumed.bestEvaluation?.settings == lines.last?.settings)
  }

  @Test func aClassifierGivesAccuracyByWhichTheBestIsChosen() throws {
    let classes = #"[\#((0...9).map { "\"\($0)\"" }.joined(separator: ", "))]"#
    let classifier = try Tiny.classifier(set: ["data.class_names=\(classes)", "classifier.num_classes=10"])
    let path = folder.path + "/classifier.safetensors"
    try Tiny.write(classifier, to: path)
    let job = try finish(begin(["evaluation.features=\(path)", "evaluation.best=class_accuracy", "training.duration=16"]))
    let accuracies = judged(job).map { $0.classAccuracy ?? -1 }
    #expect(accuracies.count == 2 && accuracies.allSatisfy { (0...1).contains($0) })
    #expect(job.bestEvaluation?.step == (accuracies[1] > accuracies[0] ? 4 : 2))
    let report = try String(contentsOfFile: "\(job.folder.path)/report.html", encoding: .utf8)
    #expect(report.contains("Frechet distance of samples") && report.contains("Class accuracy of samples"))
    #expect(job.folder.path.isEmpty == false && RunLog(path: job.folder.logPath).lines.isEmpty == false)
  }

  // MARK: What is refused

  @Test(arguments: [
    ("evaluation.images=5", "expected 10 to 1000000"), ("evaluation.steps=0", "expected 1 or more"),
    ("evaluation.best=loss", "expected"), ("evaluation.best=class_accuracy", "needs classes and a classifier of them"),
    ("evaluation.steps=2000", "2000"), ("evaluation.reference=nowhere", "nowhere"), ("data.count=9", "too few to judge"),
    ("evaluation.features=nowhere.safetensors", "nowhere.safetensors"),
  ])
  func whatDoesNotFitIsRefusedBeforeTraining(setting: String, words: String) throws {
    let error = #expect(throws: (any Error).self) { _ = try begin([setting]) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(words), "\(String(describing: error))")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"), "nothing is begun")
  }

  @Test func recipesThatSampleNothingFromNoiseHaveNoSuchSection() throws {
    let error = #expect(throws: (any Error).self) {
      _ = try TrainRecipe(yaml: "classifier: { type: encoder_classifier }\nevaluation: { images: 100 }\n")
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("evaluation"), "\(String(describing: error))")
  }

  // MARK: The file `best`

  @Test func aRunWithoutABestCheckpointSaysWhatNamesOne() throws {
    let job = try finish(begin(["evaluation=null", "training.duration=8"]))
    for action in [
      { _ = try ModelLocator.locate("\(job.folder.path)/best") },
      { _ = try TrainingJob(resuming: TrainingPlan(resuming: job.folder.path, checkpoint: "best")) },
    ] {
      let error = #expect(throws: (any Error).self) { try action() }
      #expect("\(error.map { "\($0)" } ?? "")".contains("evaluation"), "\(String(describing: error))")
    }
  }

  @Test(arguments: ["../../secret", "", "4", "000000004\u{0}", String(repeating: "9", count: 100)])
  func aFileThatNamesNoCheckpointIsNotFollowed(text: String) throws {
    let job = try finish(begin(["training.duration=8"]))
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(job.folder.path)/best"))
    #expect(throws: (any Error).self) { try ModelLocator.locate("\(job.folder.path)/best") }
    // The next session finds it again by the log.
    #expect(try TrainingJob(resuming: job.folder.path).folder.bestStep == 2)
  }
}
