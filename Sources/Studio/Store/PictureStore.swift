import Failures
import Foundation
import Imaging
import Synchronization

/// A picture that was uploaded.
struct StoredPicture: Codable, Sendable {
  let id: String, name: String
  let width: Int, height: Int, channels: Int
  let format: String, ending: String, bytes: Int
  let jpegQuality: Int?

  var type: String { PictureTypes.type(ofEnding: ending) }

  var json: JSON {
    .members([
      "id": .string(id), "name": .string(name), "width": .integer(width), "height": .integer(height), "channels": .integer(channels),
      "format": .string(format), "bytes": .integer(bytes), "jpeg_quality": .optional(jpegQuality),
    ])
  }
}

/// Uploaded pictures: `pictures/ID.ENDING`, and `ID.json` beside it.
final class PictureStore: Sendable {
  private let folder: DataFolder
  private let lane = WorkLane("pictures", limit: 32)
  private let known: Mutex<[String: StoredPicture]>
  private let views = Mutex<[(key: String, bytes: Data, type: String)]>([])

  private static let keptViews = 24

  init(_ folder: DataFolder) {
    self.folder = folder
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/pictures")) ?? []
    var known: [String: StoredPicture] = [:]
    for name in names {
      if name.hasSuffix(".part") { unlink("\(folder.path)/pictures/\(name)") }
      guard name.hasSuffix(".json"), let picture = DataFolder.read(StoredPicture.self, "\(folder.path)/pictures/\(name)"),
        Identifier.isOne(picture.id), name == "\(picture.id).json"
      else { continue }
      known[picture.id] = picture
    }
    self.known = Mutex(known)
  }

  /// - Throws: `Problem` 404.
  func picture(_ id: String) throws -> StoredPicture {
    guard let picture = known.withLock({ $0[id] }) else {
      throw Problem(404, "there is no picture '\(id.prefix(40))'", hint: "upload it first")
    }
    return picture
  }

  func path(of picture: StoredPicture) -> String { "\(folder.path)/pictures/\(picture.id).\(picture.ending)" }

  /// - Throws: `Problem`; `ImagingError` for what is no picture.
  func add(_ request: Request) async throws -> StoredPicture {
    let id = Identifier.make(), part = "\(folder.path)/pictures/\(id).part"
    let bytes = try await folder.receive(request, to: part)
    let name = Self.shownName(request.head.headers["x-filename"])
    do {
      return try await lane.run { [self] in
        let reader = try Self.reader(part, name: name)
        let picture = StoredPicture(
          id: id, name: name, width: reader.width, height: reader.height, channels: reader.channels, format: reader.format.name,
          ending: PictureTypes.ending(of: reader.format), bytes: bytes, jpegQuality: reader.jpegQuality)
        guard rename(part, path(of: picture)) == 0 else { throw Problem(507, "the picture cannot be written into the data folder") }
        try DataFolder.write(picture, to: "\(folder.path)/pictures/\(id).json")
        known.withLock { $0[id] = picture }
        return picture
      }
    } catch {
      unlink(part)
      folder.changed()
      throw error
    }
  }

  /// Reads the header of an uploaded file, whose bytes the client calls `name`.
  static func reader(_ path: String, name: String) throws -> PictureReader {
    guard let data = FileManager.default.contents(atPath: path) else { throw Problem(507, "the picture cannot be read back") }
    return try PictureReader(decoding: data, name: name)
  }

  /// A name for display only: it is never a part of a path.
  static func shownName(_ header: String?) -> String {
    let name = (header?.removingPercentEncoding ?? "").unicodeScalars.filter {
      ![.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
    }
    let last = String(String.UnicodeScalarView(name)).split(separator: "/").last.map { String($0.prefix(120)) } ?? ""
    return last.isEmpty ? "picture" : last
  }

  func remove(_ id: String) throws {
    let picture = try picture(id)
    known.withLock { _ = $0.removeValue(forKey: id) }
    unlink(path(of: picture))
    unlink("\(folder.path)/pictures/\(id).json")
    folder.changed()
  }

  /// A picture no larger than `size` on a side, upright: JPEG, or PNG where it is small or transparent.
  func view(_ id: String, size: Int) async throws -> Response {
    let picture = try picture(id), path = path(of: picture)
    return try await view(of: path, key: "\(id) \(size)", size: size)
  }

  /// The same of a file of the data folder.
  func view(of path: String, key: String, size: Int) async throws -> Response {
    if let kept = views.withLock({ $0.first { $0.key == key } }) {
      return Response(type: kept.type, body: .bytes(kept.bytes), headers: Self.lasting)
    }
    let (bytes, type) = try await lane.run { () -> (Data, String) in
      let image = try Self.reduced(path, to: size), isSmall = image.width * image.height <= 256 * 256 || image.hasAlpha
      return (Data(try image.encoded(as: isSmall ? .png : .jpeg(quality: 88))), isSmall ? "image/png" : "image/jpeg")
    }
    views.withLock { views in
      views.append((key, bytes, type))
      if views.count > Self.keptViews { views.removeFirst() }
    }
    return Response(type: type, body: .bytes(bytes), headers: Self.lasting)
  }

  /// A picture no larger than `size` on a side, upright.
  static func reduced(_ path: String, to size: Int) throws -> Image {
    let reader = try PictureReader(file: path), scale = Double(size) / Double(max(reader.width, reader.height))
    guard scale < 1 else { return try reader.image() }
    let width = max(1, Int(Double(reader.width) * scale)), height = max(1, Int(Double(reader.height) * scale))
    return try reader.reducedImage(coveringWidth: width, height: height).resized(width: width, height: height, filter: .box)
  }

  /// What has an id of its own never changes.
  static let lasting = ["Cache-Control": "private, max-age=3600"]
}
