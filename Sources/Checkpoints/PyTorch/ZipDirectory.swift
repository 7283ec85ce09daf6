/// The directory of a zip whose entries are stored as they are, so that they can be mapped: what `torch.save` writes.
///
/// Format: PKWARE's APPNOTE 6.3, sections 4.3 and 4.5.3 (zip64). A directory that was parsed can be believed: central and local
/// headers agree, and the entries' bytes lie in the file, one after the other, without overlap. Checksums are not looked at:
/// the data are mapped, not read, and `torch.save` may be told to leave them out.
struct ZipDirectory {
  struct Entry {
    let name: String
    /// Where its local header begins.
    let header: Int
    /// Its bytes in the file.
    let range: Range<Int>
  }
  /// In the order of the file.
  let entries: [Entry]

  static let entryLimit = 1_000_000

  /// - Parameter file: all the file's bytes; beside the directory only the local headers are touched.
  /// - Throws: `CheckpointError` that names the entry.
  init(parsing file: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    func fail(_ message: String) -> CheckpointError { CheckpointError(.invalid, path, message) }
    let end = try ZipEnd(of: file, path: path)
    guard end.count <= Self.entryLimit, end.count * 46 <= end.directory.count else {
      throw fail("byte \(end.directory.lowerBound): a zip directory of \(end.directory.count) bytes has no room for \(end.count) entries")
    }
    var cursor = ByteCursor(UnsafeRawBufferPointer(rebasing: file[..<end.directory.upperBound]), at: end.directory.lowerBound)
    var entries: [Entry] = []
    var names: Set<String> = []
    for _ in 0..<end.count {
      let at = cursor.offset
      guard let central = ZipHeader(central: &cursor) else { throw fail("byte \(at): the zip directory is damaged here") }
      guard central.complaint == nil else { throw fail("entry '\(central.shortName)' \(central.complaint!)") }
      guard names.insert(central.name).inserted else { throw fail("entry '\(central.shortName)' is there twice") }
      do throws(ZipHeader.Disagreement) {
        entries.append(
          Entry(name: central.name, header: central.offset, range: try central.data(in: file, before: end.directory.lowerBound)))
      } catch { throw fail("entry '\(central.shortName)' \(error.message)") }
    }
    guard cursor.left == 0 else {
      throw fail("byte \(cursor.offset): \(cursor.left) bytes follow the zip directory's \(end.count) entries")
    }
    self.entries = entries.sorted { $0.header < $1.header }
    for (first, second) in zip(self.entries, self.entries.dropFirst()) where first.range.upperBound > second.header {
      throw fail("entries '\(ZipHeader.short(first.name))' and '\(ZipHeader.short(second.name))' overlap at byte \(second.header)")
    }
  }
}

/// The end of a zip: where the directory lies. A comment is not accepted, so the end of the file is the end of the zip.
private struct ZipEnd {
  let directory: Range<Int>
  let count: Int

  init(of file: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    func fail(_ message: String) -> CheckpointError { CheckpointError(.invalid, path, message) }
    guard file.count >= 22, let short = Self.short(file) else {
      throw fail("the zip has no directory at its end, \(file.count) bytes; the file is cut short or something follows it")
    }
    let (count, size, start, end): (UInt64, UInt64, UInt64, Int)
    if let long = Self.long(file) {
      // What the short form cannot say is all ones there.
      guard [UInt64(UInt16.max), long.count].contains(short.count), [UInt64(UInt32.max), long.size].contains(short.size),
        [UInt64(UInt32.max), long.start].contains(short.start)
      else { throw fail("byte \(file.count - 22): the two ends of the zip disagree") }
      (count, size, start, end) = (long.count, long.size, long.start, long.end)
    } else {
      (count, size, start, end) = (short.count, short.size, short.start, file.count - 22)
    }
    guard size <= UInt64(end), start == UInt64(end) - size else {
      throw fail(
        "byte \(file.count - 22): a zip directory of \(size) bytes at byte \(start) is announced; expected it to end at byte \(end)")
    }
    directory = Int(start)..<end
    self.count = Int(clamping: count)
  }

  private typealias Record = (count: UInt64, size: UInt64, start: UInt64, end: Int)

  /// The last 22 bytes, of a zip on one disk without a comment.
  private static func short(_ file: UnsafeRawBufferPointer) -> Record? {
    var cursor = ByteCursor(file, at: file.count - 22)
    guard let signature = try? cursor.number(UInt32.self), signature == 0x0605_4B50, let disks = try? cursor.number(UInt32.self),
      disks == 0,
      let here = try? cursor.number(UInt16.self), let count = try? cursor.number(UInt16.self), here == count,
      let size = try? cursor.number(UInt32.self), let start = try? cursor.number(UInt32.self),
      let comment = try? cursor.number(UInt16.self), comment == 0
    else { return nil }
    return (UInt64(count), UInt64(size), UInt64(start), file.count - 22)
  }

  /// The zip64 record, where a locator of it stands before the last 22 bytes.
  private static func long(_ file: UnsafeRawBufferPointer) -> Record? {
    guard file.count >= 22 + 20 + 56 else { return nil }
    var cursor = ByteCursor(file, at: file.count - 42)
    guard (try? cursor.number(UInt32.self)) == 0x0706_4B50, (try? cursor.number(UInt32.self)) == 0,
      let place = try? cursor.number(UInt64.self), (try? cursor.number(UInt32.self)) == 1, place == UInt64(file.count - 42 - 56)
    else { return nil }
    cursor = ByteCursor(file, at: Int(place))
    guard (try? cursor.number(UInt32.self)) == 0x0606_4B50, (try? cursor.number(UInt64.self)) == 44,
      (try? cursor.number(UInt32.self)) != nil, (try? cursor.number(UInt64.self)) == 0, let here = try? cursor.number(UInt64.self),
      let count = try? cursor.number(UInt64.self), here == count, let size = try? cursor.number(UInt64.self),
      let start = try? cursor.number(UInt64.self)
    else { return nil }
    return (count, size, start, Int(place))
  }
}
