import Checkpoints
import Failures
import Foundation
import Tensors
import TestSupport
import Testing
import Training

@testable import Workflows

/// Each process is a thread here, with the same sockets between them.
@Suite("Training by several processes", .enabled(if: ProcessGroup.isSupported)) struct ProcessTrainingTests {
  let scratch: ScratchFolder
  let recipe: String

  init() throws {
    scratch = try ScratchFolder()
    recipe = "\(scratch.path)/tiny.yaml"
    try Tiny.recipe.write(toFile: recipe, atomically: true, encoding: .utf8)
  }

  /// All that is random or depends on the position, but dropout, which has other numbers in each process.
  private static let everything = [
    "training.batch_size=6", "training.decay=cosine", "training.class_dropout=0.3", "training.optimizer.weight_decay=0.01",
    "training.timestep_sampling=loss_second_moment", "training.averages=[{ type: power, length: 0.1 }]", "loading.validation=20",
    "training.preview_every=1000",
  ]

  /// What is left of a training in each process.
  private struct Left: Sendable {
    let steps: [TrainingStep]
    let weights: [String: [Float]]
    let optimizer: [String: [UInt8]]
    let path: String
    let position: TrainingPosition
    let validation: Double?

    init(_ job: TrainingJob, _ steps: [TrainingStep]) throws {
      self.steps = steps
      let state = job.checkpoint()
      weights = try Dictionary(uniqueKeysWithValues: state.weights.entries.map { ($0.name, try $0.tensor.floats()) })
      optimizer = try Dictionary(uniqueKeysWithValues: state.optimizer.entries.map { ($0.name, try $0.tensor.bytes()) })
      (path, position) = (job.folder.path, job.position)
      validation = job.lastLogLine?.validationLoss
    }
  }

  private func train(_ name: String, processes: Int, set: [String]) throws -> [Left] {
    let folder = "\(scratch.path)/\(name)", recipe = recipe
    return try ProcessThreads.run(processes) { group in
      try Self.finish(TrainingJob(TrainingPlan(recipe: recipe, set: set), folder: folder, in: group))
    }
  }

  private func resume(_ name: String, processes: Int, set: [String]) throws -> [Left] {
    let folder = "\(scratch.path)/\(name)"
    return try ProcessThreads.run(processes) { group in
      try Self.finish(TrainingJob(resuming: TrainingPlan(resuming: folder, set: set), in: group))
    }
  }

  private static func finish(_ job: TrainingJob) throws -> Left {
    var steps: [TrainingStep] = []
    while let step = try job.next() { steps.append(step) }
    try job.leave()
    return try Left(job, steps)
  }

  private func expectAgreement(_ a: Left, _ b: Left) throws {
    #expect(a.weights.keys == b.weights.keys)
    for (name, values) in a.weights {
      let others = try #require(b.weights[name])
      // Sums in another order, near 1e-7, which AdamW's first steps, of the rate's size whatever the gradient's, can carry to a few
      // percent of a step of 2e-4 where a gradient is nearly zero.
      let distance = zip(values, others).map { abs($0 - $1) }.max() ?? 0
      #expect(distance < 2e-5, "\(name): \(distance)")
    }
    #expect(a.steps.count == b.steps.count)
    for (x, y) in zip(a.steps, b.steps) {
      // float32 means over other groups of images.
      #expect(abs(x.loss - y.loss) < 1e-4 * abs(x.loss), "step \(x.step): \(x.loss), \(y.loss)")
      #expect(abs(x.gradientNorm - y.gradientNorm) < 1e-3 * x.gradientNorm, "step \(x.step)")
      #expect(x.learningRate == y.learningRate && x.images == y.images)
    }
  }

  @Test(arguments: [2, 3]) func givesTheParametersOfOneProcess(processes: Int) throws {
    let alone = try train("alone", processes: 1, set: Self.everything)
    let together = try train("together", processes: processes, set: Self.everything)
    try expectAgreement(alone[0], together[0])
    #expect(together.allSatisfy { $0.weights == together[0].weights && $0.optimizer == together[0].optimizer })
    #expect(together.allSatisfy { $0.path == "\(scratch.path)/together" })
    let (a, b) = (try #require(alone[0].validation), try #require(together[0].validation))
    #expect(abs(a - b) < 1e-4 * abs(a), "held-out loss \(a), \(b)")
    #expect(together[1].validation == nil, "only the first writes a log")
  }

  @Test func resumesWithAnotherNumberOfProcesses() throws {
    // Not a cosine, which would end with the shorter duration.
    let constant = Self.everything + ["training.decay=none"]
    let whole = try train("whole", processes: 1, set: constant)
    _ = try train("part", processes: 3, set: constant + ["training.duration=12"])
    let rest = try resume("part", processes: 2, set: ["training.duration=24"])
    #expect(rest.allSatisfy { $0.position.step == 4 && $0.weights == rest[0].weights && $0.optimizer == rest[0].optimizer })
    for (name, values) in whole[0].weights {
      let distance = zip(values, try #require(rest[0].weights[name])).map { abs($0 - $1) }.max() ?? 0
      #expect(distance < 2e-5, "\(name): \(distance)")
    }
  }

  @Test func aLossThatIsNotFiniteInOneProcessTakesAllBackToTheCheckpoint() throws {
    let (folder, recipe) = ("\(scratch.path)/run", recipe)
    let set = ["training.skip_limit=2", "training.checkpoint_every=8"]
    let left = try ProcessThreads.run(2) { group in
      let job = try TrainingJob(TrainingPlan(recipe: recipe, set: set), folder: folder, in: group)
      for _ in 0..<3 { _ = try job.next() }
      if group?.rank == 1 { for (_, parameter) in job.trainer.parameters { try parameter.assign(.full(.nan, parameter.shape)) } }
      return try Self.finish(job)
    }
    #expect(left.allSatisfy { $0.position.rollbacks == 1 && $0.position.step == 6 && $0.steps.map(\.step) == [4, 3, 4, 5, 6] })
    #expect(left[0].weights == left[1].weights && left[0].optimizer == left[1].optimizer)
  }

  @Test func moreProcessesThanImagesAreRefused() throws {
    #expect { try train("run", processes: 3, set: ["training.batch_size=2"]) } throws: { error in
      Failure(of: error) == .usage && "\(error)".contains("training.batch_size is 2, and 3 processes train")
    }
  }

  @Test func aProcessWithAnotherRecipeIsRefused() throws {
    let (folder, recipe) = ("\(scratch.path)/run", recipe)
    let results = try ProcessThreads.results(2, timeout: 20) { group in
      let set = ["training.ema_rate=0.\(8 + group.rank)"]
      do { _ = try TrainingJob(TrainingPlan(recipe: recipe, set: set), folder: folder, in: group) } catch {
        group.fail(with: error)
        throw error
      }
    }
    for result in results {
      #expect { try result.get() } throws: { "\($0)".contains("process 1") && "\($0)".contains("ema_rate: 0.9") }
    }
    #expect(!FileManager.default.fileExists(atPath: folder))
  }
}
