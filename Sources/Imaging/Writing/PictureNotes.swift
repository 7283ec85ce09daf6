internal import CVips
import Foundation

/// The text chunks of a PNG: its author, the command that reproduces it.
///
/// PNG holds Latin letters only (PNG specification, 3rd edition, section 11.3.3.2); so that any text is read back unchanged, whatever is
/// not ASCII is written as JSON writes it, `\\u00e9` for é.
public struct PictureNotes: Sendable, Equatable, ExpressibleByDictionaryLiteral {
  /// Key and text of each note, in order. A key has 1 to 79 characters of ASCII.
  public private(set) var entries: [(key: String, text: String)]

  public init(dictionaryLiteral elements: (String, String)...) {
    entries = elements.map { (key: $0.0, text: $0.1) }
    for entry in entries { Self.check(entry.key) }
  }

  public subscript(key: String) -> String? { entries.first { $0.key == key }?.text }
  public var isEmpty: Bool { entries.isEmpty }

  /// - Precondition: a key of 1 to 79 printable characters of ASCII.
  public mutating func add(_ text: String, as key: String) {
    Self.check(key)
    entries.append((key: key, text: text))
  }

  public static func == (a: Self, b: Self) -> Bool { a.entries.elementsEqual(b.entries, by: ==) }

  private static func check(_ key: String) {
    precondition(
      (1...79).contains(key.utf8.count) && key.utf8.allSatisfy { (32..<127).contains($0) }, "'\(key)' as the key of a note in a PNG")
  }

  /// The notes of a picture file; none for other formats than PNG.
  /// - Throws: `ImagingError` when the file is not a picture.
  public init(ofFile file: String) throws {
    self = try EncodedPicture(EncodedBytes(file: file), name: file).notes()
  }
}

extension PictureNotes {
  func add(to image: borrowing VipsHandle) {
    for (number, entry) in entries.enumerated() { cv_add_note(image.raw, Int32(number), entry.key, Self.escaped(entry.text)) }
  }

  init(of image: borrowing VipsHandle) {
    self = [:]
    withUnsafeMutablePointer(to: &self) { notes in
      cv_notes(
        image.raw,
        { key, text, context in
          guard let key, let text else { return }
          let notes = context!.assumingMemoryBound(to: PictureNotes.self)
          notes.pointee.entries.append((key: String(cString: key), text: PictureNotes.unescaped(String(cString: text))))
        }, notes)
    }
  }

  static func escaped(_ text: String) -> String {
    text.utf16.map { unit in
      unit == 0x5C ? "\\\\" : (32..<127).contains(unit) || unit == 10 ? String(UnicodeScalar(UInt8(unit))) : "\\u" + hex(unit)
    }.joined()
  }

  static func unescaped(_ text: String) -> String {
    var units: [UInt16] = [], rest = Array(text.utf16)[...]
    while let unit = rest.popFirst() {
      if unit == 0x5C, rest.first == 0x5C {
        rest.removeFirst()
        units.append(unit)
      } else if unit == 0x5C, let code = code(after: rest) {
        rest = rest.dropFirst(5)
        units.append(code)
      } else {
        units.append(unit)
      }
    }
    return String(decoding: units, as: UTF16.self)
  }

  /// The character of an escape such as `u00e9`.
  private static func code(after backslash: ArraySlice<UInt16>) -> UInt16? {
    let digits = backslash.dropFirst().prefix(4)
    guard backslash.first == 0x75, digits.count == 4 else { return nil }
    return UInt16(String(decoding: digits, as: UTF16.self), radix: 16)
  }

  private static func hex(_ unit: UInt16) -> String {
    let digits = String(unit, radix: 16)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }
}
