import Foundation

/// Bytes with random access: read in place from a file where they are stored uncompressed, else held in memory, once.
///
/// A path may continue inside a zip or tar: `mnist.zip/raw/train-images-idx3-ubyte.gz`. Gzip is decompressed. An entry that a
/// zip stores without compression, or a plain tar holds, is read in place, like a file; its checksum is then not looked at.
public struct ByteStore: Sendable {
  /// Its name in reports: the path; of an entry "archive.zip: entry".
  public let name: String
  public let count: Int
  private let place: Place

  private enum Place: Sendable {
    case file(SeekableFile, from: Int)
    /// All but the last of `blockSize`: blocks are filled as the bytes come, and never moved.
    case memory([[UInt8]])
  }
  private static let blockSize = 1 << 22

  /// The most bytes that a compressed file is taken to: a small one can promise a thousand times its size, real data hardly a
  /// hundred. A GiB at least.
  /// - Parameter packed: its own bytes.
  package static func expansionLimit(packed: Int) -> Int { max(1 << 30, packed < 1 << 50 ? 100 * packed : packed) }

  /// - Parameter limit: the most bytes to take into memory.
  /// - Throws: `ArchiveError` when there is no such file or entry, or when it is damaged or beyond the limit.
  public init(path: String, limit: Int) throws(ArchiveError) {
    guard let (archive, entry) = Self.divided(path) else {
      try self.init(file: SeekableFile(path: path), limit: limit)
      return
    }
    let file = try SeekableFile(path: archive)
    if let range = try Self.place(of: entry, in: file), !(try Self.isGzip(file, range)) {
      self.init(name: "\(archive): \(entry)", count: range.count, place: .file(file, from: range.lowerBound))
      return
    }
    guard let found = try Self.entries(of: archive, limit: limit, where: { $0 == entry }, isEnough: { $0 == 1 }).first else {
      throw ArchiveError(archive, .noEntry(there: try Self.names(in: archive)), entry: entry)
    }
    self = found
  }

  private init(file: SeekableFile, limit: Int) throws(ArchiveError) {
    guard try Self.isGzip(file, 0..<file.size) else {
      self.init(name: file.path, count: file.size, place: .file(file, from: 0))
      return
    }
    let reader = try ByteReader(path: file.path)
    try self.init(name: file.path, limit: limit, packed: file.size) { wanted throws(ArchiveError) in try reader.read(upTo: wanted) }
  }

  /// Takes what `next` returns, up to an empty piece.
  /// - Parameter packed: the bytes of the compressed file that they come from.
  private init(name: String, limit: Int, packed: Int, next: (Int) throws(ArchiveError) -> [UInt8]) throws(ArchiveError) {
    let most = Self.expansionLimit(packed: packed)
    var blocks: [[UInt8]] = [], count = 0
    while true {
      let block = try next(min(Self.blockSize, limit - count + 1))
      if block.isEmpty { break }
      count += block.count
      guard count <= limit else { throw ArchiveError(name, .overLimit(limit)) }
      guard count <= most else { throw ArchiveError(name, .expansion(packed: packed, limit: most)) }
      blocks.append(block)
    }
    self.init(name: name, count: count, place: .memory(blocks))
  }

  private init(name: String, count: Int, place: Place) {
    self.name = name
    self.count = count
    self.place = place
  }

