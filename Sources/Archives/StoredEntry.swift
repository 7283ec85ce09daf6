/// Where in a zip the bytes of an entry lie that is stored as it is, so that they can be read there (PKWARE, APPNOTE 6.3, sections
/// 4.3 and 4.5.3). Whatever is out of the ordinary gives no place; libarchive reads such an entry, or says what is wrong.
struct StoredEntry {
  private let file: OpenFile
  /// No directory is longer than this, some 500,000 entries.
  private static let directoryLimit = 1 << 26

  /// - Returns: the entry's bytes in the file; nil when it is compressed, encrypted, twice there, or not there.
  static func range(of name: String, in file: OpenFile) throws(ArchiveError) -> Range<Int>? {
    let zip = StoredEntry(file: file)
    guard let directory = try zip.directory() else { return nil }
    let found = try zip.entries(in: directory).filter { $0.name == Array(name.utf8)[...] }
    return found.count == 1 ? try zip.data(of: found[0], before: directory.lowerBound) : nil
  }

  private struct Entry {
    let name: ArraySlice<UInt8>
    let isStored: Bool
    let size: Int, header: Int
  }

  /// The directory's place, by the record at the end of the file, which a comment may follow, or by its 64-bit form.
  private func directory() throws(ArchiveError) -> Range<Int>? {
    let start = max(0, file.size - 22 - 65_535)
    let tail = try file.read(start..<file.size)
    let end = stride(from: tail.count - 22, through: 0, by: -1).first { at in
      tail.number(at, 4) == 0x0605_4B50 && at + 22 + tail.number(at + 20, 2) == tail.count
    }
    guard let end else { return nil }
    var (size, offset) = (tail.number(end + 12, 4), tail.number(end + 16, 4))
    if end >= 20, tail.number(end - 20, 4) == 0x0706_4B50 {
      let at = tail.number(end - 12, 8)
      guard at >= 0, at <= file.size - 56 else { return nil }
      let record = try file.read(at..<(at + 56))
      guard record.number(0, 4) == 0x0606_4B50 else { return nil }
      (size, offset) = (record.number(40, 8), record.number(48, 8))
    }
    guard size >= 0, size <= Self.directoryLimit, offset >= 0, offset <= file.size - size else { return nil }
    return offset..<(offset + size)
  }

  private func entries(in directory: Range<Int>) throws(ArchiveError) -> [Entry] {
    let bytes = try file.read(directory)
    var entries: [Entry] = [], at = 0
    while at + 46 <= bytes.count, bytes.number(at, 4) == 0x0201_4B50 {
      let name = bytes.number(at + 28, 2), extra = bytes.number(at + 30, 2), comment = bytes.number(at + 32, 2)
      let next = at + 46 + name + extra + comment
      guard next <= bytes.count else { break }
      var wide = Self.wideNumbers(bytes[(at + 46 + name)..<(at + 46 + name + extra)])
      let numbers = [24, 20, 42].map { place in
        let number = bytes.number(at + place, 4)
        return number == UInt32.max ? wide.popFirst() ?? -1 : number
      }
      let isStored = bytes.number(at + 8, 2) & 1 == 0 && bytes.number(at + 10, 2) == 0 && numbers[0] == numbers[1]
      entries.append(Entry(name: bytes[(at + 46)..<(at + 46 + name)], isStored: isStored, size: numbers[0], header: numbers[2]))
      at = next
    }
    return entries
  }

  /// Behind the entry's own header, whose name and extra fields may have other lengths than the directory's.
  private func data(of entry: Entry, before end: Int) throws(ArchiveError) -> Range<Int>? {
    guard entry.isStored, entry.size >= 0, entry.header >= 0, entry.header <= end - 30 else { return nil }
    let header = try file.read(entry.header..<(entry.header + 30))
    let start = entry.header + 30 + header.number(26, 2) + header.number(28, 2)
    guard header.number(0, 4) == 0x0403_4B50, header.number(8, 2) == 0, start <= end, entry.size <= end - start else { return nil }
    return start..<(start + entry.size)
  }

  /// The numbers of the zip64 field among the extra ones, each for one that is all ones before, in the order size, compressed, place.
  private static func wideNumbers(_ extra: ArraySlice<UInt8>) -> ArraySlice<Int> {
    let extra = Array(extra)
    var at = 0
    while at + 4 <= extra.count {
      let length = extra.number(at + 2, 2)
      guard at + 4 + length <= extra.count else { break }
      if extra.number(at, 2) == 1 {
        return stride(from: at + 4, to: at + 4 + length - 7, by: 8).map { extra.number($0, 8) }[...]
      }
      at += 4 + length
    }
    return []
  }
}

extension [UInt8] {
  /// A little-endian number of so many bytes; one of eight that is too large for an Int is negative.
  fileprivate func number(_ at: Int, _ width: Int) -> Int { (0..<width).reduce(0) { $0 | Int(self[at + $1]) << (8 * $1) } }
}
