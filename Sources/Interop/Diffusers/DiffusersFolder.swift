import Checkpoints
import Diffusion
import Failures
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors

/// A pipeline of diffusers on the disk: `model_index.json`, a UNet2DModel in `unet/` and its scheduler in `scheduler/`, or all of
/// it in the folder itself, as the first ones that were published have it.
///
/// Only files of fixed names are read: nothing in a file names another.
public struct DiffusersFolder {
  public let path: String
  /// The file of the weights: safetensors before PyTorch's, the one without a variant's name before the only one with.
  public let weights: String
  /// The model as ours: its network, process, sampler and the way it samples.
  public let recipe: ModelRecipe

  static let indexName = "model_index.json", weightsName = "diffusion_pytorch_model"
  static let unetPart = "unet", schedulerPart = "scheduler"

  /// Whether a path is a folder with what diffusers writes.
  public static func isOne(_ path: String) -> Bool {
    let files = FileManager.default
    return files.fileExists(atPath: "\(path)/\(indexName)") || files.fileExists(atPath: "\(path)/\(unetPart)/config.json")
  }

  /// Reads all but the weights.
  /// - Throws: `CheckpointError` naming a file that is missing or unreadable, `RecipeError` for one with an option that is not
  ///   understood, `SfumatoError` for a pipeline that needs more than a UNet2DModel and a scheduler.
  public init(_ path: String) throws {
    self.path = path
    try Self.checkIndex(path)
    let configPath = Self.file("config.json", of: Self.unetPart, in: path)
    let unet = try UNet2DConfig(json: Self.text(configPath), file: configPath)
    let schedulerPath = Self.file("scheduler_config.json", of: Self.schedulerPart, in: path)
    let json = try Self.schedulerText(schedulerPath)
    let scheduler = try DiffusersScheduler(json: json, file: schedulerPath)
    weights = try Self.weights(in: path)
    recipe = try Self.recipe(unet, scheduler, path)
  }

  /// Puts the weights in the place of the state of the recipe's network with shapes alone; half precision is widened.
  /// - Throws: `SfumatoError` when they are of another network; what reading them throws.
  func fill(_ network: any DiffusionNetwork, on device: Device) throws {
    let read = weights.hasSuffix(".safetensors") ? try Safetensors.read(weights).state : try PyTorchFile.read(weights).state
    let state = StateDict(read.entries.map { (Self.currentName($0.name), $0.tensor) })
    do { try network.adopt(state, on: device) } catch let mismatch as StateMismatch {
      throw SfumatoError(
        mismatch, checkpoint: weights, network: "network \(recipe.network.type)", evidence: RecipeEvidence(state, against: recipe),
        against: "its config.json")
    }
  }

  /// diffusers' attention before version 0.17 had other names.
  private static func currentName(_ name: String) -> String {
    var parts = name.split(separator: ".").map(String.init)
    guard parts.contains("attentions"), parts.count > 2 else { return name }
    let renamed = ["query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"]
    guard let new = renamed[parts[parts.count - 2]] else { return name }
    parts[parts.count - 2] = new
    return parts.joined(separator: ".")
  }
}

// MARK: Files

extension DiffusersFolder {
  /// A file of a part, which lies in a folder of its own or in the pipeline's.
  private static func file(_ name: String, of part: String, in path: String) -> String {
    var isFolder: ObjCBool = false
    let hasOwn = FileManager.default.fileExists(atPath: "\(path)/\(part)", isDirectory: &isFolder) && isFolder.boolValue
    return hasOwn ? "\(path)/\(part)/\(name)" : "\(path)/\(name)"
  }

  /// A small file's bytes.
  private static func text(_ path: String) throws -> Data {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CheckpointError(.missing, path, "is missing; a diffusers folder has \(indexName), \(unetPart)/ and \(schedulerPart)/")
    }
    let limit = 1 << 20
    guard let file = FileHandle(forReadingAtPath: path), let data = try? file.read(upToCount: limit + 1) ?? Data() else {
      throw CheckpointError(.io, path, "cannot be read")
    }
    guard data.count <= limit else { throw CheckpointError(.invalid, path, "is larger than a config's 1 MiB") }
    return data
  }

  private static func object(_ path: String) throws -> [String: Any] {
    guard let object = (try? JSONSerialization.jsonObject(with: text(path))) as? [String: Any] else {
      throw CheckpointError(.invalid, path, "is no JSON object")
    }
    return object
  }

  /// The scheduler's options without diffusers' notes to itself.
  private static func schedulerText(_ path: String) throws -> String {
    _ = try text(path)
    let options = try object(path).filter { !$0.key.hasPrefix("_") || $0.key == "_class_name" }
    return String(decoding: try JSONSerialization.data(withJSONObject: options, options: .sortedKeys), as: UTF8.self)
  }

  private static func checkIndex(_ path: String) throws {
    let file = "\(path)/\(indexName)"
    guard FileManager.default.fileExists(atPath: file) else { return }  // a UNet alone, with its scheduler beside it
    _ = try text(file)
    let parts = try object(file).filter { !$0.key.hasPrefix("_") && !(($0.value as? [Any])?.allSatisfy { $0 is NSNull } ?? false) }
    let unknown = Set(parts.keys).subtracting([unetPart, schedulerPart]).sorted()
    guard unknown.isEmpty else {
      throw SfumatoError(
        .data, "\(file): the pipeline needs \(unknown.joined(separator: ", ")) too; one of a UNet2DModel and a scheduler alone can be read")
    }
  }

  private static func weights(in path: String) throws -> String {
    let endings = [".safetensors", ".bin"]
    let files = endings.map { file(weightsName + $0, of: unetPart, in: path) }
    if let found = files.first(where: { FileManager.default.fileExists(atPath: $0) }) { return found }
    let folder = (files[0] as NSString).deletingLastPathComponent
    let others = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasPrefix(weightsName) }.sorted()
    guard !others.contains(where: { $0.contains(".index.") || $0.contains("-of-") }) else {
      throw CheckpointError(.invalid, files[0], "is in several pieces, which are not read; load and save it as one by diffusers")
    }
    for ending in endings {
      // diffusers' variants: diffusion_pytorch_model.fp16.safetensors.
      let variants = others.filter { $0.hasPrefix("\(weightsName).") && $0.hasSuffix(ending) }
      guard variants.count < 2 else {
        throw CheckpointError(
          .ambiguous, files[0],
          "is missing, and there are several variants of it, \(variants.joined(separator: ", ")); leave one of them there")
      }
      if let variant = variants.first { return "\(folder)/\(variant)" }
    }
    throw CheckpointError(.missing, files[0], "is missing, and so is \(weightsName)\(endings[1])")
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
