import Foundation
import RecipeKit

/// A training of DL-Art-School (neonbjb/DL-Art-School, `unet_diffusion`) as a recipe.
///
/// Every key is taken, left out and listed, or refused with its line where leaving it out would change the result.
public struct DLASImport: Sendable {
  /// The recipe, as it would be written by hand.
  public let yaml: String
  /// The keys that mean nothing here: `train.yml:12: wandb`.
  public let leftOut: [String]
  /// What is taken but computed differently here: `train.yml:19: noise is Gaussian here …`.
  public let differences: [String]
  /// The strengths that the inference configuration asks for, in the order of the fixed corruptions; empty without one.
  public let strengths: [Double]

  /// - Parameters:
  ///   - training: the file of the training configuration.
  ///   - inference: the file of the inference configuration, whose sampling the recipe takes; nil for the training's own evaluation.
  /// - Throws: `RecipeError` with the line of what is wrong or cannot be taken, and for a missing file.
  public init(training: String, inference: String? = nil) throws {
    let source = try ForeignConfiguration(file: training)
    let used = try inference.map { try ForeignConfiguration(file: $0) }
    let title = "# \((training as NSString).lastPathComponent) of DL-Art-School, as a recipe of Sfumato."
    let network = try DLASNetwork(source)
    let data = try DLASData(source, network)
    let process = try DLASProcess(source, injector: "steps.generator.injectors.\(try DLASProcess.injector(of: source))")
    let training = try DLASTraining(source, batch: data.batchSize)
    let sampling = try used.map { try DLASSampling($0, trained: process, network) } ?? DLASSampling(evaluationOf: source)
    (strengths, differences) = (sampling.strengths, data.differences)
    Self.leaveOut(source)
    used.map(DLASSampling.leaveOut)
    let unread = source.unread + (used?.unread ?? [])
    guard unread.isEmpty else {
      throw RecipeError(
        place: nil,
        "these keys are unknown here and may change the result; delete them if they do not: \(unread.joined(separator: ", "))")
    }
    leftOut = source.leftOut + (used?.leftOut ?? [])
    yaml = ([title] + data.lines + network.lines + process.lines + sampling.lines + training.lines).joined(separator: "\n") + "\n"
    _ = try TrainRecipe(yaml: yaml)
  }

  /// Where and how it ran, what it logged and how it was judged.
  private static func leaveOut(_ source: ForeignConfiguration) {
    source.leaveOut(
      "name", "use_tb_logger", "model", "scale", "gpu_ids", "start_step", "force_start_step", "wandb", "path", "logger", "eval",
      "train.val_freq", "networks.generator.type", "datasets.train.name", "datasets.val",
      "steps.generator.training")
  }
}
