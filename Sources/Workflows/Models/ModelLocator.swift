import Failures
import Foundation
import Imaging
import Interop
import Models
import RecipeKit
import Tensors
import Training

/// Resolves MODEL, the same way for every command: a file, a run folder (its newest checkpoint), `best` in it, a checkpoint of a run, a
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
    guard !model.isEmpty else {
      throw SfumatoError(.usage, "the name of the model is empty; bundled models: \(bundled.keys.sorted().joined(separator: ", "))")
    }
    if let checkpoint = try checkpoint(ofRunAround: model) { return .checkpoint(checkpoint) }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: model, isDirectory: &isFolder) {
      return isFolder.boolValue ? try folder(model.withoutTrailingSlashes, bundled[model]) : .file(model)
    }
    if let path = bundled[model] { return .file(path) }
    if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: model) {
      throw SfumatoError(.missing, "\(model) is a link to \(target), which does not exist")
    }
    throw missing(model, bundled.keys.sorted())
  }

  /// The checkpoint that is meant by the path of a run's file `best` or `latest`, or of its folder `checkpoints`, as people complete a path.
  private static func checkpoint(ofRunAround path: String) throws -> String? {
    let name = (path.withoutTrailingSlashes as NSString).lastPathComponent, parent = path.parentFolder.isEmpty ? "." : path.parentFolder
    guard ["latest", "best", "checkpoints"].contains(name), FileManager.default.fileExists(atPath: "\(parent)/recipe.yaml") else {
      return nil
    }
    let run = try RunFolder(existing: parent)
    return try name == "best" ? run.bestCheckpointPath() : run.latestCheckpointPath()
  }

  /// - Parameter bundled: the bundled model of the same name, if there is one.
  private static func folder(_ path: String, _ bundled: String?) throws -> Place {
    if DiffusersFolder.isOne(path) { return .diffusers(path) }
    let files = FileManager.default
    if files.fileExists(atPath: "\(path)/recipe.yaml") { return .checkpoint(try RunFolder(existing: path).latestCheckpointPath()) }
    if files.fileExists(atPath: "\(path)/model.safetensors") { return .checkpoint(path) }
    throw SfumatoError(
      .missing,
      "\(path) is a folder without a model; expected a run (with recipe.yaml), a checkpoint of one (with model.safetensors) or a "
        + "diffusers folder (with model_index.json, or config.json beside its weights)" + hint(path, bundled))
  }

  /// What the user may have meant by a folder.
  private static func hint(_ folder: String, _ bundled: String?) -> String {
    if let bundled { return "; the bundled model of this name is \(bundled)" }
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    let models = names.filter { name in [".safetensors", ".pt", ".pth", ".ckpt", ".bin"].contains { name.lowercased().hasSuffix($0) } }
    if !models.isEmpty { return "; name one of its files: \(models.prefix(8).joined(separator: ", "))\(models.count > 8 ? ", …" : "")" }
    return names.contains(where: PictureFormat.isPictureName) ? "; 'sfumato data inspect \(folder)' describes a folder of pictures" : ""
  }

  private static func missing(_ model: String, _ names: [String]) -> SfumatoError {
    let hint =
      Suggestion.nearest(to: model, among: names).map { "did you mean '\($0)'?" }
      ?? (names.isEmpty ? "give a .safetensors file or a run folder" : "bundled models: \(names.joined(separator: ", "))")
    return SfumatoError(.missing, "there is no model '\(model)': no such file or folder; \(hint)")
  }

  /// Name to path of the models in `models/` beside the program, in a folder above it, or in the working folder.
  static func bundledModels() -> [String: String] { BundledFiles.named(in: "models", ending: ".safetensors") }
}
