import Archives
import Failures
import Foundation
import Imaging

/// The pictures below a folder, or in a zip or tar that is read as one, in the order of their names' Unicode code points.
///
/// A file is a picture by its first bytes, or because it is named like one, so that a damaged picture is reported when it is read.
/// Hidden files and `__MACOSX` are passed over, all other files that are not pictures are reported.
struct PictureTree: Sendable {
  let path: String
  /// Relative paths of the pictures, sorted.
  private(set) var names: [String] = []
  private(set) var skipped: [SkippedFile] = []
  let isArchive: Bool
  private let source: Source
  /// Files that are not pictures but were asked for.
  private var companions: [String: Int] = [:]

  private enum Source: Sendable {
    case folder
    /// The positions of the pictures in the archive, in the order of `names`.
    case archive(ArchiveIndex, [Int])
    case file
  }

  /// The most bytes of one encoded picture, or of a table, that are taken from an archive: 2 to the power of 28.
  static let byteLimit = 1 << 28
  /// The most bytes of a compressed tar that are kept in memory: 2 to the power of 32.
  static let memoryLimit = 1 << 32

  /// - Parameters:
  ///   - path: a folder, a zip, a tar, plain or compressed by gzip, or one picture.
  ///   - companion: another file to be found in the tree, such as a table of labels; by its whole name, or, in an archive,
  ///     by the name below some folder.
  /// - Throws: `DatasetError`, and `ArchiveError` for anything else.
  init(path: String, companion: String? = nil) throws {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno != ENOENT { throw DatasetError.system(path, errno) }
      throw DatasetError(
        .missing, path, "there is no such folder or archive; put the pictures there, or name theirs by `path` in the recipe")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      (isArchive, source) = (false, .folder)
      try findPictures(inFolder: path, companion: companion)
    } else if PictureFormat.isPicture(file: path) {
      (isArchive, source) = (false, .file)
      names = [(path as NSString).lastPathComponent]
    } else {
      var others: [SkippedFile] = [], companions: Set<String> = []
      let archive = try Self.archive(path, companion: companion, &companions, &others)
      let entries = archive.entries
      let pictures = entries.indices.filter { !companions.contains(entries[$0].name) }
      let order = pictures.sorted { Self.precedes(entries[$0].name, entries[$1].name) }
      (isArchive, source) = (true, .archive(archive, order))
      names = order.map { entries[$0].name }
      skipped = Self.sorted(others + archive.links.map { SkippedFile(name: $0, reason: "a link; those in archives are not followed") })
      self.companions = Dictionary(
        uniqueKeysWithValues: entries.indices.filter { companions.contains(entries[$0].name) }.map { (entries[$0].name, $0) })
    }
  }

  private mutating func findPictures(inFolder path: String, companion: String?) throws(DatasetError) {
    let walk = try FolderWalk(path)
    let isPicture = walk.files.map { PictureFormat.isPicture(file: "\(path)/\($0)") }
    names = Self.sorted(zip(walk.files, isPicture).filter(\.1).map(\.0))
    let others = zip(walk.files, isPicture).filter { !$0.1 && $0.0 != companion }.map(\.0)
    skipped = Self.sorted(
      walk.skipped + others.map { Self.notAPicture($0, start: PictureFormat.start(ofFile: "\(path)/\($0)")) })
  }

  /// The archive's pictures and companions.
  private static func archive(
    _ path: String, companion: String?, _ companions: inout Set<String>, _ others: inout [SkippedFile]
  ) throws -> ArchiveIndex {
    try ArchiveIndex(path: path, memoryLimit: memoryLimit) { name, start in
      if name.split(separator: "/").contains(where: FolderWalk.isIgnored) { return false }
      if PictureFormat.isPictureName(name) || PictureFormat(start: start()) != nil { return true }
      if companion.map({ name == $0 || name.hasSuffix("/\($0)") }) ?? false {
        companions.insert(name)
        return true
      }
      others.append(notAPicture(name, start: start()))
      return false
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

  static func precedes(_ first: String, _ second: String) -> Bool { first.utf8.lexicographicallyPrecedes(second.utf8) }

  /// UTF-8's order is that of the code points.
  private static func sorted(_ names: [String]) -> [String] { names.sorted(by: precedes) }

  private static func sorted(_ files: [SkippedFile]) -> [SkippedFile] { files.sorted { precedes($0.name, $1.name) } }

  /// A picture that no decoder reads is named, so that nobody looks for it in vain.
  private static func notAPicture(_ name: String, start: [UInt8]) -> SkippedFile {
    let format = ForeignFormat(start)
    let reason =
      switch format {
      case .otherPicture?, .pdf?, .film?: "\(format!.phrase); pictures are read as PNG, JPEG and the like"
      default: "not a picture"
      }
    return SkippedFile(name: name, reason: reason)
  }
}
