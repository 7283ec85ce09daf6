/// Lists the files of an archive and refuses everything that a listing shows to be wrong.
struct ArchiveListing {
  let path: String
  private(set) var entries: [ArchiveIndex.Entry] = []
  private(set) var links: [String] = []
  private var names: Set<String> = []

  /// The most bytes of a zip's directory, and the most entries of an archive.
  static let directoryLimit = 1 << 30, entryLimit = 1 << 24

  init(path: String) { self.path = path }

  mutating func readZip(_ file: SeekableFile, _ isWanted: (String, () -> [UInt8]) -> Bool) throws(ArchiveError) {
    let directory = try directory(of: file)
    try refuseOverlaps(directory)
    for entry in directory.entries {
      // Some programs on Windows write backslashes, against the standard.
      let path = entry.name.utf8.contains(0x5C) ? entry.name.replacing("\\", with: "/") : entry.name
      if path.hasSuffix("/") { continue }
      let name = try accepted(path)
      guard isWanted(name, { entry.isLink ? [] : file.start(of: entry, count: ArchiveIndex.startLength) }) else { continue }
      if entry.isLink {
        links.append(name)
      } else {
        try check(entry)
        entries.append(ArchiveIndex.Entry(name: name, size: Int(entry.size), place: .zip(entry)))
      }
    }
  }

  mutating func readTar(_ file: SeekableFile, memoryLimit: Int, _ isWanted: (String, () -> [UInt8]) -> Bool) throws(ArchiveError) {
    let reader = try ArchiveReader(path: path)
    var held = 0
    while let entry = try reader.next() {
      guard entry.isFile || entry.isLink else { continue }
      let name = try accepted(entry.name)
      var start: [UInt8] = []
      let isTaken = isWanted(name) {
        if start.isEmpty { start = Self.start(of: entry, in: file, isCompressed: reader.isCompressed) }
        return start
      }
      guard isTaken else { continue }
      if entry.isLink {
        links.append(name)
      } else if reader.isCompressed {
        let bytes = try bytes(of: entry, after: start, limit: memoryLimit - held, of: memoryLimit)
        held += bytes.count
        entries.append(ArchiveIndex.Entry(name: name, size: bytes.count, place: .memory(bytes)))
      } else {
        entries.append(try placed(entry, name: name, in: file))
      }
    }
  }

  // ---- names

  /// The name without `.` and empty parts.
  private mutating func accepted(_ name: String) throws(ArchiveError) -> String {
    let parts = name.split(separator: "/")
    func fail(_ what: String) -> ArchiveError { ArchiveError(path, .unsupported(what), entry: ZipHeader.short(name)) }
    guard !name.hasPrefix("/"), !parts.contains(".."), !name.utf8.contains(0), !parts.isEmpty else {
      throw fail("its name leads out of the archive; expected names below where it begins, so make it again from within its folder")
    }
    let clean = parts.count == 1 && parts[0].utf8.count == name.utf8.count ? name : parts.filter { $0 != "." }.joined(separator: "/")
    guard names.count < Self.entryLimit else { throw fail("comes after \(Self.entryLimit) others; no more files are accepted") }
    guard names.insert(clean).inserted else { throw fail("is there twice; expected each name once") }
    return clean
  }

  // ---- zip

  private func directory(of file: SeekableFile) throws(ArchiveError) -> ZipDirectory {
    let tail = try file.read(max(0, file.size - ZipEnd.longest)..<file.size)
    let end = try faultless(tail) { bytes throws(ZipFault) in try ZipEnd(tail: bytes, fileSize: file.size) }
    guard end.directory.count <= Self.directoryLimit else { throw ArchiveError(path, .overLimit(Self.directoryLimit)) }
    let bytes = try file.read(end.directory)
    return try faultless(bytes) { bytes throws(ZipFault) in try ZipDirectory(end, bytes: bytes, entryLimit: Self.entryLimit) }
  }

