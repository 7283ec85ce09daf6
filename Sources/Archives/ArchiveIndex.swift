/// The files in a zip or tar, found once and then read in any order, by many tasks at a time; nothing is written anywhere.
///
///     let archive = try ArchiveIndex(path: "images.zip") { $0.hasSuffix(".png") }
///     let bytes = try archive.read(archive.entries.count - 1, limit: 1 << 24)
///
/// Of a zip only the directory at its end is read, of a tar only the headers. A tar that is compressed by gzip can only be read
/// from its beginning, so the wanted files of one are kept in memory, as they are in it.
public final class ArchiveIndex: Sendable {
  public struct Entry: Sendable {
    /// The path within the archive, without `.` or empty parts: relative, and never above where it begins.
    public let name: String
    /// The size in bytes that the archive states.
    public let size: Int
    let place: Place
  }

  /// Where an entry's bytes are.
  enum Place: Sendable {
    case file(offset: Int)
    case zip(ZipHeader)
    case memory([UInt8])
  }

  /// The most bytes that are read to see what a file is.
  package static let startLength = 512

  public let path: String
  /// The files that were wanted, in the archive's order.
  public let entries: [Entry]
  /// Names of links: they are not followed.
  public let links: [String]
  private let file: SeekableFile

  /// - Parameters:
  ///   - memoryLimit: the most bytes to keep of a compressed tar.
  ///   - isWanted: takes the names of all files, in the archive's order; files that it declines are passed over.
  /// - Throws: `ArchiveError` when the file is missing, neither zip nor tar, truncated or damaged; when a name leads out of the
  ///   archive or is there twice; when a file that is wanted is encrypted, packed in another way than zip's stored or deflate,
  ///   or lies about its size or place.
  public convenience init(
    path: String, memoryLimit: Int = 1 << 31, where isWanted: (String) -> Bool = { _ in true }
  ) throws(ArchiveError) {
    try self.init(path: path, memoryLimit: memoryLimit) { name, _ in isWanted(name) }
  }

  /// As `init(path:memoryLimit:where:)`, by names and contents.
  /// - Parameter isWanted: takes a file's name, and a closure that reads its first bytes, at most `startLength`; none where they
  ///   cannot be read.
  package init(path: String, memoryLimit: Int, whereStart isWanted: (String, () -> [UInt8]) -> Bool) throws(ArchiveError) {
    file = try SeekableFile(path: path)
    self.path = path
    let isZip = try file.read(0..<min(2, file.size)) == Array("PK".utf8)
    var listing = ArchiveListing(path: path)
    if isZip { try listing.readZip(file, isWanted) } else { try listing.readTar(file, memoryLimit: memoryLimit, isWanted) }
    (entries, links) = (listing.entries, listing.links)
  }

  /// The whole entry; that of a zip agrees with its checksum.
  /// - Parameter limit: the most bytes to accept.
  /// - Throws: `ArchiveError` when it is longer than the limit, truncated or damaged.
  public func read(_ index: Int, limit: Int) throws(ArchiveError) -> [UInt8] {
    let entry = entries[index]
    guard entry.size <= limit else { throw ArchiveError(path, .overLimit(limit), entry: entry.name) }
    switch entry.place {
    case .memory(let bytes): return bytes
    case .file(let offset): return try file.read(offset..<(offset + entry.size))
    case .zip(let header): return try file.unpacked(header, entry: entry.name)
    }
  }

  /// Where in the archive's file the bytes of an entry lie as they are; nil where they are packed or held in memory.
  /// - Throws: `ArchiveError` when the entry's own header says something else than the directory.
  func placeInFile(of index: Int) throws(ArchiveError) -> Range<Int>? {
    let entry = entries[index]
    switch entry.place {
    case .file(let offset): return offset..<(offset + entry.size)
    case .zip(let header) where header.method == 0:
      let start = try file.dataOffset(of: header, entry: entry.name)
      guard entry.size <= file.size - start else {
        throw ArchiveError(path, .truncated("expected \(entry.size) bytes from byte \(start) on"), entry: entry.name)
      }
      return start..<(start + entry.size)
    case .zip, .memory: return nil
    }
  }
}
