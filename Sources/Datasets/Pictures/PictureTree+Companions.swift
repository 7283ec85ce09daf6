import Archives
import Foundation

// Files that lie beside the pictures: tables of labels or captions, and texts.
extension PictureTree {
  /// A table's bytes, and the folder of the tree that it lies in.
  struct Table {
    let name: String, bytes: [UInt8], folder: String
  }

  /// - Parameters:
  ///   - path: in the tree, or elsewhere.
  ///   - content: what its lines hold, for messages.
  /// - Throws: `DatasetError` where it is missing, `ArchiveError` where it cannot be read.
  func table(_ path: String, holding content: String) throws -> Table {
    func folder(_ name: String) -> String { name.lastIndex(of: "/").map { String(name[...$0]) } ?? "" }
    if let inside = companion(ending: path), let bytes = try companion(at: inside, limit: Self.byteLimit) {
      return Table(name: "\(self.path): \(inside)", bytes: bytes, folder: folder(inside))
    }
    let inside = isArchive || path.hasPrefix("/") ? nil : "\(self.path)/\(path)"
    if let inside, FileManager.default.fileExists(atPath: inside) {
      return Table(name: inside, bytes: try Self.contents(inside, limit: Self.byteLimit), folder: folder(path))
    }
    guard FileManager.default.fileExists(atPath: path) else {
      throw DatasetError(
        .missing, path, "there is no such file in \(self.path) or in the working folder; expected lines of \(content)")
    }
    return Table(name: path, bytes: try Self.contents(path, limit: Self.byteLimit), folder: "")
  }

  static func contents(_ path: String, limit: Int) throws -> [UInt8] {
    let file = try ByteReader(path: path)
    return try file.readToEnd(limit: limit)
  }
}
