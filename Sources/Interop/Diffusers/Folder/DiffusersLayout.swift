import Checkpoints
import Failures
import Foundation

/// Where the parts of a diffusers folder lie.
///
/// A pipeline has `model_index.json`, a UNet2DModel in `unet/` and its scheduler in `scheduler/`; the first ones that were published
/// have all files in the folder itself. A training's `checkpoint-N` has `unet/` and, where an average is kept, `unet_ema/`, which is
/// taken first. A UNet2DModel that was saved alone has neither pipeline nor scheduler. A path may also be the index of weights in
/// several files, which stands for the folder that it is in.
struct DiffusersLayout {
  static let indexName = "model_index.json", configName = "config.json", schedulerName = "scheduler_config.json"
  static let unetPart = "unet", averagePart = "unet_ema", schedulerPart = "scheduler"

  let folder: String
  /// Whether the folder is a pipeline, whose scheduler is one of its parts.
  let isPipeline: Bool
  /// The folder of the network's configuration and weights.
  let unet: String
  /// The scheduler's configuration; nil where there is none beside a network that was saved alone.
  let scheduler: String?

  /// - Returns: nil for a path that is not what diffusers writes.
  init?(_ path: String) {
    let folder = Self.isWeightIndex(path) ? Self.parent(path) : path
    self.folder = folder
    func has(_ file: String, _ folder: String) -> Bool { FileManager.default.fileExists(atPath: "\(folder)/\(file)") }
    let parts = [Self.averagePart, Self.unetPart].map { "\(folder)/\($0)" }.filter { has(Self.configName, $0) }
    if has(Self.indexName, folder) {
      let own = "\(folder)/\(Self.unetPart)"
      (isPipeline, unet) = (true, Self.isFolder(own) ? own : folder)
      scheduler =
        Self.isFolder("\(folder)/\(Self.schedulerPart)")
        ? "\(folder)/\(Self.schedulerPart)/\(Self.schedulerName)" : "\(folder)/\(Self.schedulerName)"
      return
    }
    guard let part = parts.first ?? (Self.isUNet(folder) ? folder : nil) else { return nil }
    (isPipeline, unet) = (false, part)
    scheduler = Self.schedulers(near: part, folder).first { FileManager.default.fileExists(atPath: $0) }
  }

  /// Where the scheduler of a network without a pipeline may lie: beside it, in the pipeline whose part it is, and in the pipeline that
  /// a training writes beside its checkpoints.
  private static func schedulers(near unet: String, _ folder: String) -> [String] {
    var folders = [unet, folder]
    if [unetPart, averagePart].contains(name(unet)) { folders.append(parent(unet)) }
    if name(folders.last!).hasPrefix("checkpoint-") { folders.append(parent(folders.last!)) }
    return folders.flatMap { ["\($0)/\(schedulerPart)/\(schedulerName)", "\($0)/\(schedulerName)"] }
  }

  /// Whether a folder holds a network of diffusers alone. Its configuration names its class; other systems have a `config.json` too.
  private static func isUNet(_ folder: String) -> Bool {
    let path = "\(folder)/\(configName)"
    guard let object = try? SmallJSON.object(path) else { return false }
    return object["_class_name"] is String
  }

  /// Whether a path names an index of weights in several files beside the configuration of their network.
  private static func isWeightIndex(_ path: String) -> Bool {
    let name = name(path)
    return name.hasPrefix(DiffusersWeights.name) && name.contains(".index.") && name.hasSuffix(".json")
      && FileManager.default.fileExists(atPath: "\(parent(path))/\(configName)")
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  private static func name(_ path: String) -> String { (path.absolutePath as NSString).lastPathComponent }

  private static func parent(_ path: String) -> String {
    let parent = path.parentFolder
    // Of `checkpoint-500` and `.` the folder that they are in has no name in the path.
    return parent.isEmpty || parent == path || name(path) != (path as NSString).lastPathComponent
      ? path.absolutePath.parentFolder : parent
  }
}

/// A JSON file of diffusers, read within a limit.
enum SmallJSON {
  static func text(_ path: String, limit: Int = 1 << 20) throws -> Data {
    guard FileManager.default.fileExists(atPath: path) else {
      throw CheckpointError(
        .missing, path,
        "is missing; a diffusers folder has \(DiffusersLayout.indexName), \(DiffusersLayout.unetPart)/ and \(DiffusersLayout.schedulerPart)/"
      )
    }
    guard let file = FileHandle(forReadingAtPath: path), let data = try? file.read(upToCount: limit + 1) ?? Data() else {
      throw CheckpointError(.io, path, "cannot be read")
    }
    guard data.count <= limit else { throw CheckpointError(.invalid, path, "is larger than the \(limit >> 20) MiB of such a file") }
    return data
  }

  static func object(_ path: String, limit: Int = 1 << 20) throws -> [String: Any] {
    let data = try text(path, limit: limit)
    guard let object = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] else {
      throw CheckpointError(.invalid, path, "is not a JSON object")
    }
    return object
  }
}
