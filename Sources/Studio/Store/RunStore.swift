import Failures
import Foundation
import Training
import Workflows

/// The runs in the data folder: `runs/ID`, named in `runs/ID.json`.
final class RunStore: Sendable {
  struct Run: Codable, Sendable {
    let id: String, name: String, recipe: String
    let created: Date
  }

  private let folder: DataFolder
  /// The most lines of a log that are sent at once, and the most bytes of a log that are read.
  private static let lines = 2000, logBytes = 32 << 20

  init(_ folder: DataFolder) { self.folder = folder }

  func path(_ id: String) -> String { folder.folder("runs", id) }

  func note(_ run: Run) throws { try DataFolder.write(run, to: "\(path(run.id)).json") }

  /// - Throws: `Problem` 404.
  func run(_ id: String) throws -> Run {
    guard Identifier.isOne(id), let run = DataFolder.read(Run.self, "\(path(id)).json"), run.id == id else {
      throw Problem(404, "there is no run '\(id.prefix(40))'")
    }
    return run
  }

  /// Newest first.
  var all: [Run] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/runs")) ?? []
    return names.compactMap { $0.hasSuffix(".json") ? try? run(String($0.dropLast(5))) : nil }.sorted { $0.created > $1.created }
  }

  /// Whether a training has begun there, so that it can be resumed.
  func hasBegun(_ id: String) -> Bool { FileManager.default.fileExists(atPath: "\(path(id))/recipe.yaml") }

  var withModels: [(id: String, name: String, model: String)] {
    all.compactMap { run in
      guard hasBegun(run.id), let model = try? RunFolder(existing: path(run.id)).latestModelPath(), FileFacts(model) != nil else {
        return nil
      }
      return (run.id, run.name, model)
    }
  }

  func model(_ id: String) throws -> String { try RunFolder(existing: path(run(id).id)).latestModelPath() }

  /// - Parameter isTraining: whether a job of this studio trains it.
  func json(_ run: Run, isTraining: Bool) -> JSON {
    let status = hasBegun(run.id) ? try? RunWatch(path(run.id)).status : nil
    let state =
      isTraining ? (status.map { $0.step > 0 } ?? false ? "training" : "starting") : status?.state == .finished ? "finished" : "stopped"
    return .members([
      "id": .string(run.id), "name": .string(run.name), "state": .string(state), "step": .integer(status?.step ?? 0),
      "images": .integer(status?.images ?? 0), "last_loss": .optional(status?.loss), "progress": .optional(status?.progress),
      "seconds": .number(status?.seconds ?? 0), "has_report": .boolean(FileFacts("\(path(run.id))/report.html") != nil),
      "has_model": .boolean((try? model(run.id)) != nil),
    ])
  }

  /// The lines of a log of later steps, at most the last two thousand.
  func log(_ id: String, after step: Int) throws -> [JSON] {
    let path = "\(try path(run(id).id))/log.jsonl"
    guard let size = FileFacts(path)?.size, let file = FileHandle(forReadingAtPath: path) else { return [] }
    defer { try? file.close() }
    if size > Self.logBytes { try file.seek(toOffset: UInt64(size - Self.logBytes)) }
    let data = try file.read(upToCount: Self.logBytes) ?? Data()
    // From the end: what is asked for is mostly the newest.
    var lines: [JSON] = []
    for line in data.split(separator: 10).reversed() {
      guard lines.count < Self.lines else { break }
      guard line.count < 1 << 16, let value = try? JSON(parsing: Data(line)), let number = value["step"]?.integer else { continue }
      guard number > step else { break }
      lines.append(value)
    }
    return lines.reversed()
  }

  func previews(_ id: String) throws -> [RunFolder.Preview] {
    let run = try run(id)
    return hasBegun(id) ? try RunFolder(existing: path(run.id)).previews : []
  }

  func remove(_ id: String) throws {
    let run = try run(id)
    if hasBegun(id) { try RunFolder(existing: path(run.id)).checkFree() }
    try? FileManager.default.removeItem(atPath: path(run.id))
    unlink("\(path(run.id)).json")
    folder.changed()
  }
}
