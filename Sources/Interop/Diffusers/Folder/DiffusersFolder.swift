import Checkpoints
import Diffusion
import Failures
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors

/// What diffusers writes of a UNet2DModel: a pipeline with its scheduler, the checkpoint of a training, or the network alone; see
/// `DiffusersLayout`.
///
/// The index of weights in several files is the only file that names others, and they lie beside it.
public struct DiffusersFolder {
  public let path: String
  /// The file of the weights, or the first of several: safetensors before PyTorch's, those without a variant's name before the only
  /// ones with.
  public var weights: String { files.path }
  /// All files of the weights.
  public var weightFiles: [String] { files.files }
  /// The model as ours: its network, process, sampler and the way it samples.
  public let recipe: ModelRecipe
  /// What a user should know: what was assumed where nothing says it.
  public let note: String?

  private let files: DiffusersWeights

  /// Whether a path is what diffusers writes.
  public static func isOne(_ path: String) -> Bool { DiffusersLayout(path) != nil }

  /// Reads all but the weights.
  /// - Throws: `CheckpointError` naming a file that is missing or unreadable, `RecipeError` for one with an option that is not
  ///   understood, `SfumatoError` for a pipeline that needs more than a UNet2DModel and a scheduler.
  public init(_ path: String) throws {
    self.path = path
    guard let layout = DiffusersLayout(path) else {
      throw SfumatoError(
        .data,
        "\(path) is not a diffusers folder; expected \(DiffusersLayout.indexName), or \(DiffusersLayout.configName) of a UNet2DModel")
    }
    if layout.isPipeline { try Self.checkIndex("\(layout.folder)/\(DiffusersLayout.indexName)") }
    let config = "\(layout.unet)/\(DiffusersLayout.configName)"
    let unet = try UNet2DConfig(json: SmallJSON.text(config), file: config)
    // A network alone has no scheduler; a pipeline has one.
    if layout.isPipeline, layout.scheduler == nil {
      _ = try SmallJSON.text("\(layout.folder)/\(DiffusersLayout.schedulerPart)/\(DiffusersLayout.schedulerName)")
    }
    let scheduler = try layout.scheduler.map { try DiffusersScheduler(json: Self.schedulerText($0), file: $0) }
    files = try DiffusersWeights(in: layout.unet)
    recipe = try Self.recipe(unet, scheduler ?? DiffusersScheduler(.ddpm), path)
    note = scheduler == nil ? Self.assumption : nil
  }

  /// The default of diffusers' example of a training, train_unconditional.py.
  private static let assumption =
    "no scheduler lies beside the network, so that a DDPMScheduler with its defaults is assumed: 1000 steps, linear betas, "
    + "the network predicts noise; another one goes into \(DiffusersLayout.schedulerName) beside \(DiffusersLayout.configName)"

  /// Puts the weights in the place of the state of the recipe's network with shapes alone; half precision is widened.
  /// - Throws: `SfumatoError` when they belong to another network; what reading them throws.
  func fill(_ network: any DiffusionNetwork, on device: Device) throws {
    let state = try files.read().renamed(for: recipe.networkRecipe)
    do { try network.adopt(state, on: device) } catch let mismatch as StateMismatch {
      throw SfumatoError(
        mismatch, checkpoint: weights, network: "network \(recipe.network.type)", evidence: RecipeEvidence(state, against: recipe),
        against: "its config.json")
    }
  }

  /// The scheduler's options without diffusers' notes to itself.
  private static func schedulerText(_ path: String) throws -> String {
    let options = try SmallJSON.object(path).filter { !$0.key.hasPrefix("_") || $0.key == "_class_name" }
    return String(decoding: try JSONSerialization.data(withJSONObject: options, options: .sortedKeys), as: UTF8.self)
  }

  private static func checkIndex(_ file: String) throws {
    let parts = try SmallJSON.object(file).filter {
      !$0.key.hasPrefix("_") && !(($0.value as? [Any])?.allSatisfy { $0 is NSNull } ?? false)
    }
    let unknown = Set(parts.keys).subtracting([DiffusersLayout.unetPart, DiffusersLayout.schedulerPart]).sorted()
    guard unknown.isEmpty else {
      throw SfumatoError(
        .data, "\(file): the pipeline needs \(unknown.joined(separator: ", ")) too; expected one of a UNet2DModel and a scheduler alone")
    }
  }
}

extension Model {
  /// The model in a diffusers folder.
  /// - Throws: what reading its weights throws.
  public convenience init(_ folder: DiffusersFolder, on device: Device = .cpu) throws {
    let network = try Self.shape(of: folder.recipe)
    try folder.fill(network, on: device)
    self.init(recipe: folder.recipe, provenance: Provenance(), network: network)
  }
}
