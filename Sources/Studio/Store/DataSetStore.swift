import Failures
import Foundation
import Imaging
import Synchronization
import Workflows

/// A data set that was made from uploaded pictures.
struct StoredDataSet: Codable, Sendable {
  let id: String, name: String
  let classes: [String]
  var count: Int
}

/// Data sets of uploaded pictures, and the folders that were given at start: `data/ID/set.json`, `data/ID/pictures/CLASS/ID.ENDING`.
final class DataSetStore: Sendable {
  struct Folder: Sendable { let id: String, name: String, path: String }

  let folders: [Folder]
  private let folder: DataFolder
  private let lane = WorkLane("data", limit: 8)
  private let known: Mutex<[String: StoredDataSet]>
  private let reports = Mutex<[String: (report: JSON, sheet: Data?, at: Double)]>([:])

  /// The most pictures of a set, and of a folder those that are looked at.
  private static let pictures = 20_000, chunks = 20
  /// Seconds for which a report of a folder is good.
  private static let lasting = 60.0

  init(_ folder: DataFolder, folders: [String]) {
    self.folder = folder
    self.folders = folders.map { Folder(id: Identifier.of($0), name: ($0 as NSString).lastPathComponent, path: $0) }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/data")) ?? []
    let sets = names.filter(Identifier.isOne).compactMap { DataFolder.read(StoredDataSet.self, "\(folder.path)/data/\($0)/set.json") }
    known = Mutex(Dictionary(sets.filter { Identifier.isOne($0.id) }.map { ($0.id, $0) }) { first, _ in first })
  }

  var all: [StoredDataSet] { known.withLock { $0.values.sorted { $0.name < $1.name } } }

  /// - Throws: `Problem` 404.
  func set(_ id: String) throws -> StoredDataSet {
    guard let set = known.withLock({ $0[id] }) else { throw Problem(404, "there is no data set '\(id.prefix(40))'") }
    return set
  }

  /// The folder with the pictures of a set or of a folder given at start.
  /// - Throws: `Problem` 404.
  func path(_ id: String) throws -> String {
    if let folder = folders.first(where: { $0.id == id }) { return folder.path }
    return "\(folder.folder("data", try set(id).id))/pictures"
  }

  /// Whether the classes are folders of their own.
  func hasClasses(_ id: String) throws -> Bool {
    guard let folder = folders.first(where: { $0.id == id }) else { return try !set(id).classes.isEmpty }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    var isFolder: ObjCBool = false
    return names.contains {
      !$0.hasPrefix(".") && FileManager.default.fileExists(atPath: "\(folder.path)/\($0)", isDirectory: &isFolder) && isFolder.boolValue
    }
  }

  func make(_ body: JSON) throws -> StoredDataSet {
    let classes = body["classes"]?.array?.compactMap(\.string) ?? []
    // Classes become names of folders, because a data set's classes are read from there.
    for name in classes where name.wholeMatch(of: /[\p{L}\p{N}][\p{L}\p{N} _-]{0,39}/) == nil {
      throw Problem(422, "the class '\(name.prefix(40))' has other characters than letters, digits, spaces, '-' and '_'")
    }
    guard Set(classes.map { $0.lowercased() }).count == classes.count else { throw Problem(422, "two classes have the same name") }
    guard known.withLock({ $0.count }) < 200 else { throw Problem(507, "there are 200 data sets", hint: "remove some") }
    let set = StoredDataSet(id: Identifier.make(), name: PictureStore.shownName(body["name"]?.string), classes: classes, count: 0)
    let path = folder.folder("data", set.id)
    for name in ["pictures"] + classes.map({ "pictures/\($0)" }) {
      if let problem = "\(path)/\(name)".makeFolder() { throw Problem(507, "the data set cannot be made: \(problem)") }
    }
    try DataFolder.write(set, to: "\(path)/set.json")
    known.withLock { $0[set.id] = set }
    return set
  }

