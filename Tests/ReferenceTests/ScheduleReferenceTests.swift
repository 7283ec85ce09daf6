import Diffusion
import Foundation
import RecipeKit
import Tensors
import Testing

/// Set 1: schedules, the tables of their processes, and schedules that must be refused.
struct ScheduleReferenceSet: ReferenceSet {
  let number = 1

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["error_cases"])
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      let (process, table) = try manifest.config.isEmpty ? shortSchedule(entry.name) : (process(manifest.config), entry.name)
      guard let values = tables(of: process)[table] else { throw ReferenceError("unknown table '\(table)'") }
      reproduction.tensors[entry.name] = Tensor(values)
    }
    for errorCase in manifest.errorCases { try reproduction.refuse { _ = try refused(errorCase) } }
    return reproduction
  }

  /// `cosine_21/betas`: schedule, steps and table in the tensor's name.
  private func shortSchedule(_ name: String) throws -> (DiscreteProcess, String) {
    guard let match = name.wholeMatch(of: /([a-z]+)_([0-9]+)\/(.+)/) else { throw ReferenceError("'\(name)' is not understood") }
    return (try .referenced(schedule: String(match.1), steps: Int(match.2)!), String(match.3))
  }

  /// The formulas that the manifests state; ours are these and no others.
  private static let formulas: [String: JSON] = [
    "scale": .string("1000 / steps"), "beta_start": .string("scale * 0.0001"), "beta_end": .string("scale * 0.02"),
    "alpha_bar": .string("cos((u + 0.008) / 1.008 * pi / 2) ** 2, u in [0, 1]"),
    "beta": .string("min(1 - alpha_bar((i + 1) / steps) / alpha_bar(i / steps), max_beta)"),
  ]

  private func process(_ config: [String: JSON]) throws -> DiscreteProcess {
    guard let schedule = config["schedule"]?.string, let steps = config["steps"]?.int else {
      throw ReferenceError("a schedule or its steps are missing in \(config)")
    }
    var options = ""
    for (key, value) in config where key != "schedule" && key != "steps" {
      if key == "max_beta" {
        options += ", max_beta: \(value)"
      } else if Self.formulas[key] != value {
        throw ReferenceError("'\(key): \(value)' is not understood")
      }
    }
    return try .referenced(schedule: schedule, steps: steps, options: options)
  }

  private func refused(_ errorCase: JSON) throws -> DiscreteProcess {
    if let betas = errorCase["betas"] {
      return try ProcessRecipe(yaml: "schedule: { type: given, betas: \(betas) }").makeDiffusion().process
    }
    guard let schedule = errorCase["schedule"]?.string, let steps = errorCase["steps"]?.int else {
      throw ReferenceError("the error case \(errorCase) is not understood")
    }
    return try .referenced(schedule: schedule, steps: steps)
  }

  /// The reference's names for what a process holds.
  private func tables(of process: DiscreteProcess) -> [String: [Double]] {
    let levels = process.levels(Array(0..<process.steps))
    return [
      "betas": process.betas, "alphas_cumprod": process.alphaBar, "alphas_cumprod_prev": process.alphaBarPrevious,
      "alphas_cumprod_next": process.alphaBarNext, "sqrt_alphas_cumprod": levels.map(\.alpha),
      "sqrt_one_minus_alphas_cumprod": levels.map(\.sigma), "log_one_minus_alphas_cumprod": levels.map { 2 * log($0.sigma) },
      "sqrt_recip_alphas_cumprod": levels.map { 1 / $0.alpha }, "sqrt_recipm1_alphas_cumprod": levels.map { $0.sigma / $0.alpha },
      "posterior_variance": process.posteriorVariance,
      "posterior_log_variance_clipped": process.posteriorLogVarianceClipped,
      "posterior_mean_coef1": process.posteriorMeanX0, "posterior_mean_coef2": process.posteriorMeanXt,
    ]
  }
}

extension DiscreteProcess {
  /// The process of a named schedule, by the way that a recipe takes.
  static func referenced(schedule: String, steps: Int, options: String = "") throws -> DiscreteProcess {
    try ProcessRecipe(yaml: "schedule: { type: \(schedule), steps: \(steps)\(options) }").makeDiffusion().process
  }
}

@Suite("Reference schedules (set 1)") struct ReferenceScheduleTests {
  @Test func everyTableIsReproducedAndEveryImpossibleScheduleRefused() throws { try Examination.check(ScheduleReferenceSet()) }
}
