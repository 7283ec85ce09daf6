import Failures

/// The header of an array file of numpy (.npy, versions 1.0 to 3.0).
///
/// Magic, version, the length of the header, then a Python dictionary of three keys as text ("numpy.lib.format", NEP 1). That text
/// is read as a literal of just that form: nothing in a file is evaluated, and an array of objects, which is a pickle, is refused.
public struct NPYHeader: Sendable, Equatable {
  /// The kinds of elements, with numpy's letters as raw values.
  public enum Kind: Character, Sendable {
    case boolean = "b"
    case signed = "i"
    case unsigned = "u"
    case float = "f"
  }

  public let kind: Kind
  /// Bytes of a number: 1, 2, 4 or 8.
  public let elementSize: Int
  public let isBigEndian: Bool
  /// Whether the first index runs fastest, not the last.
  public let isColumnMajor: Bool
  /// Empty for a single number.
  public let shape: [Int]
  /// Where in the file the numbers begin.
  public let dataOffset: Int
  /// How many bytes the numbers take; it was checked that this does not overflow.
  public let byteCount: Int

  /// No header is longer than this together with what is before it. numpy itself believes 10,000.
  package static let longestStart = 12 + 1 << 16

  /// The element type in numpy's notation: "<f4", "|u1".
  public var code: String { "\(elementSize == 1 ? "|" : isBigEndian ? ">" : "<")\(kind.rawValue)\(elementSize)" }
  /// The shape in Python's notation: "(2, 3)", "(2,)".
  public var shapeText: String { "(\(shape.map(String.init).joined(separator: ", "))\(shape.count == 1 ? "," : ""))" }

  /// - Parameters:
  ///   - start: the first bytes of the file: all, or `longestStart` of them.
  ///   - name: of the file, for errors.
  /// - Throws: `ArrayError`. How many bytes follow is for the caller to check.
  public init(parsing start: UnsafeRawBufferPointer, name: String) throws(ArrayError) {
    let (text, dataOffset) = try Self.text(start, name)
    do throws(ArrayError.Problem) {
      var literal = NPYLiteral(text)
      let fields = try literal.dictionary()
      (kind, elementSize, isBigEndian) = try Self.element(fields.code)
      isColumnMajor = fields.isColumnMajor
      shape = fields.shape
      self.dataOffset = dataOffset
      byteCount = try Self.byteCount(fields.shape, of: elementSize)
    } catch { throw ArrayError(name, error) }
  }

  /// Whether a file begins as an array of numpy does.
  public static func begins(_ start: some Collection<UInt8>) -> Bool { start.starts(with: magic) }
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The dictionary's text, and where the numbers begin.
  private static func text(_ start: UnsafeRawBufferPointer, _ name: String) throws(ArrayError) -> (ArraySlice<UInt8>, Int) {
    guard start.count >= 10, begins(start), (1...3).contains(start[6]) else {
      throw ArrayError(name, .notAnArray(ForeignFormat(start)))
    }
    // Version 1 has two bytes of length, the later ones four.
    let width = start[6] == 1 ? 2 : 4
    guard start.count >= 8 + width else { throw ArrayError(name, .truncated) }
    let length = (0..<width).reduce(0) { $0 | Int(start[8 + $1]) << (8 * $1) }
    guard length <= 1 << 16 else { throw ArrayError(name, .headerLength(length)) }
    guard 8 + width + length <= start.count else { throw ArrayError(name, .truncated) }
    return ([UInt8](start[(8 + width)..<(8 + width + length)])[...], 8 + width + length)
  }

  /// "<f4" is a little-endian float of 4 bytes; the order of a single byte is '|', for none.
  private static func element(_ code: String) throws(ArrayError.Problem) -> (Kind, Int, Bool) {
    let letters = Array(code)
    if letters.contains("O") { throw .objects(code) }
    guard letters.count == 3, "<>|".contains(letters[0]), let kind = Kind(rawValue: letters[1]), let size = letters[2].wholeNumberValue,
      [1, 2, 4, 8].contains(size), kind != .boolean || size == 1, kind != .float || size > 1, letters[0] != "|" || size == 1
    else { throw .elementType(code) }
    return (kind, size, letters[0] == ">" && size > 1)
  }

  private static func byteCount(_ shape: [Int], of size: Int) throws(ArrayError.Problem) -> Int {
    var bytes = size
    for length in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      guard !overflow else { throw .tooLarge(shape) }
      bytes = product
    }
    return bytes
  }
}
