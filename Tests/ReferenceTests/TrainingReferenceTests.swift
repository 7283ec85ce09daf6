import Foundation
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@testable import Diffusion
@testable import Training

/// Set 6: ten steps of training: losses, norms, rates, moments, parameters and averages.
struct TrainingReferenceSet: ReferenceSet {
  let number = 6

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    var reproduction = Reproduction()
    guard manifest.entries.contains(where: \.isWanted) else { return reproduction }
    // `hybrid_lsm.final.json` and `hybrid_lsm.ema_0.9.json` hold results of the training that `hybrid_lsm.json` describes.
    let words = manifest.name.dropLast(".json".count).split(separator: ".", maxSplits: 1).map(String.init)
    guard words.count == 2 else {
      reproduction.tensors = try TrainingReferenceRun(manifest).trained().tensors
      return reproduction
    }
    try manifest.requireMembers([])
    let run = try TrainingReferenceRun(Manifest(name: "\(words[0]).json", set: number, folder: manifest.folder)).trained()
    guard let state = words[1] == "final" ? run.weights : run.averages[words[1]] else {
      throw ReferenceError("\(manifest.name): the result '\(words[1])' is not understood")
    }
    for (name, tensor) in state.entries { reproduction.tensors[name] = tensor }
    return reproduction
  }
}

/// The training of a manifest, with its recorded batches, timesteps and noise.
final class TrainingReferenceRun {
  private let manifest: Manifest
  private let network: ADMUNet
  private let initial: StateDict
  private let loss: DenoisingLoss
  private let recipe: TrainingRecipe, microbatch: Int, steps: Int
  /// improved-diffusion lowers the rate before a step, guided-diffusion after it.
  private let isRateLate: Bool
  private let update: ParameterUpdate
  private var sampler: LossSecondMomentSampler?

  private(set) var tensors: [String: Tensor] = [:]
  private(set) var averages: [String: StateDict] = [:]
  var weights: StateDict { network.stateDict() }

  init(_ manifest: Manifest) throws {
    self.manifest = manifest
    try manifest.requireMembers([
      "initial_weights", "parameters", "lr_after_last_step", "logged", "tolerance_of_logged", "elements_driven_by_rounding",
      "largest_movement_of_a_parameter", "largest_parameter_atol", "files",
    ])
    let config = TrainingReferenceConfig(manifest)
    network = try config.network()
    guard let file = manifest.members["initial_weights"]?.string else { throw ReferenceError("\(manifest.name): no initial weights") }
    initial = try manifest.stateDict(file)
    try network.load(initial)
    loss = try config.loss()
    recipe = try config.recipe()
    (microbatch, steps, isRateLate) = (recipe.microbatch!, try config.int("steps"), config.isGuidedDiffusion)
    let parameters = network.namedParameters()
    guard parameters.map(\.name) == manifest.members["parameters"]?.array?.compactMap(\.string) else {
      throw ReferenceError("\(manifest.name): the parameters' names or their order differ")
    }
    update = ParameterUpdate(parameters, recipe)
    sampler = try config.sampler(steps: loss.process.steps)
  }

  func trained() throws -> TrainingReferenceRun {
    var rows: [String: [Double]] = [:]
    for step in 0..<steps {
      // The reference adds up the means of microbatches, ours takes the mean over the batch.
      let parts = Double(recipe.batchSize / microbatch)
      let rate = recipe.learningRate(afterImages: 0, progress: Double(isRateLate ? max(0, step - 1) : step) / Double(steps))
      rows["param_norm", default: []].append(try norm(network.stateDict().entries.map(\.tensor)))
      let outcome = try update.run(
        StepLoss(of: recipe.batchSize) { part in try self.mean(of: part, at: step, &rows) * parts }, learningRate: rate)
      rows["lr", default: []].append(rate)
      rows["grad_norm", default: []].append(outcome.gradientNorm)
      try checkLog(step, loss: outcome.loss / parts, rows)
    }
    try collect(rows)
    return self
  }

