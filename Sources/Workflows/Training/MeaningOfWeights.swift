import Checkpoints
import Failures
import Models
import RecipeKit
import Training

/// Checks that resuming a run does not change the meaning of its weights: process, channels and classes.
enum MeaningOfWeights {
  /// - Throws: `SfumatoError` for a process setting that differs.
  static func check(_ recipe: TrainRecipe, against before: TrainRecipe, in run: RunFolder) throws {
    let lines = zip(before.process.yaml().split(separator: "\n"), recipe.process.yaml().split(separator: "\n"))
    guard before.process.yaml() != recipe.process.yaml() else { return }
    let change = lines.first { $0 != $1 }.map { "\(trimmed($0)) before, \(trimmed($1)) now" } ?? "a different process"
    throw changed("process", change, run)
  }

  /// - Throws: `SfumatoError` when images or conditioning differ in kind from the newest checkpoint's.
  static func check(_ data: DataSpec, in run: RunFolder) throws {
    // An unreadable checkpoint is reported when it is restored.
    guard let path = try? run.latestModelPath(), let yaml = try? Safetensors.header(of: path).metadata[ModelFile.recipeKey],
      let model = try? ModelKind(ofRecipe: yaml, file: path).description.init(yaml: yaml) as? any DiffusionModelRecipe
    else { return }
    let before = model.data
    func check<Value: Equatable>(_ name: String, _ value: (DataSpec) -> Value) throws {
      guard value(before) != value(data) else { return }
      throw changed(name, "\(value(before)) before, \(value(data)) now", run)
    }
    try check("images.channels", \.channels)
    try check("the classes", \.classNames)
    try check("the length of context vectors", { $0.contextSize ?? 0 })
  }

  private static func trimmed(_ line: Substring) -> String { line.trimmingPrefix { $0 == " " }.description }

  private static func changed(_ name: String, _ change: String, _ run: RunFolder) -> SfumatoError {
    SfumatoError(
      .usage,
      "\(name) cannot change when a run is resumed, because it determines the meaning of the weights: \(change). To change it, "
        + "start a new run from these weights: sfumato train RECIPE --set training.initial_weights=\(run.path)")
  }
}
