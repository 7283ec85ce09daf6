import Failures
import Foundation
import Models
import RecipeKit
import Tensors
import Testing

@testable import Training
@testable import Workflows

@Suite("Long trainings") struct LongTrainingTests {
  let folder: ScratchFolder
  let recipe: String

  init() throws {
    folder = try ScratchFolder()
    recipe = try folder.write(Tiny.recipe, to: "tiny.yaml")
  }

  private func begin(_ name: String = "run", _ set: [String] = []) throws -> TrainingJob {
    try TrainingJob(recipe: recipe, set: ["training.precision=float32"] + set, folder: "\(folder.path)/\(name)")
  }

  private func finish(_ job: TrainingJob) throws { while try job.next() != nil {} }

  private func content(_ state: StateDict) throws -> [String: [UInt8]] {
    try Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, try $0.tensor.bytes()) })
  }

  private func distance(_ a: TrainingJob, _ b: TrainingJob) throws -> Double {
    let (a, b) = (a.trainer.weights(), b.trainer.weights())
    return try a.entries.reduce(0) { try max($0, ($1.tensor - b[$1.name]!).abs().max().item()) }
  }

  private func checkpoints(_ name: String) -> [String] { (try? RunFolder(existing: "\(folder.path)/\(name)").checkpointNames) ?? [] }

  // MARK: Microbatches

  /// Recomputation of activations and bfloat16 work on parts as on a whole. Rounding of bfloat16 is 2^-8, and of AdamW's first steps
  /// every sign counts; both are far below the movement of 6 steps at the rate 2e-4.
  @Test(arguments: [("float32", 2e-5), ("bfloat16", 6e-4)]) func microbatchesGiveTheResultOfWholeBatches(
    precision: String, tolerance: Double
  ) throws {
    let set = [
      "training.precision=\(precision)", "network.use_checkpoint=true", "training.warmup_images=0", "training.optimizer.eps=1e-4",
      "training.gradient_clip=0.5",
    ]
    let whole = try begin("whole", set), parts = try begin("parts", set + ["training.microbatch=3"])
    let other = try begin("other", set + ["training.seed=1"])
    for job in [whole, parts, other] { try finish(job) }
    #expect(try distance(whole, parts) < tolerance)
    #expect(try distance(whole, other) > 2 * tolerance)
    #expect(parts.lastLogLine?.gradientNoiseScale ?? 1 > 0 && whole.lastLogLine?.gradientNoiseScale == nil)
  }

  @Test func aValidationInMicrobatchesIsThatOfWholeBatches() throws {
    let set = ["loading.validation=0.1", "training.duration=4"]
    let whole = try begin("whole", set), parts = try begin("parts", set + ["training.microbatch=3"])
    for job in [whole, parts] { try finish(job) }
    let a = try #require(whole.lastLogLine?.validationLoss), b = try #require(parts.lastLogLine?.validationLoss)
    #expect(abs(a - b) < 1e-5 * a)
    #expect(whole.lastLogLine?.validationQuartiles.compactMap { $0 }.count == 4)
  }

  // MARK: Learning rates

  @Test func aPlateauResumesBitExactly() throws {
    // Nothing is an improvement by 99%, so that every second validation reduces the rate; one is due at each checkpoint.
    let set = [
      "training.decay={ type: plateau, patience: 2, threshold: 0.99, factor: 0.1 }", "loading.validation=0.1",
      "training.checkpoint_every=4", "training.duration=40", "training.warmup_images=0",
      "training.averages=[{ type: rate, rate: 0.5 }, power]", "training.snapshot_every=8",
    ]
    let whole = try begin("whole", set)
    try finish(whole)
    #expect(whole.position.validation.plateau.reductions >= 3)
    // The checkpoint of a step is written before its validation, as if the program had been killed in between.
    for step in [3, 6] {
      let half = try begin("half\(step)", set)
      for _ in 0..<step { _ = try half.next() }
      let rest = try TrainingJob(resuming: half.folder.path)
      #expect(rest.position.step == step && rest.position.validation.isDue)
      try finish(rest)
      let first = try whole.folder.latestCheckpoint(), second = try rest.folder.latestCheckpoint()
      #expect(try content(first.weights) == content(second.weights))
      #expect(try content(first.averages) == content(second.averages))
      #expect(first.position.validation == second.position.validation)
    }
  }

  @Test func stopsEarlyAndKeepsTheBestCheckpoint() throws {
    let set = [
      "training.early_stopping={ patience: 3, threshold: 0.99 }", "loading.validation=0.1", "training.checkpoint_every=4",
      "training.duration=400", "training.keep_checkpoints=1",
    ]
    let job = try begin("run", set)
    try finish(job)
    #expect(job.isStoppedEarly && job.position.step == 4 && job.position.validation.progress.bestStep == 1)
    #expect(checkpoints("run") == ["000000001", "000000004"])
    #expect(try RunWatch(job.folder.path).status.state == .finished)
    #expect(try TrainingJob(resuming: job.folder.path).next() == nil)
  }

  @Test(arguments: ["training.decay=plateau", "training.early_stopping={ patience: 2 }"])
  func whatDependsOnHeldOutImagesNeedsSome(setting: String) throws {
    let error = #expect(throws: RecipeError.self) { try begin("run", [setting]) }
    #expect(error?.description.contains("expected loading.validation above 0") == true)
  }

  @Test func eachNthCheckpointStays() throws {
    try finish(begin("run", ["training.checkpoint_every=4", "training.keep_every=2", "training.keep_checkpoints=1"]))
    #expect(checkpoints("run") == ["000000002", "000000004", "000000006"])
  }

  // MARK: Going back

  private static let cautious = [
    "training.checkpoint_every=8", "training.skip_limit=3", "training.duration=40", "training.log_every=4", "training.warmup_images=0",
  ]

  /// Makes every later loss of a job not finite, until it goes back.
  private func poison(_ job: TrainingJob) throws {
    let (_, parameter) = try #require(job.trainer.parameters.first)
    try parameter.assign(.full(.nan, like: parameter.value))
  }

  /// A job after it has diverged at step 5 and gone back to step 4.
  private func divergedOnce(_ name: String) throws -> TrainingJob {
    let job = try begin(name, Self.cautious)
    for _ in 0..<5 { _ = try job.next() }
    try poison(job)
    for _ in 0..<2 { #expect(try job.next()?.gradientNorm.isFinite == false) }
    #expect(try job.next()?.step == 5 && job.position.rollbacks == 1)
    return job
  }

  @Test func goesBackToTheLastGoodCheckpointWithHalfTheRate() throws {
    let job = try divergedOnce("run")
    #expect(job.trainer.learningRate == 1e-4)
    #expect(
      job.warnings.first?.hasPrefix("diverged at step 8: back to the checkpoint of step 4 with half the learning rate, 0.0001") == true)
    try finish(job)
    #expect(job.position.step == 10 && job.position.rollbacks == 1)
    let log = try String(contentsOfFile: job.folder.logPath, encoding: .utf8).split(separator: "\n")
    #expect(log.contains { $0.contains("\"rollback\":1") && $0.contains("\"diverged_at_step\":8") })
    let steps = log.compactMap { try? JSONDecoder().decode(TrainingLogLine.self, from: Data($0.utf8)).step }
    #expect(steps == Array(1...10), "the steps that diverged are cut off")
  }

  @Test func havingGoneBackItResumesBitExactly() throws {
    let whole = try divergedOnce("whole")
    try finish(whole)
    // As if the program had been killed right after.
    let rest = try TrainingJob(resuming: divergedOnce("half").folder.path)
    #expect(rest.position.step == 4 && rest.position.rollbacks == 1)
    try finish(rest)
    #expect(try content(whole.trainer.weights()) == content(rest.trainer.weights()))
    let plain = try begin("plain", Self.cautious)
    try finish(plain)
    #expect(try content(plain.trainer.weights()) != content(rest.trainer.weights()))
  }

  @Test func stopsAfterSoManyAttemptsAndNamesTheCheckpoint() throws {
    // A rate at which the first step overflows, also when it is halved.
    let set = ["training.skip_limit=2", "training.rollbacks=2", "training.learning_rate=1e30", "training.warmup_images=0"]
    let job = try begin("run", set + ["training.duration=400"])
    let error = refusal { try finish(job) }
    #expect(job.position.rollbacks == 2 && job.warnings.count == 2)
    #expect(error?.failure == .data)
    #expect(error?.description.contains("not finite for 2 steps in a row") == true)
    #expect(error?.description.hasSuffix("sfumato resume \(folder.path)/run --set training.learning_rate=1.25e+29") == true)
    #expect(try job.folder.latestCheckpoint().position.step == 0)
    let report = try String(contentsOfFile: "\(job.folder.path)/report.html", encoding: .utf8)
    #expect(report.contains("back to the checkpoint of step 0 with half the learning rate, 2.5e+29 (attempt 2)"))
    // The rate that the message names is taken as it is.
    let resumed = try TrainingJob(resuming: job.folder.path, set: ["training.learning_rate=1e-4"])
    #expect(resumed.position.rollbacks == 0 && resumed.trainer.learningRate == 1e-4)
  }

  @Test func theAdvisedRateIsOneThatTheLastGoodCheckpointWasMadeWith() throws {
    let good = try begin("run", Self.cautious + ["training.duration=16"])
    try finish(good)
    let job = try TrainingJob(
      resuming: good.folder.path,
      set: ["training.duration=400", "training.skip_limit=2", "training.rollbacks=2", "training.learning_rate=1e30"])
    let error = refusal { try finish(job) }
    // The good steps were made with 2e-4, whatever rates diverged from there.
    #expect(error?.description.hasSuffix("sfumato resume \(folder.path)/run --set training.learning_rate=0.0001") == true, "\(error!)")
    let advised = try TrainingJob(resuming: good.folder.path, set: ["training.learning_rate=0.0001", "training.duration=24"])
    try finish(advised)
    #expect(advised.position.step == 6 && advised.position.rollbacks == 0)
  }

  // MARK: Averages

  @Test func anAverageOfAnyLengthIsMadeAfterTheTraining() throws {
    let set = [
      "training.averages=[{ type: rate, rate: 0.9 }, { type: power, length: 0.05 }, { type: power, length: 0.1 }]",
      "training.snapshot_every=20", "training.duration=400", "training.warmup_images=0",
    ]
    let job = try begin(
      "run",
      set + [
        "training.averages=[{ type: rate, rate: 0.9 }, { type: power, length: 0.05 }, "
          + "{ type: power, length: 0.1 }, { type: power, length: 0.15 }]"
      ])
    try finish(job)
    let exact = FurtherAverages.part("power=0.15", of: job.trainer.update.further.stateDict())
    // Without the one that is to be made.
    let run = try begin("less", set)
    try finish(run)
    let path = "\(folder.path)/average.safetensors"
    let result = try AverageReconstruction(run: run.folder.path, .length(0.15)).write(to: path)
    #expect(result.step == 100 && result.snapshots == 20 && result.error < 0.1)
    let made = try Model(path).network.stateDict(), live = run.trainer.weights()
    func largest(_ a: StateDict, _ b: StateDict) throws -> Double {
      try a.entries.reduce(0) { try max($0, ($1.tensor - b[$1.name]!).abs().max().item()) }
    }
    #expect(try largest(made, exact) < 0.05 * largest(live, exact))
    let kept = try AverageReconstruction(run: run.folder.path, .rate(0.9)).write(to: path)
    #expect(kept.error == 0)
    #expect(
      try content(Model(path).network.stateDict())
        == content(FurtherAverages.part("rate=0.9", of: run.trainer.update.further.stateDict())))
    #expect(try Model(path).provenance.step == 100)
  }

  @Test func anAverageThatCannotBeMadeIsRefusedWithWhatToDo() throws {
    let run = try begin().folder.path, path = "\(folder.path)/average.safetensors"
    #expect(refusal { _ = try AverageReconstruction(run: run, .length(0.5)) }?.failure == .usage)
    let none = refusal { _ = try AverageReconstruction(run: run, .length(0.1)).write(to: path) }
    #expect(none?.failure == .data && none?.description.contains("training.averages: [{ type: power") == true)
    let rate = refusal { _ = try AverageReconstruction(run: run, .rate(0.99)).write(to: path) }
    #expect(rate?.description.contains("keeps no average of rate 0.99; it has none") == true)
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}