  private func mean(of part: Range<Int>, at step: Int, _ rows: inout [String: [Double]]) throws -> Tensor {
    func recorded(_ name: String) throws -> Tensor { try manifest.tensor(name).select(0, step).slice(0, part) }
    let timesteps = try recorded("t").ints()
    let terms = loss(try recorded("batches"), at: timesteps, noise: try recorded("noise")) { [network] x, t in
      network.trace(x, timesteps: t, conditioning: .none, mode: .inference) { _, _ in }
    }
    let losses = try terms.perImage.detach().doubles()
    rows["loss", default: []] += losses
    rows["mse", default: []] += try terms.error?.detach().doubles() ?? []
    rows["vb", default: []] += try terms.variational.map { try (terms.boundWeight * $0).detach().doubles() } ?? []
    sampler?.learn(from: losses, at: timesteps)
    if let sampler { rows["sampler_p", default: []] += sampler.probabilities }
    return (terms.perImage * (try recorded("weights"))).mean()
  }

  private func norm(_ tensors: [Tensor]) throws -> Double {
    try tensors.reduce(0.0) { sum, tensor in
      let norm = try tensor.to(.float64).norm().item()
      return sum + norm * norm
    }.squareRoot()
  }

  /// Holds what the reference's logger held after a step against ours: weighted losses and norms.
  private func checkLog(_ step: Int, loss: Double, _ rows: [String: [Double]]) throws {
    guard let logged = manifest.members["logged"]?.array?[step], let tolerance = manifest.members["tolerance_of_logged"],
      let atol = tolerance["atol"]?.number, let rtol = tolerance["rtol"]?.number
    else { throw ReferenceError("\(manifest.name): what was logged is not understood") }
    for (name, got) in [("loss", loss), ("grad_norm", rows["grad_norm"]!.last!), ("param_norm", rows["param_norm"]!.last!)] {
      guard let want = logged[name]?.number ?? (name == "param_norm" ? got : nil), abs(got - want) <= atol + rtol * abs(want) else {
        throw ReferenceError("\(manifest.name): after step \(step) \(name) is \(got), logged was \(logged[name] ?? .null)")
      }
    }
  }

  private func collect(_ rows: [String: [Double]]) throws {
    let names = network.namedParameters().map(\.name), moments = update.optimizer.stateDict(), trained = weights
    func norms(_ tensor: (String) throws -> Tensor) throws -> Tensor {
      Tensor(try names.map { try tensor($0).to(.float64).norm().item() })
    }
    for entry in manifest.entries where entry.isWanted {
      switch entry.name {
      case "exp_avg_norm": tensors[entry.name] = try norms { moments["first.\($0)"]! }
      case "exp_avg_sq_norm": tensors[entry.name] = try norms { moments["second.\($0)"]! }
      case "movement_norm": tensors[entry.name] = try norms { try movement(of: $0, trained) }
      default: tensors[entry.name] = try rows[entry.name].map { try Tensor($0, entry.shape).validated() }
      }
    }
    for average in update.further.averages {
      guard let profile = average.profile as? ExponentialProfile else { continue }
      averages["ema_\(profile.rate)"] = average.stateDict()
    }
  }

  /// Without the elements whose gradient is rounding.
  private func movement(of name: String, _ trained: StateDict) throws -> Tensor {
    let indices = manifest.members["elements_driven_by_rounding"]?["flat_indices"]?[name]?.ints ?? []
    var values = try (trained[name]!.to(.float64) - initial[name]!.to(.float64)).doubles()
    for index in indices { values[index] = 0 }
    return Tensor(values)
  }
}

/// What the configuration of a manifest says, as ours; everything in it must be understood.
struct TrainingReferenceConfig {
  let manifest: Manifest
  init(_ manifest: Manifest) { self.manifest = manifest }

  var isGuidedDiffusion: Bool { manifest.kind?.hasPrefix("openai/guided-diffusion") ?? false }

  func int(_ key: String) throws -> Int {
    guard let value = manifest.config[key]?.int else { throw ReferenceError("\(manifest.name): \(key) is not understood") }
    return value
  }

