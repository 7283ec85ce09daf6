import Failures
import Foundation
import Interop
import Models
import RecipeKit
import Tensors
import Training

/// Resolves MODEL, the same way for every command: a file, a run folder (its newest checkpoint), a checkpoint of a run, a
/// diffusers folder or its UNet's folder alone, or the name of a bundled model.
public enum ModelLocator {
  public enum Place: Equatable, Sendable {
    /// A file with tensors.
    case file(String)
    /// The folder of a checkpoint of a run, whose `model.safetensors` holds the averaged weights.
    case checkpoint(String)
    /// A diffusers folder.
    case diffusers(String)

    /// The file, or the diffusers folder.
    public var path: String {
      switch self {
      case .file(let path), .diffusers(let path): path
      case .checkpoint(let folder): "\(folder)/model.safetensors"
      }
    }
  }

  /// - Throws: `SfumatoError` that lists the bundled models when there is no such model.
  public static func locate(_ model: String) throws -> Place { try locate(model, among: bundledModels()) }

  /// The file of a model, or its diffusers folder.
  public static func path(of model: String) throws -> String { try locate(model).path }

  /// - Parameter bundled: name to path; a file or folder of that name takes precedence.
  static func locate(_ model: String, among bundled: [String: String]) throws -> Place {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: model, isDirectory: &isFolder) {
      return isFolder.boolValue ? try folder(model) : .file(model)
    }
    if let path = bundled[model] { return .file(path) }
    throw missing(model, bundled.keys.sorted())
  }

  private static func folder(_ path: String) throws -> Place {
    if DiffusersFolder.isOne(path) { return .diffusers(path) }
    let files = FileManager.default
    if files.fileExists(atPath: "\(path)/recipe.yaml") { return .checkpoint(try RunFolder(existing: path).latestCheckpointPath()) }
    if files.fileExists(atPath: "\(path)/model.safetensors") { return .checkpoint(path) }
    throw SfumatoError(
      .missing,
      "\(path) is a folder without a model; expected a run (with recipe.yaml), a checkpoint of one (with model.safetensors) or a "
        + "diffusers folder (with model_index.json, or config.json beside its weights)")
  }

  private static func missing(_ model: String, _ names: [String]) -> SfumatoError {
    let hint =
      Suggestion.nearest(to: model, among: names).map { "did you mean '\($0)'?" }
      ?? (names.isEmpty ? "give a .safetensors file or a run folder" : "bundled models: \(names.joined(separator: ", "))")
    return SfumatoError(.missing, "there is no model '\(model)': no such file or folder; \(hint)")
  }

  /// Name to path of the models in `models/` beside the program, in a folder above it, or in the working folder.
  static func bundledModels() -> [String: String] {
    var folders = [FileManager.default.currentDirectoryPath]
    var folder = URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent()
    for _ in 0..<6 {
      folders.append(folder.path)
      folder.deleteLastPathComponent()
    }
    var models: [String: String] = [:]
    for folder in folders {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/models")) ?? []
      for name in names where name.hasSuffix(".safetensors") {
        let key = String(name.dropLast(".safetensors".count))
        if models[key] == nil { models[key] = "\(folder)/models/\(name)" }
      }
    }
    return models
  }
}
