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
  /// The entries of an archive that are not pictures but were asked for.
  private var companions: [String: Int] = [:]

  /// Other files to be found beside the pictures.
  struct Companions {
    /// Tables, by the whole name or, in an archive, by the name below some folder.
    var tables: [String] = []
    /// The ending of others, in whatever folder; nil for none.
    var ending: String?

    func has(_ name: String, inArchive: Bool) -> Bool {
      tables.contains { name == $0 || inArchive && name.hasSuffix("/\($0)") } || ending.map { name.hasSuffix($0) } ?? false
    }
  }

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
  ///   - companions: other files to be found in the tree, such as a table of labels.
  /// - Throws: `DatasetError`, and `ArchiveError` for anything else.
  init(path: String, companions wanted: Companions = Companions()) throws {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno != ENOENT { throw DatasetError.system(path, errno) }
      throw DatasetError(
        .missing, path, "there is no such folder or archive; put the pictures there, or name theirs by `path` in the recipe")
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      (isArchive, source) = (false, .folder)
      try findPictures(inFolder: path, wanted)
    } else if PictureFormat.isPicture(file: path) {
      (isArchive, source) = (false, .file)
      names = [(path as NSString).lastPathComponent]
    } else {
      var others: [SkippedFile] = [], companions: Set<String> = []
      let archive = try Self.archive(path, wanted, &companions, &others)
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

  private mutating func findPictures(inFolder path: String, _ wanted: Companions) throws(DatasetError) {
    let walk = try FolderWalk(path)
    let isWanted = walk.files.map { wanted.has($0, inArchive: false) }
    let isPicture = zip(walk.files, isWanted).map { !$1 && PictureFormat.isPicture(file: "\(path)/\($0)") }
    names = Self.sorted(zip(walk.files, isPicture).filter(\.1).map(\.0))
    let others = walk.files.indices.filter { !isPicture[$0] && !isWanted[$0] }.map { walk.files[$0] }
    skipped = Self.sorted(
      walk.skipped + others.map { Self.notAPicture($0, start: PictureFormat.start(ofFile: "\(path)/\($0)")) })
  }

  /// The archive's pictures and companions.
  private static func archive(
    _ path: String, _ wanted: Companions, _ companions: inout Set<String>, _ others: inout [SkippedFile]
  ) throws -> ArchiveIndex {
    try ArchiveIndex(path: path, memoryLimit: memoryLimit) { name, start in
      if name.split(separator: "/").contains(where: FolderWalk.isIgnored) { return false }
      if wanted.has(name, inArchive: true) {
        companions.insert(name)
        return true
      }
      if PictureFormat.isPictureName(name) || PictureFormat(start: start()) != nil { return true }
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

  /// The file beside the pictures that was asked for under a name of this ending: of several in an archive the one nearest to the top.
  func companion(ending name: String) -> String? {
    func depth(_ name: String) -> Int { name.utf8.count { $0 == 0x2F } }
    return companions.keys.filter { $0 == name || $0.hasSuffix("/\(name)") }.min { (depth($0), $0) < (depth($1), $1) }
  }

  /// The contents of a file beside the pictures that was asked for; nil where there is none.
  /// - Parameter limit: the most bytes that it may have.
  /// - Throws: `ArchiveError`.
  func companion(at name: String, limit: Int) throws -> [UInt8]? {
    switch source {
    case .archive(let archive, _): return try companions[name].map { try archive.read($0, limit: limit) }
    case .folder, .file:
      let folder = isFile ? path.parentFolder : path
      let file = folder.isEmpty ? name : "\(folder)/\(name)"
      return FileManager.default.fileExists(atPath: file) ? try Self.contents(file, limit: limit) : nil
    }
  }

  private var isFile: Bool { if case .file = source { true } else { false } }

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