  /// - Precondition: the range lies in `0..<count`.
  /// - Throws: `ArchiveError` when the file has changed meanwhile or the system refuses.
  public func read(_ range: Range<Int>) throws(ArchiveError) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "bytes \(range) of \(count) in \(name)")
    switch place {
    case .file(let file, let start): return try file.read((start + range.lowerBound)..<(start + range.upperBound))
    case .memory(let blocks):
      var bytes: [UInt8] = []
      bytes.reserveCapacity(range.count)
      var at = range.lowerBound
      while at < range.upperBound {
        let block = at / Self.blockSize, offset = at % Self.blockSize
        let piece = min(Self.blockSize - offset, range.upperBound - at)
        bytes.append(contentsOf: blocks[block][offset..<(offset + piece)])
        at += piece
      }
      return bytes
    }
  }

  /// The first bytes of a file or entry, without loading the rest.
  /// - Throws: `ArchiveError`, `truncated` when there are fewer.
  public static func start(of path: String, count: Int) throws(ArchiveError) -> [UInt8] {
    let bytes = try start(of: path, upTo: count)
    guard bytes.count == count else {
      throw ArchiveError(path, .truncated("expected \(count) bytes or more, found \(bytes.count)"))
    }
    return bytes
  }

  /// As `start(of:count:)`; fewer bytes where there are no more.
  public static func start(of path: String, upTo count: Int) throws(ArchiveError) -> [UInt8] {
    guard let (archive, name) = divided(path) else { return try ByteReader(path: path).read(upTo: count) }
    let reader = try ArchiveReader(path: archive)
    while let entry = try reader.next() {
      guard entry.isFile, plain(entry.name) == name else { continue }
      let bytes = try entry.read(upTo: max(count, 1 << 16))
      return bytes.starts(with: gzipStart) ? try ByteReader(compressed: bytes, name: path).read(upTo: count) : Array(bytes.prefix(count))
    }
    throw ArchiveError(archive, .noEntry(there: try names(in: archive)), entry: name)
  }

  // ---- archives

  /// Where an entry lies as it is. One that is compressed is read by libarchive, which also says what is wrong with an archive.
  private static func place(of entry: String, in file: SeekableFile) throws(ArchiveError) -> Range<Int>? {
    guard !(try isGzip(file, 0..<file.size)), let index = try? ArchiveIndex(path: file.path, where: { $0 == entry }),
      index.entries.count == 1
    else { return nil }
    return try? index.placeInFile(of: 0)
  }

  /// The name without `.` and empty parts, as in `ArchiveIndex`.
  private static func plain(_ name: String) -> String {
    name.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }

  /// Whether a path names a file, or an entry of what could be an archive.
  public static func mayExist(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) || divided(path) != nil }

  /// Entries of a zip or tar in one pass over it.
  /// - Parameters:
  ///   - limit: the most bytes to take into memory of one entry.
  ///   - isWanted: by an entry's name.
  public static func entries(
    of archive: String, limit: Int, where isWanted: (String) -> Bool
  ) throws(ArchiveError) -> [(entry: String, bytes: ByteStore)] {
    var names: [String] = []
    let stores = try entries(of: archive, limit: limit) { name in
      guard isWanted(name) else { return false }
      names.append(name)
      return true
    } isEnough: { _ in
      false
    }
    return Array(zip(names, stores).map { (entry: $0, bytes: $1) })
  }

  private static func entries(
    of archive: String, limit: Int, where isWanted: (String) -> Bool, isEnough: (Int) -> Bool
  ) throws(ArchiveError) -> [ByteStore] {
    let packed = try SeekableFile(path: archive).size, reader = try ArchiveReader(path: archive)
    var found: [ByteStore] = []
    while !isEnough(found.count), let entry = try reader.next() {
      let entryName = plain(entry.name)
      guard entry.isFile, isWanted(entryName) else { continue }
      let name = "\(archive): \(entryName)"
      // Gzip can be a little longer than its content.
      let store = try ByteStore(name: name, limit: limit + limit >> 6 + 1 << 12, packed: packed) { wanted throws(ArchiveError) in
        try entry.read(upTo: wanted)
      }
      found.append(try store.decompressed(limit: limit, packed: packed))
    }
    return found
  }

  /// The names of the files in a zip or tar.
  public static func names(in archive: String) throws(ArchiveError) -> [String] {
    let reader = try ArchiveReader(path: archive)
    var names: [String] = []
    while let entry = try reader.next() { if entry.isFile { names.append(plain(entry.name)) } }
    return names
  }

  /// A gzip file within an archive as its content.
  private func decompressed(limit: Int, packed: Int) throws(ArchiveError) -> ByteStore {
    guard count >= 2, try read(0..<2) == Self.gzipStart else {
      guard count <= limit else { throw ArchiveError(name, .overLimit(limit)) }
      return self
    }
    let reader = try ByteReader(compressed: try read(0..<count), name: name)
    return try ByteStore(name: name, limit: limit, packed: packed) { wanted throws(ArchiveError) in try reader.read(upTo: wanted) }
  }

  private static let gzipStart: [UInt8] = [0x1F, 0x8B]

  private static func isGzip(_ file: SeekableFile, _ range: Range<Int>) throws(ArchiveError) -> Bool {
    guard range.count >= 2 else { return false }
    return try file.read(range.lowerBound..<(range.lowerBound + 2)) == gzipStart
  }

  /// A path that continues behind a file, as that file and the entry in it.
  private static func divided(_ path: String) -> (archive: String, entry: String)? {
    guard !FileManager.default.fileExists(atPath: path) else { return nil }
    var archive = path
    while let slash = archive.lastIndex(of: "/"), slash > archive.startIndex {
      archive = String(archive[..<slash])
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: archive, isDirectory: &isFolder) {
        let entry = String(path.dropFirst(archive.count + 1))
        return isFolder.boolValue || entry.isEmpty ? nil : (archive, entry)
      }
    }
    return nil
  }
}
