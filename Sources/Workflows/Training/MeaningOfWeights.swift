import Checkpoints
import Failures
import Models
import RecipeKit
import Training

/// What a resumed training must not change, because its weights would mean something else: process, channels and classes.
enum MeaningOfWeights {
  /// - Throws: `SfumatoError` for a setting of the process that differs.
  static func check(_ recipe: TrainRecipe, against before: TrainRecipe, in run: RunFolder) throws {
    let lines = zip(before.process.yaml().split(separator: "\n"), recipe.process.yaml().split(separator: "\n"))
    guard before.process.yaml() != recipe.process.yaml() else { return }
    let change = lines.first { $0 != $1 }.map { "\(trimmed($0)) then, \(trimmed($1)) now" } ?? "another process"
    throw changed("process", change, run)
  }

  /// - Throws: `SfumatoError` for images or conditioning of another kind than the newest checkpoint's.
  static func check(_ data: DataSpec, in run: RunFolder) throws {
    // A checkpoint that cannot be read is reported where it is restored.
    guard let path = try? run.latestModelPath(), let yaml = try? Safetensors.header(of: path).metadata[ModelFile.recipeKey],
      let model = try? ModelKind(ofRecipe: yaml, file: path).description.init(yaml: yaml) as? any DiffusionModelRecipe
    else { return }
    let before = model.data
    func check<Value: Equatable>(_ name: String, _ value: (DataSpec) -> Value) throws {
      guard value(before) != value(data) else { return }
      throw changed(name, "\(value(before)) then, \(value(data)) now", run)
    }
    try check("images.channels", \.channels)
    try check("the classes", \.classNames)
    try check("the length of context vectors", { $0.contextSize ?? 0 })
  }

  private static func trimmed(_ line: Substring) -> String { line.trimmingPrefix { $0 == " " }.description }

  private static func changed(_ name: String, _ change: String, _ run: RunFolder) -> SfumatoError {
    SfumatoError(
      .usage,
      "\(name) cannot change while a training is resumed, for the weights would mean something else: \(change). To do it on purpose, "
        + "start a new training from them: sfumato train RECIPE --set training.initial_weights=\(run.path)")
  }
}
