import Diffusion
import Interop
import RecipeKit
import Tensors

/// One case: a scheduler, and a run of it in which everything is taken down that the model is asked.
struct SchedulerCase {
  let name: String, steps: Int
  let scheduler: DiffusersScheduler
  let arguments: DiffusersScheduler.StepArguments
  private let item: JSON
  private let manifest: Manifest

  private static let known: Set<String> = [
    "case", "scheduler_arguments", "step_arguments", "steps", "init_noise_sigma", "fragile_timesteps",
    // For information.
    "calls", "noise_seed", "noise_draws", "largest_value", "distance_to_exact_flow",
  ]

  init(_ item: JSON, kind: DiffusersScheduler.Kind, _ manifest: Manifest) throws {
    let keys = Set(item.object?.keys.map { $0 } ?? [])
    guard keys.isSubset(of: Self.known), let name = item["case"]?.string, let steps = item["steps"]?.int,
      let given = item["scheduler_arguments"]?.object, let step = item["step_arguments"]
    else { throw ReferenceError("the case \(item) is not understood") }
    self.name = name
    self.steps = steps
    self.item = item
    self.manifest = manifest
    let json = JSON.object(given.merging(["_class_name": .string(kind.rawValue)]) { $1 })
    do throws(RecipeError) {
      scheduler = try DiffusersScheduler(json: "\(json)", file: manifest.name)
      arguments = try DiffusersScheduler.StepArguments(yaml: "\(step)", file: manifest.name)
    } catch { throw ReferenceError("\(name): \(error)") }
  }

  /// Euler's and Heun's samples are those of α = 1.
  private var isInSigmaSpace: Bool { [.euler, .eulerAncestral, .heun].contains(scheduler.kind) }

  func reproduce(_ model: SchedulerModel, into reproduction: inout Reproduction) throws {
    let diffusion = try scheduler.process.makeDiffusion(), process = diffusion.process
    let levels = try visitedLevels(in: process)
    let log = QuestionLog(), recorded = try manifest.tensor("\(name)/trajectory")
    guard let scale = item["init_noise_sigma"]?.number else { throw ReferenceError("\(name): no init_noise_sigma") }
    let start = (scheduler.startDeviation(of: levels) / scale) * recorded.select(0, 0)
    let network = model.network(scheduler, in: process)
    let denoiser = QuestionedDenoiser(base: scheduler.denoiser(arguments, in: diffusion, network: network), log: log)
    let run = SamplingRun(
      try scheduler.sampler(arguments, steps: steps, in: process), denoiser: denoiser, levels: levels, start: start, noise: try noise())
    let end = try run.finish()
    let visited = log.questions + [(end, levels[levels.count - 1])]
    reproduction.tensors["\(name)/trajectory"] = .stack(visited.map { isInSigmaSpace ? (1 / $1.alpha) * $0 : $0 })
    reproduction.tensors["\(name)/timesteps"] = Tensor(log.questions.map { Double(Float($0.level.timestep)) })
    if manifest.entries.contains(where: { $0.name == "\(name)/sigmas" }) {
      reproduction.tensors["\(name)/sigmas"] = Tensor(visited.map { $0.1.sigma / $0.1.alpha })
    }
  }

  /// Where rounding alone decides a timestep, the model is given the recorded one.
  private func visitedLevels(in process: DiscreteProcess) throws -> [NoiseLevel] {
    var levels = try scheduler.levels(steps: steps, in: process)
    guard item["fragile_timesteps"]?.bool == true else { return levels }
    for (index, recorded) in try manifest.tensor("\(name)/timesteps").doubles().enumerated() {
      guard levels.indices.contains(index), abs(levels[index].timestep - recorded) <= 1 else {
        throw ReferenceError("\(name): timestep \(index) is not \(recorded), nor beside it")
      }
      levels[index].timestep = recorded
    }
    return levels
  }

  private func noise() throws -> RecordedDraws {
    guard manifest.entries.contains(where: { $0.name == "\(name)/noise" }) else { return RecordedDraws(draws: []) }
    let draws = try manifest.tensor("\(name)/noise")
    return RecordedDraws(draws: (0..<draws.size(0)).map { draws.select(0, $0) })
  }
}

/// What a denoiser was asked, in order.
final class QuestionLog {
  var questions: [(x: Tensor, level: NoiseLevel)] = []
}

/// Takes down every question before it is passed on.
struct QuestionedDenoiser: Denoiser {
  let base: any Denoiser
  let log: QuestionLog
  var noiseLevelRange: NoiseLevelRange { base.noiseLevelRange }

  func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    log.questions.append((x, levels[0]))
    return base.predict(x, at: levels)
  }
}

/// Recorded noise, in the order in which it was drawn.
struct RecordedDraws: NoiseSource {
  var draws: [Tensor]

  mutating func normal(_ shape: [Int]) -> Tensor {
    guard !draws.isEmpty else {
      return Tensor(failing: TorchFault(operation: "normal", message: "more noise is asked for than was recorded"))
    }
    return draws.removeFirst()
  }
}
