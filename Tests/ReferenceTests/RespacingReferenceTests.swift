import Foundation
import Tensors
import Testing

@testable import Diffusion

/// Set 2: the steps that respaced processes keep, their tables, the timesteps that the network is given, and what must be refused.
struct RespacingReferenceSet: ReferenceSet {
  let number = 2

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["cases", "error_cases"])
    guard manifest.config.isEmpty else { throw ReferenceError("the config \(manifest.config) is not understood") }
    var reproduction = Reproduction()
    for item in manifest.cases { try add(item, to: &reproduction) }
    if manifest.cases.isEmpty {
      for entry in manifest.entries where entry.isWanted { reproduction.tensors[entry.name] = try rescaledTimesteps(entry.name) }
    }
    for errorCase in manifest.errorCases { try reproduction.refuse { _ = try refused(errorCase) } }
    return reproduction
  }

  private func add(_ item: JSON, to reproduction: inout Reproduction) throws {
    guard let name = item["case"]?.string else { throw ReferenceError("the case \(item) has no name") }
    switch Set(item.object?.keys.map { $0 } ?? []) {
    case ["case", "steps", "sections", "schedule", "kept"]: try addSpaced(item, name, to: &reproduction)
    case ["case", "original_num_steps", "rescaled_num_steps", "beta_schedule", "timestep_map_len", "betas_len"]:
      try addCentred(item, name, to: &reproduction)
    default: throw ReferenceError("the case \(item) is not understood")
    }
  }

  // MARK: guided-diffusion

  private func addSpaced(_ item: JSON, _ name: String, to reproduction: inout Reproduction) throws {
    guard let schedule = item["schedule"]?.string, let steps = item["steps"]?.int, let kept = item["kept"]?.int else {
      throw ReferenceError("the case \(item) is not understood")
    }
    let whole = try DiscreteProcess.referenced(schedule: schedule, steps: steps)
    let spaced = try whole.respaced(spacing(item))
    guard spaced.steps == kept else { throw ReferenceError("\(name): \(spaced.steps) steps are kept, expected \(kept)") }
    let rescaling = try DiscreteProcess(betas: whole.betas, rescaleTimesteps: true).respaced(keeping: spaced.timestepMap)
    reproduction.tensors["\(name)/timestep_map"] = Tensor(spaced.timestepMap)
    reproduction.tensors["\(name)/betas"] = Tensor(spaced.betas)
    reproduction.tensors["\(name)/alphas_cumprod"] = Tensor(spaced.alphaBar)
    reproduction.tensors["\(name)/posterior_log_variance_clipped"] = Tensor(spaced.posteriorLogVarianceClipped)
    reproduction.tensors["\(name)/model_t_rescaled"] = Tensor(rescaling.levels(Array(0..<kept)).map { Float($0.timestep) })
  }

  /// `"10,15,20"`, `"ddim50"` or `[7, 0, 5]`.
  private func spacing(_ item: JSON) throws -> Spacing {
    if let counts = item["sections"]?.ints { return .sections(counts) }
    guard let text = item["sections"]?.string else { throw ReferenceError("the sections of \(item) are not understood") }
    return try Spacing(text)
  }

  private func refused(_ errorCase: JSON) throws -> [Int] {
    guard let steps = errorCase["steps"]?.int else { throw ReferenceError("the error case \(errorCase) is not understood") }
    return try spacing(errorCase).timesteps(of: steps)
  }

  /// `t_300`: the timestep that the network is given at each step of 300.
  private func rescaledTimesteps(_ name: String) throws -> Tensor {
    guard let match = name.wholeMatch(of: /t_([0-9]+)/), let steps = Int(match.1) else {
      throw ReferenceError("'\(name)' is not understood")
    }
    let process = try DiscreteProcess(betas: Array(repeating: 0.01, count: steps), rescaleTimesteps: true)
    return Tensor(process.levels(Array(0..<steps)).map { Float($0.timestep) })
  }

  // MARK: nice-diffusion

  private func addCentred(_ item: JSON, _ name: String, to reproduction: inout Reproduction) throws {
    guard let schedule = item["beta_schedule"]?.string, let total = item["original_num_steps"]?.int,
      let steps = item["rescaled_num_steps"]?.int
    else { throw ReferenceError("the case \(item) is not understood") }
    // By the rule itself: where it gives more steps than were asked for, `Spacing.centred` refuses, and that library goes on.
    let kept = Spacing.centredTimesteps(of: total, steps: steps)
    let spaced = try DiscreteProcess.referenced(schedule: schedule, steps: total).respaced(keeping: kept)
    reproduction.tensors["\(name)/timestep_map"] = Tensor(spaced.timestepMap)
    reproduction.tensors["\(name)/betas"] = Tensor(spaced.betas)
    reproduction.tensors["\(name)/log_posterior_var_clipped"] = Tensor(spaced.posteriorLogVarianceClipped)
  }
}

@Suite("Reference respacing (set 2)") struct ReferenceRespacingTests {
  @Test func everyRespacedProcessIsReproducedAndEveryImpossibleOneRefused() throws {
    try Examination.check(RespacingReferenceSet())
  }
}
