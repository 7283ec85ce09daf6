import Failures
import Foundation
import Interop
import Models
import RecipeKit
import Tensors
import Training

/// Finds what a user means by a model: a file, the folder of a training, a diffusers folder, or the name of a model that comes along.
public enum ModelLocator {
  /// - Throws: `SfumatoError` that names the models there are.
  public static func path(of model: String) throws -> String { try path(of: model, among: shippedModels()) }

  /// - Parameter shipped: name to path of the models that come along; a file or folder of that name goes before.
  static func path(of model: String, among shipped: [String: String]) throws -> String {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: model, isDirectory: &isFolder) {
      guard isFolder.boolValue, !DiffusersFolder.isOne(model) else { return model }
      return try RunFolder(existing: model).latestModelPath()
    }
    if let path = shipped[model] { return path }
    let names = shipped.keys.sorted()
    let hint =
      Suggestion.nearest(to: model, among: names).map { "did you mean '\($0)'?" }
      ?? (names.isEmpty
        ? "give a .safetensors file or the folder of a training" : "models that come along: \(names.joined(separator: ", "))")
    throw SfumatoError(.missing, "there is no model '\(model)': no such file or folder; \(hint)")
  }

  /// Name to path of the models in `models/` beside the program, in a folder above it, or in the working folder.
  static func shippedModels() -> [String: String] {
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
