extension NPYHeader {
  /// The header of an array in row-major order, in version 1.0 of the format; the elements follow it.
  /// - Parameters:
  ///   - code: of an element, by numpy: "<f4", "|u1".
  ///   - shape: empty for a single number.
  package static func encoded(code: String, shape: [Int]) -> [UInt8] {
    let sizes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(code)', 'fortran_order': False, 'shape': (\(sizes)), }"
    // Magic, version and length take 10 bytes; the elements begin at a multiple of 64.
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    let length = text.utf8.count
    return magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
  }
}
