import Archives
import Foundation
import Imaging

/// The pictures below a folder, or in a zip or tar that is read as one, in the order of their names' Unicode code points.
///
/// A file is a picture by its ending, in capitals or not; what it holds is found out by decoding it. Hidden files and
/// `__MACOSX` are passed over, everything else that is no picture is reported.
struct PictureTree: Sendable {
  let path: String
  /// Relative paths of the pictures, sorted.
  let names: [String]
  let skipped: [SkippedFile]
  let isArchive: Bool
  private let source: Source
  /// Files that are no pictures but were asked for.
  private let companions: [String: Int]

  private enum Source: Sendable {
    case folder
    /// The positions of the pictures in the archive, in the order of `names`.
    case archive(ArchiveIndex, [Int])
    case file
  }

  /// Endings of what libvips decodes, in small letters.
  static let endings: Set<String> = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "tif", "tiff", "heic", "heif", "avif", "jp2", "jxl",
  ]
  /// The most bytes of one encoded picture, or of a table, that are taken from an archive: 2 to the power of 28.
  static let byteLimit = 1 << 28
  /// The most bytes of a compressed tar that are kept in memory: 2 to the power of 32.
  static let memoryLimit = 1 << 32

  /// - Parameters:
  ///   - path: a folder, a zip, a tar, plain or compressed by gzip, or one picture.
  ///   - companion: another file to be found in the tree, such as a table of labels; by its whole name, or, in an archive,
  ///     by the name below some folder.
  /// - Throws: `SourceError`, and `ArchiveError` for what is neither.
  init(path: String, companion: String? = nil) throws {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno != ENOENT { throw SourceError.system(path, errno) }
      throw SourceError(
        .missing, path, "there is no such folder or archive; put the pictures there, or name theirs by `path` in the recipe")
    }
    isArchive = status.st_mode & S_IFMT != S_IFDIR && !Self.isPicture(path)
    if status.st_mode & S_IFMT == S_IFDIR {
      let walk = try FolderWalk(path)
      let pictures = walk.files.filter(Self.isPicture)
      names = Self.sorted(pictures)
      let others = pictures.count == walk.files.count ? [] : walk.files.filter { !Self.isPicture($0) && $0 != companion }
      skipped = Self.sorted(walk.skipped + others.map(Self.noPicture))
      source = .folder
      companions = [:]
    } else if Self.isPicture(path) {
      names = [(path as NSString).lastPathComponent]
      (skipped, companions, source) = ([], [:], .file)
    } else {
      var others: [SkippedFile] = []
      let archive = try ArchiveIndex(path: path, memoryLimit: Self.memoryLimit) { name in
        if name.split(separator: "/").contains(where: FolderWalk.isIgnored) { return false }
        let isWanted = Self.isPicture(name) || companion.map { name == $0 || name.hasSuffix("/\($0)") } ?? false
        if !isWanted { others.append(Self.noPicture(name)) }
        return isWanted
      }
      let pictures = archive.entries.indices.filter { Self.isPicture(archive.entries[$0].name) }
      let order = pictures.sorted { Self.precedes(archive.entries[$0].name, archive.entries[$1].name) }
      names = order.map { archive.entries[$0].name }
      skipped = Self.sorted(others + archive.links.map { SkippedFile(name: $0, reason: "a link; those in archives are not followed") })
      source = .archive(archive, order)
      companions = Dictionary(
        uniqueKeysWithValues: archive.entries.indices.filter { !Self.isPicture(archive.entries[$0].name) }
          .map { (archive.entries[$0].name, $0) })
    }
  }

  /// What reports call a picture.
  func title(_ index: Int) -> String {
    switch source {
    case .folder: "\(path)/\(names[index])"
    case .archive: "\(path): \(names[index])"
    case .file: path
    }
  }

  /// Nothing is read of a picture that lies in a file of its own.
  /// - Throws: `ArchiveError`.
  func content(_ index: Int) throws -> Picture.Content {
    switch source {
    case .folder: .file("\(path)/\(names[index])")
    case .archive(let archive, let positions): .encoded(try archive.read(positions[index], limit: Self.byteLimit))
    case .file: .file(path)
    }
  }

  /// The archive's file that was asked for beside the pictures: the one nearest to the top, with its name.
  func companion() throws -> (name: String, bytes: [UInt8])? {
    guard case .archive(let archive, _) = source else { return nil }
    func depth(_ name: String) -> Int { name.utf8.count { $0 == 0x2F } }
    guard let found = companions.min(by: { (depth($0.key), $0.key) < (depth($1.key), $1.key) }) else { return nil }
    return (found.key, try archive.read(found.value, limit: Self.byteLimit))
  }

  // ---- names

  static func isPicture(_ name: String) -> Bool {
    guard let dot = name.utf8.lastIndex(of: 0x2E) else { return false }
    let ending = name[name.index(after: dot)...]
    return ending.utf8.count <= 4 && endings.contains(ending.lowercased())
  }

  static func precedes(_ first: String, _ second: String) -> Bool { first.utf8.lexicographicallyPrecedes(second.utf8) }

  /// UTF-8's order is that of the code points.
  private static func sorted(_ names: [String]) -> [String] { names.sorted(by: precedes) }

  private static func sorted(_ files: [SkippedFile]) -> [SkippedFile] { files.sorted { precedes($0.name, $1.name) } }

  private static func noPicture(_ name: String) -> SkippedFile {
    SkippedFile(name: name, reason: "no picture by its ending")
  }
}
