/// What a zip says of one entry, in the directory (central) or before its data (local).
struct ZipHeader {
  struct Disagreement: Error {
    let message: String
  }
  let name: String
  let flags: UInt16, method: UInt16, checksum: UInt32
  let compressedSize: UInt64, size: UInt64
  /// Where the local header begins.
  let offset: Int
  /// What makes the entry unreadable, if anything does.
  private(set) var complaint: String?

  /// Sizes and checksum follow the data, and the local header leaves them out.
  private static let describedAfterwards: UInt16 = 1 << 3
  private static let nameIsUTF8: UInt16 = 1 << 11

  var shortName: String { Self.short(name) }
  static func short(_ name: String) -> String { name.count > 100 ? "\(name.prefix(100))…" : name }

  /// An entry of the directory; nil where there is none.
  init?(central cursor: inout ByteCursor) {
    guard (try? cursor.number(UInt32.self)) == 0x0201_4B50, (try? cursor.number(UInt32.self)) != nil,
      let flags = try? cursor.number(UInt16.self), let method = try? cursor.number(UInt16.self),
      (try? cursor.number(UInt32.self)) != nil, let checksum = try? cursor.number(UInt32.self),
      let compressed = try? cursor.number(UInt32.self), let size = try? cursor.number(UInt32.self),
      let nameLength = try? cursor.number(UInt16.self), let extraLength = try? cursor.number(UInt16.self),
      let commentLength = try? cursor.number(UInt16.self), let disk = try? cursor.number(UInt16.self), disk == 0,
      (try? cursor.take(6)) != nil, let offset = try? cursor.number(UInt32.self), let name = try? cursor.take(Int(nameLength)),
      let extra = try? cursor.take(Int(extraLength)), (try? cursor.take(Int(commentLength))) != nil
    else { return nil }
    var wide = Self.wideNumbers(in: extra)
    self.size = Self.widened(size, &wide)
    compressedSize = Self.widened(compressed, &wide)
    self.offset = Int(clamping: Self.widened(offset, &wide))
    (self.flags, self.method, self.checksum) = (flags, method, checksum)
    self.name = String(decoding: name, as: UTF8.self)
    complaint = Self.complaint(name) ?? content()
  }

  /// The header before an entry's data; nil where there is none.
  private init?(local cursor: inout ByteCursor) {
    offset = cursor.offset
    guard (try? cursor.number(UInt32.self)) == 0x0403_4B50, (try? cursor.number(UInt16.self)) != nil,
      let flags = try? cursor.number(UInt16.self), let method = try? cursor.number(UInt16.self),
      (try? cursor.number(UInt32.self)) != nil, let checksum = try? cursor.number(UInt32.self),
      let compressed = try? cursor.number(UInt32.self), let size = try? cursor.number(UInt32.self),
      let nameLength = try? cursor.number(UInt16.self), let extraLength = try? cursor.number(UInt16.self),
      let name = try? cursor.take(Int(nameLength)), let extra = try? cursor.take(Int(extraLength))
    else { return nil }
    var wide = Self.wideNumbers(in: extra)
    self.size = Self.widened(size, &wide)
    compressedSize = Self.widened(compressed, &wide)
    (self.flags, self.method, self.checksum) = (flags, method, checksum)
    self.name = String(decoding: name, as: UTF8.self)
  }

  /// Where the entry's data lie, by its local header, which must say the same.
  /// - Parameter end: where the directory begins.
  func data(in file: UnsafeRawBufferPointer, before end: Int) throws(Disagreement) -> Range<Int> {
    guard offset <= end else { throw Disagreement(message: "begins at byte \(offset), beyond the \(end) bytes of data") }
    var cursor = ByteCursor(UnsafeRawBufferPointer(rebasing: file[..<end]), at: offset)
    guard let local = ZipHeader(local: &cursor) else { throw Disagreement(message: "has no header at byte \(offset)") }
    // Zero, where the local header was written before the numbers were known.
    func agree(_ here: UInt64, _ there: UInt64) -> Bool { here == there || (flags & Self.describedAfterwards != 0 && here == 0) }
    for (what, agrees) in [
      ("name", local.name == name), ("compression", local.method == method), ("flags", local.flags == flags),
      ("size", agree(local.size, size) && agree(local.compressedSize, compressedSize)),
      ("checksum", agree(UInt64(local.checksum), UInt64(checksum))),
    ] where !agrees {
      throw Disagreement(message: "has another \(what) in its header at byte \(offset) than in the zip directory")
    }
    guard size <= UInt64(cursor.left) else {
      throw Disagreement(message: "has \(size) bytes from byte \(cursor.offset) on, found \(cursor.left)")
    }
    return cursor.offset..<(cursor.offset + Int(size))
  }

  /// What is wrong with what the directory says of the entry itself.
  private func content() -> String? {
    if flags & 1 != 0 { return "is encrypted" }
    if method != 0 || size != compressedSize { return "is compressed (method \(method)); torch.save stores its entries as they are" }
    let unknown = flags & ~(Self.describedAfterwards | Self.nameIsUTF8)
    return unknown == 0 ? nil : "has the flags 0x\(String(flags, radix: 16)), which torch.save does not set"
  }

  /// Names are paths that stay where they are.
  private static func complaint(_ name: UnsafeRawBufferPointer) -> String? {
    guard let text = String(validating: name, as: UTF8.self), !name.contains(0), !name.contains(0x5C) else { return "has no proper name" }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.contains { $0.isEmpty || $0 == "." || $0 == ".." } ? "has a name that points elsewhere" : nil
  }

  /// The numbers of the zip64 field among the extra ones.
  private static func wideNumbers(in extra: UnsafeRawBufferPointer) -> ArraySlice<UInt64> {
    var cursor = ByteCursor(extra)
    while let id = try? cursor.number(UInt16.self), let length = try? cursor.number(UInt16.self),
      let field = try? cursor.take(Int(length))
    {
      guard id == 1 else { continue }
      var inner = ByteCursor(field)
      return (0..<(field.count / 8)).compactMap { _ in try? inner.number(UInt64.self) }[...]
    }
    return []
  }

  /// A number that is all ones stands in the zip64 field, in turn.
  private static func widened(_ number: UInt32, _ wide: inout ArraySlice<UInt64>) -> UInt64 {
    number == .max ? wide.popFirst() ?? UInt64(number) : UInt64(number)
  }
}
