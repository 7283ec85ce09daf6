import Failures

/// A zip's header of one entry, in the directory (central) or before its data (local).
///
/// Format: PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.5.3 (zip64).
public struct ZipHeader: Sendable {
  public let name: String
  /// Whether the name is UTF-8 without a zero; one that is not is read as code page 437, in which old archives are written.
  public let nameIsText: Bool
  public let flags: UInt16, method: UInt16, checksum: UInt32
  public let compressedSize: UInt64, size: UInt64
  /// Where the local header begins.
  public let offset: Int
  /// A link of a Unix file system, whose data are the path that it leads to.
  public let isLink: Bool

  /// The bit of `flags` that says: sizes and checksum follow the data, and the local header leaves them out.
  public static let describedAfterwards: UInt16 = 1 << 3
  public static let nameIsUTF8: UInt16 = 1 << 11
  public static let encrypted: UInt16 = 1 << 0 | 1 << 6 | 1 << 13

  public var shortName: String { Self.short(name) }
  /// A name that fits a message.
  public static func short(_ name: String) -> String { name.count > 100 ? "\(name.prefix(100))…" : name }

  /// An entry of the directory; nil where there is none.
  init?(central cursor: inout ByteCursor) {
    guard (try? cursor.number(UInt32.self)) == 0x0201_4B50, (try? cursor.number(UInt32.self)) != nil,
      let flags = try? cursor.number(UInt16.self), let method = try? cursor.number(UInt16.self),
      (try? cursor.number(UInt32.self)) != nil, let checksum = try? cursor.number(UInt32.self),
      let compressed = try? cursor.number(UInt32.self), let size = try? cursor.number(UInt32.self),
      let nameLength = try? cursor.number(UInt16.self), let extraLength = try? cursor.number(UInt16.self),
      let commentLength = try? cursor.number(UInt16.self), let disk = try? cursor.number(UInt16.self), disk == 0,
      (try? cursor.number(UInt16.self)) != nil, let attributes = try? cursor.number(UInt32.self),
      let offset = try? cursor.number(UInt32.self), let name = try? cursor.take(Int(nameLength)),
      let extra = try? cursor.take(Int(extraLength)), (try? cursor.take(Int(commentLength))) != nil
    else { return nil }
    var wide = Self.wideNumbers(in: extra)
    self.size = Self.widened(size, &wide)
    compressedSize = Self.widened(compressed, &wide)
    self.offset = Int(clamping: Self.widened(offset, &wide))
    (self.flags, self.method, self.checksum) = (flags, method, checksum)
    (self.name, nameIsText) = Self.text(name)
    isLink = attributes >> 28 == 0o12
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
    (self.name, nameIsText) = Self.text(name)
    isLink = false
  }

  /// How many bytes the local header takes, which must say the same as this one, of the directory; nil where there is none, or
  /// the bytes end within it.
  /// - Parameter bytes: the file from `offset` on.
  /// - Throws: `ZipFault` whose message continues "entry '…' ".
  public func localLength(in bytes: UnsafeRawBufferPointer) throws(ZipFault) -> Int? {
    var cursor = ByteCursor(bytes)
    guard let local = ZipHeader(local: &cursor) else { return nil }
    // Zero, where the local header was written before the numbers were known.
    func agree(_ here: UInt64, _ there: UInt64) -> Bool { here == there || (flags & Self.describedAfterwards != 0 && here == 0) }
    for (what, agrees) in [
      ("name", local.name == name), ("compression", local.method == method), ("flags", local.flags == flags),
      ("size", agree(local.size, size) && agree(local.compressedSize, compressedSize)),
      ("checksum", agree(UInt64(local.checksum), UInt64(checksum))),
    ] where !agrees {
      throw ZipFault("has another \(what) in its header at byte \(offset) than in the zip directory")
    }
    return cursor.offset
  }

  private static func text(_ name: UnsafeRawBufferPointer) -> (String, isText: Bool) {
    if let text = String(validating: name, as: UTF8.self) { return (text, !name.contains(0)) }
    let upper = Array(
      "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}"
    )
    return (String(name.map { $0 < 128 ? Character(Unicode.Scalar($0)) : upper[Int($0) - 128] }), false)
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

/// What is wrong with a zip, or with one of its entries.
public struct ZipFault: ClassifiedError, Equatable, Sendable {
  public var failure: Failure { .data }
  public let message: String
  init(_ message: String) { self.message = message }
}