  func network() throws -> ADMUNet {
    guard let arguments = manifest.config["network"]?["arguments"]?.object,
      manifest.config["network"]?["class"]?.string == "models.diffusion.unet_diffusion.UNetModel (DL-Art-School)"
    else { throw ReferenceError("\(manifest.name): the network is not understood") }
    return try ADMUNet(ReferenceNetwork.admRecipe(arguments, .dlas, of: manifest), using: Initializer(Generator(seed: 0)))
  }

  func loss() throws -> DenoisingLoss {
    guard manifest.config["model_var_type"]?.string == "LEARNED_RANGE", let process = manifest.config["process"]?.object,
      Set(process.keys) == ["steps", "schedule", "respacing", "rescale_timesteps"], let steps = process["steps"]?.int,
      let schedule = process["schedule"]?.string, let rescales = process["rescale_timesteps"]?.bool
    else { throw ReferenceError("\(manifest.name): the process or the variance is not understood") }
    let counts = process["respacing"]?.ints ?? process["respacing"]?.string.flatMap { Int($0).map { [$0] } }
    guard let counts else { throw ReferenceError("\(manifest.name): the respacing is not understood") }
    let whole = try DiscreteProcess.referenced(schedule: schedule, steps: steps)
    let respaced = try DiscreteProcess(betas: whole.betas, rescaleTimesteps: rescales).respaced(.sections(counts))
    let objective: any LossObjective
    switch manifest.config["loss_type"]?.string {
    case "MSE": objective = SquaredError()
    case "RESCALED_MSE": objective = RescaledMSE()
    default: throw ReferenceError("\(manifest.name): the loss is not understood")
    }
    return DenoisingLoss(respaced, .epsilon, variance: .learnedRange, objective: objective)
  }

  func recipe() throws -> TrainingRecipe {
    guard let optimizer = manifest.config["optimizer"]?.object,
      Set(optimizer.keys) == ["class", "lr", "weight_decay", "betas", "eps"], optimizer["class"]?.string == "torch.optim.AdamW",
      let betas = optimizer["betas"]?.numbers, betas.count == 2, let rate = optimizer["lr"]?.number,
      let rates = manifest.config["ema_rate"]?.string?.split(separator: ",").map({ "{ type: rate, rate: \($0), warmup: false }" })
    else { throw ReferenceError("\(manifest.name): optimizer or averages are not understood") }
    let isAnnealed = try int("lr_anneal_steps") > 0
    guard try !isAnnealed || int("lr_anneal_steps") == int("steps") else { throw ReferenceError("\(manifest.name): the annealing") }
    var recipe = try TrainingRecipe(
      yaml: """
        optimizer: { type: adamw, beta1: \(betas[0]), beta2: \(betas[1]), eps: \(optimizer["eps"] ?? .null), weight_decay: \
        \(optimizer["weight_decay"] ?? .null) }
        averages: [\(rates.joined(separator: ", "))]
        decay: \(isAnnealed ? "linear" : "none")
        """)
    (recipe.batchSize, recipe.microbatch, recipe.learningRate) = (try int("batch"), try int("microbatch"), rate)
    (recipe.warmupImages, recipe.gradientClip) = (0, 0)
    return recipe
  }

  /// Filled with the recorded losses.
  func sampler(steps: Int) throws -> LossSecondMomentSampler? {
    switch manifest.config["schedule_sampler"]?.string {
    case "uniform": return nil
    case "loss-second-moment":
      var sampler = LossSecondMomentSampler(steps: steps, historyPerTerm: 10, uniformProbability: 0.001)
      let history = try manifest.tensor("sampler_history")
      for round in 0..<history.size(0) { sampler.learn(from: try history.select(0, round).doubles(), at: Array(0..<steps)) }
      return sampler
    default: throw ReferenceError("\(manifest.name): the schedule sampler is not understood")
    }
  }
}

@Suite("Reference training (set 6)") struct ReferenceTrainingTests {
  @Test func everyLossNormParameterAndAverageIsReproduced() throws { try Examination.check(TrainingReferenceSet()) }
}
