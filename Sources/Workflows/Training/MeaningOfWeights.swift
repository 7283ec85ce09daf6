import Checkpoints
import Failures
import Models
import RecipeKit
import Training

/// Checks that resuming a run does not change the meaning of its weights: process, network, channels and classes, and the noise of a
/// classifier's images.
enum MeaningOfWeights {
  /// Keys of a network that decide how it is trained, not what it computes.
  private static let keysOfTraining = ["dropout", "use_checkpoint"]

  /// - Throws: `SfumatoError` for a setting of process or network that differs, and for other initial weights, which only a run that
  ///   begins takes.
  static func check(_ recipe: TrainRecipe, against before: TrainRecipe, in run: RunFolder) throws {
    try check("process", before.process.yaml(), recipe.process.yaml(), run)
    try check("network", network(of: before), network(of: recipe), run)
    try check("text_encoder", before.textEncoder?.yaml() ?? "", recipe.textEncoder?.yaml() ?? "", run)
    try check("distillation", before.distillation?.yaml() ?? "", recipe.distillation?.yaml() ?? "", run)
    let (weights, partial) = (recipe.training.initialWeights, recipe.training.initialWeightsPartial)
    guard weights == before.training.initialWeights, partial == before.training.initialWeightsPartial else {
      let command = ShellCommand("sfumato", "train", "RECIPE", "--set", "training.initial_weights=\(weights ?? run.path)")
      throw SfumatoError(
        .usage,
        "training.initial_weights cannot change when a run is resumed, which continues from its own weights. To train from others, "
          + "start a new run: \(command)")
    }
  }

  private static func check(_ name: String, _ before: String, _ now: String, _ run: RunFolder) throws {
    guard before != now else { return }
    let lines = zip(before.split(separator: "\n"), now.split(separator: "\n"))
    let change = lines.first { $0 != $1 }.map { "\(trimmed($0)) before, \(trimmed($1)) now" } ?? "a different \(name)"
    throw changed(name, change, run)
  }

  private static func network(of recipe: TrainRecipe) -> String {
    var part = TrainRecipe()
    (part.network, part.classifier) = (recipe.network, recipe.classifier)
    return part.yaml().split(separator: "\n").filter { line in
      !keysOfTraining.contains { trimmed(line).hasPrefix("\($0):") }
    }.joined(separator: "\n")
  }

  /// - Throws: `SfumatoError` when images or conditioning differ in kind from the newest checkpoint's.
  static func check(_ model: any TrainableModelRecipe, in run: RunFolder) throws {
    // An unreadable checkpoint is reported when it is restored.
    guard let path = try? run.latestModelPath(), let yaml = try? Safetensors.header(of: path).metadata[ModelFile.recipeKey],
      let earlier = try? ModelKind(ofRecipe: yaml, file: path).description.init(yaml: yaml) as? any TrainableModelRecipe
    else { return }
    let before = earlier.data, data = model.data
    func check<Value: Equatable>(_ name: String, _ value: (DataSpec) -> Value) throws {
      guard value(before) != value(data) else { return }
      throw changed(name, "\(value(before)) before, \(value(data)) now", run)
    }
    try check("images.channels", \.channels)
    try check("the classes", \.classNames)
    try check("the length of context vectors", { $0.contextSize ?? 0 })
    guard let earlier = earlier as? ClassifierModelRecipe, let model = model as? ClassifierModelRecipe else { return }
    guard earlier.cleanImages == model.cleanImages else {
      let noise = { (recipe: ClassifierModelRecipe) in recipe.cleanImages ? "clean images" : "noisy images" }
      throw changed("guides", "\(noise(earlier)) before, \(noise(model)) now", run)
    }
    try Self.check("the process of the guided model", earlier.process.yaml(), model.process.yaml(), run)
  }

  private static func trimmed(_ line: Substring) -> String { line.trimmingPrefix { $0 == " " }.description }

  private static func changed(_ name: String, _ change: String, _ run: RunFolder) -> SfumatoError {
    SfumatoError(
      .usage,
      "\(name) cannot change when a run is resumed, because it determines the meaning of the weights: \(change). To change it, "
        + "start a new run from these weights: "
        + "\(ShellCommand("sfumato", "train", "RECIPE", "--set", "training.initial_weights=\(run.path)"))")
  }
}