  private func faultless<Value>(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(ZipFault) -> Value
  ) throws(ArchiveError) -> Value {
    let result: Result<Value, ZipFault> = bytes.withUnsafeBytes { buffer in
      do throws(ZipFault) { return .success(try body(buffer)) } catch { return .failure(error) }
    }
    switch result {
    case .success(let value): return value
    case .failure(let fault): throw ArchiveError(path, .damaged(fault.message))
    }
  }

  /// Entries that share bytes are how a small zip holds more than there is room for.
  private func refuseOverlaps(_ directory: ZipDirectory) throws(ArchiveError) {
    let sorted = directory.entries.sorted { $0.offset < $1.offset }
    for (index, entry) in sorted.enumerated() {
      let limit = index + 1 < sorted.count ? sorted[index + 1].offset : directory.range.lowerBound
      // A local header takes 30 bytes at least.
      guard entry.offset <= limit - 30, entry.compressedSize <= UInt64(limit - 30 - entry.offset) else {
        let reason = index + 1 < sorted.count ? "it reaches into '\(sorted[index + 1].shortName)'" : "it reaches into the directory"
        throw ArchiveError(path, .damaged(reason), entry: entry.shortName)
      }
    }
  }

  private func check(_ entry: ZipHeader) throws(ArchiveError) {
    func fail(_ problem: ArchiveError.Problem) -> ArchiveError { ArchiveError(path, problem, entry: entry.shortName) }
    guard entry.flags & ZipHeader.encrypted == 0 else {
      throw fail(.unsupported("is encrypted; make the archive again without a password"))
    }
    guard entry.method == 0 || entry.method == 8 else {
      throw fail(.unsupported("is packed by method \(entry.method) of zip; expected 0, stored, or 8, deflate"))
    }
    // A byte of deflate's gives at most 1032 (two bits are a match of 258), and what cannot be made smaller grows but little.
    // No packed size reaches beyond the file any more, so that nothing overflows.
    let packed = entry.compressedSize
    let isPossible =
      entry.method == 0
      ? entry.size == packed : entry.size < UInt64(UInt32.max) && entry.size <= 1032 * packed && packed <= 2 * entry.size + 1024
    guard isPossible else { throw fail(.damaged("\(entry.compressedSize) bytes cannot unpack to \(entry.size)")) }
  }

  // ---- tar

  private func placed(_ entry: ArchiveReader.Entry, name: String, in file: SeekableFile) throws(ArchiveError) -> ArchiveIndex.Entry {
    guard let offset = entry.offset, let size = entry.size else {
      throw ArchiveError(path, .unsupported("is a sparse file; make the archive again without them"), entry: ZipHeader.short(name))
    }
    guard size >= 0, offset <= file.size, size <= file.size - offset else {
      throw ArchiveError(
        path, .truncated("expected \(size) bytes from byte \(offset) on, found \(file.size - offset)"), entry: ZipHeader.short(name))
    }
    return ArchiveIndex.Entry(name: name, size: size, place: .file(offset: offset))
  }

  /// The first bytes of an entry; of a compressed tar they are taken from it.
  private static func start(of entry: ArchiveReader.Entry, in file: SeekableFile, isCompressed: Bool) -> [UInt8] {
    guard entry.isFile else { return [] }
    if isCompressed { return (try? entry.read(upTo: ArchiveIndex.startLength)) ?? [] }
    guard let offset = entry.offset, let size = entry.size, offset <= file.size, size >= 0 else { return [] }
    return (try? file.read(offset..<(offset + min(size, ArchiveIndex.startLength, file.size - offset)))) ?? []
  }

  /// - Parameter start: what was read of the entry already.
  private func bytes(
    of entry: ArchiveReader.Entry, after start: [UInt8], limit: Int, of memoryLimit: Int
  ) throws(ArchiveError) -> [UInt8] {
    var bytes = start
    guard (entry.size ?? 0) <= limit else { throw ArchiveError(path, .tooMuchToHold(memoryLimit)) }
    while true {
      let piece = try entry.read(upTo: 1 << 16)
      if piece.isEmpty { return bytes }
      guard bytes.count + piece.count <= limit else { throw ArchiveError(path, .tooMuchToHold(memoryLimit)) }
      bytes += piece
    }
  }
}
