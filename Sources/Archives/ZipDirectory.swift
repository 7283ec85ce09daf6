/// The directory at the end of a zip (PKWARE's APPNOTE 6.3, sections 4.3.12 to 4.3.16).
///
/// The numbers are those of the file and are not validated.
public struct ZipDirectory: Sendable {
  /// The entries, in the directory's order.
  public let entries: [ZipHeader]
  /// Where the directory lies in the file; all data lie before it.
  public let range: Range<Int>
  /// Bytes of a comment after the directory.
  public let commentLength: Int

  /// - Parameters:
  ///   - file: all the file's bytes, of which only the directory is touched.
  ///   - entryLimit: more entries than this are refused.
  public init(of file: UnsafeRawBufferPointer, entryLimit: Int) throws(ZipFault) {
    let end = try ZipEnd(tail: file, fileSize: file.count)
    try self.init(end, bytes: UnsafeRawBufferPointer(rebasing: file[end.directory]), entryLimit: entryLimit)
  }

  /// - Parameter bytes: those of `end.directory`.
  init(_ end: ZipEnd, bytes: UnsafeRawBufferPointer, entryLimit: Int) throws(ZipFault) {
    let start = end.directory.lowerBound
    guard end.count <= entryLimit, end.count * 46 <= bytes.count else {
      throw ZipFault("byte \(start): a zip directory of \(bytes.count) bytes has no room for \(end.count) entries")
    }
    var cursor = ByteCursor(bytes)
    var entries: [ZipHeader] = []
    entries.reserveCapacity(end.count)
    for _ in 0..<end.count {
      let at = start + cursor.offset
      guard let entry = ZipHeader(central: &cursor) else { throw ZipFault("byte \(at): the zip directory is damaged here") }
      entries.append(entry)
    }
    guard cursor.left == 0 else {
      throw ZipFault("byte \(start + cursor.offset): \(cursor.left) bytes follow the zip directory's \(end.count) entries")
    }
    self.entries = entries
    range = end.directory
    commentLength = end.commentLength
  }
}

/// The end of a zip: where the directory lies.
struct ZipEnd {
  let directory: Range<Int>
  let count: Int
  let commentLength: Int

  /// As many of the last bytes as an end can have: the longest comment, and both records of zip64.
  static let longest = 22 + 0xFFFF + 20 + 56

  /// - Parameter tail: the last bytes of the file, `longest` of them where there are so many.
  init(tail: UnsafeRawBufferPointer, fileSize: Int) throws(ZipFault) {
    guard let at = Self.position(in: tail), let short = Self.short(tail, at: at) else {
      throw ZipFault("the zip has no directory at its end, \(fileSize) bytes; the file is truncated or something follows it")
    }
    let before = fileSize - tail.count
    let (count, size, start, end): (UInt64, UInt64, UInt64, Int)
    if let long = Self.long(tail, at: at, before: before) {
      // What the short form cannot say is all ones there.
      guard [UInt64(UInt16.max), long.count].contains(short.count), [UInt64(UInt32.max), long.size].contains(short.size),
        [UInt64(UInt32.max), long.start].contains(short.start)
      else { throw ZipFault("byte \(before + at): the two ends of the zip disagree") }
      (count, size, start, end) = (long.count, long.size, long.start, before + at - 76)
    } else {
      (count, size, start, end) = (short.count, short.size, short.start, before + at)
    }
    guard size <= UInt64(end), start == UInt64(end) - size else {
      throw ZipFault(
        "byte \(before + at): a zip directory of \(size) bytes at byte \(start) is announced; expected it to end at byte \(end)")
    }
    directory = Int(start)..<end
    self.count = Int(clamping: count)
    commentLength = tail.count - at - 22
  }

  private typealias Record = (count: UInt64, size: UInt64, start: UInt64)

  /// Where the last record begins whose comment reaches exactly to the end.
  private static func position(in tail: UnsafeRawBufferPointer) -> Int? {
    guard tail.count >= 22 else { return nil }
    return (max(0, tail.count - 22 - 0xFFFF)...(tail.count - 22)).reversed().first { at in
      UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: at, as: UInt32.self)) == 0x0605_4B50
        && Int(UInt16(littleEndian: tail.loadUnaligned(fromByteOffset: at + 20, as: UInt16.self))) == tail.count - at - 22
    }
  }

  /// The 22 bytes of a zip on one disk.
  private static func short(_ tail: UnsafeRawBufferPointer, at: Int) -> Record? {
    var cursor = ByteCursor(tail, at: at + 4)
    guard let disks = try? cursor.number(UInt32.self), disks == 0, let here = try? cursor.number(UInt16.self),
      let count = try? cursor.number(UInt16.self), here == count, let size = try? cursor.number(UInt32.self),
      let start = try? cursor.number(UInt32.self)
    else { return nil }
    return (UInt64(count), UInt64(size), UInt64(start))
  }

  /// The zip64 record, where a locator of it stands before the short one.
  private static func long(_ tail: UnsafeRawBufferPointer, at: Int, before: Int) -> Record? {
    guard at >= 20 + 56 else { return nil }
    var cursor = ByteCursor(tail, at: at - 20)
    guard (try? cursor.number(UInt32.self)) == 0x0706_4B50, (try? cursor.number(UInt32.self)) == 0,
      let place = try? cursor.number(UInt64.self), (try? cursor.number(UInt32.self)) == 1, place == UInt64(before + at - 76)
    else { return nil }
    cursor = ByteCursor(tail, at: at - 76)
    guard (try? cursor.number(UInt32.self)) == 0x0606_4B50, (try? cursor.number(UInt64.self)) == 44,
      (try? cursor.number(UInt32.self)) != nil, (try? cursor.number(UInt64.self)) == 0, let here = try? cursor.number(UInt64.self),
      let count = try? cursor.number(UInt64.self), here == count, let size = try? cursor.number(UInt64.self),
      let start = try? cursor.number(UInt64.self)
    else { return nil }
    return (count, size, start)
  }
}