  /// - Throws: `Problem`; `ImagingError` for what is no picture.
  func add(_ request: Request, to id: String) async throws -> JSON {
    let set = try set(id), name = request.head.query["class"]
    guard set.classes.isEmpty ? name == nil : name.map(set.classes.contains) ?? false else {
      let expected = set.classes.isEmpty ? "none, because the set has no classes" : "one of \(set.classes.joined(separator: ", "))"
      throw Problem(422, "the class is '\((name ?? "").prefix(40))'; expected \(expected)")
    }
    guard set.count < Self.pictures else { throw Problem(507, "the data set has \(Self.pictures) pictures") }
    let pictureID = Identifier.make(), path = "\(folder.folder("data", id))/pictures/\(name.map { "\($0)/" } ?? "")\(pictureID)"
    let part = "\(folder.folder("data", id))/\(pictureID).part"
    _ = try await folder.receive(request, to: part)
    let shown = PictureStore.shownName(request.head.headers["x-filename"])
    do {
      return try await lane.run { [self] in
        let reader = try PictureStore.reader(part, name: shown)
        guard rename(part, "\(path).\(PictureTypes.ending(of: reader.format))") == 0 else {
          throw Problem(507, "the picture cannot be written into the data folder")
        }
        let changed = known.withLock { known in
          known[id]?.count += 1
          return known[id]
        }
        if let changed { try DataFolder.write(changed, to: "\(folder.folder("data", id))/set.json") }
        reports.withLock { $0[id] = nil }
        return ["name": .string(shown), "width": .integer(reader.width), "height": .integer(reader.height)]
      }
    } catch {
      unlink(part)
      folder.changed()
      throw error
    }
  }

  func remove(_ id: String) throws {
    let set = try set(id)
    known.withLock { _ = $0.removeValue(forKey: id) }
    reports.withLock { $0[id] = nil }
    try? FileManager.default.removeItem(atPath: folder.folder("data", set.id))
    folder.changed()
  }

  // MARK: What is in a set

  func report(_ id: String) async throws -> JSON { try await inspected(id).report }

  /// A contact sheet.
  /// - Throws: `Problem` 404 where no picture can be read.
  func sheet(_ id: String) async throws -> Data {
    guard let sheet = try await inspected(id).sheet else { throw Problem(404, "there is no picture to show yet") }
    return sheet
  }

  private func inspected(_ id: String) async throws -> (report: JSON, sheet: Data?, at: Double) {
    let path = try path(id), isFolder = folders.contains { $0.id == id }
    if let known = reports.withLock({ $0[id] }), !isFolder || ReadinessPool.now - known.at < Self.lasting { return known }
    let name = try folders.first { $0.id == id }?.name ?? set(id).name
    let isEmpty = !isFolder ? try set(id).count == 0 : false
    let classes = isFolder ? [] : try set(id).classes
    return try await lane.run { [self] in
      if isEmpty { return (Self.empty(id, name, classes), nil, ReadinessPool.now) }
      let inspection = DataInspection(name, try DataSource(path), depth: .headers)
      var chunks = 0, isWhole = false
      while !isWhole, chunks < Self.chunks {
        isWhole = inspection.next() == nil
        chunks += 1
      }
      let found = (
        report: Self.json(id, name, inspection.report, isWhole: isWhole), sheet: (try? inspection.sheet().encoded()).map { Data($0) },
        at: ReadinessPool.now
      )
      reports.withLock { $0[id] = found }
      return found
    }
  }

  private static func empty(_ id: String, _ name: String, _ classes: [String]) -> JSON {
    [
      "id": .string(id), "name": .string(name), "count": 0, "unreadable": [], "is_complete": true,
      "classes": .array(classes.map { ["name": .string($0), "count": 0] }),
    ]
  }

  private static func json(_ id: String, _ name: String, _ report: DataReport, isWhole: Bool) -> JSON {
    func size(_ size: DataReport.Size) -> JSON { ["width": .integer(size.width), "height": .integer(size.height)] }
    let sizes = report.sizes.map { sizes -> JSON in
      [
        "smallest": size(sizes.smallest), "median": size(sizes.median), "largest": size(sizes.largest),
        "different": .integer(sizes.different),
      ]
    }
    let skipped = report.skipped.map { ($0.name, $0.reason) } + report.unreadable.map { ("picture \($0.index)", $0.reason) }
    return .members([
      "id": .string(id), "name": .string(name), "count": .integer(report.count),
      "classes": .array(report.classes.map { ["name": .string($0.name), "count": .integer($0.count)] }),
      "unreadable": .array(skipped.map { ["name": .string($0.0), "problem": .string($0.1)] }), "sizes": sizes,
      "is_complete": .boolean(isWhole),
    ])
  }
}
