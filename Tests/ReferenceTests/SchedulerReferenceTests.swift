import Diffusion
import Interop
import RecipeKit
import Tensors
import Testing

/// Set 8: the tables of diffusers' schedulers, and their trajectories on a model with a closed form.
struct SchedulerReferenceSet: ReferenceSet {
  let number = 8

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["cases", "error_cases", "model_formula", "diffusers_quirks"])
    guard !manifest.cases.isEmpty else { return try SchedulerTables(manifest).reproduction() }
    let kind = try kind(manifest)
    var reproduction = Reproduction()
    let model = try SchedulerModel(manifest)
    for item in manifest.cases {
      try SchedulerCase(item, kind: kind, manifest).reproduce(model, into: &reproduction)
    }
    for errorCase in manifest.errorCases { try reproduction.refuse { try refused(errorCase, kind: kind) } }
    return reproduction
  }

  private func kind(_ manifest: Manifest) throws -> DiffusersScheduler.Kind {
    let name = manifest.kind?.split(separator: ".").last.map(String.init) ?? ""
    guard let kind = DiffusersScheduler.Kind(rawValue: name) else { throw ReferenceError("the class '\(name)' is not understood") }
    return kind
  }

  /// `prediction_type sample`: an argument that the class must refuse.
  private func refused(_ errorCase: JSON, kind: DiffusersScheduler.Kind) throws {
    let words = errorCase["what"]?.string?.split(separator: " ") ?? []
    guard words.count == 2 else { throw ReferenceError("the error case \(errorCase) is not understood") }
    _ = try DiffusersScheduler(json: "{\"_class_name\": \"\(kind.rawValue)\", \"\(words[0])\": \"\(words[1])\"}")
  }
}

@Suite("Reference schedulers (set 8)") struct ReferenceSchedulerTests {
  @Test func everyTableAndTrajectoryIsReproducedAndEveryRefusalRepeated() throws { try Examination.check(SchedulerReferenceSet()) }
}
