/// The facts of an ICC colour profile that decide whether the numbers of its picture can be worked on as they are.
///
/// Format: ICC.1:2022, sections 7.2 (header), 7.3 (table of tags), 10.6 (curves), 10.18 (parametric curves), 10.3 (coding-independent code
/// points of H.273).
public struct ICCProfile: Sendable, Equatable {
  /// How numbers rise with light.
  public enum Curve: Sendable, Equatable {
    /// The transfer curve of sRGB or another gamma: equal steps look about equal.
    case perceptual
    /// Proportional to light.
    case linear
    /// PQ or HLG, for displays of high dynamic range.
    case highDynamicRange
  }

  public let curve: Curve

  init(_ bytes: UnsafeRawBufferPointer) {
    let tags = Self.tags(of: bytes)
    func tag(_ name: String) -> UnsafeRawBufferPointer? { tags.first { $0.name == name }?.content }
    if let code = tag("cicp"), code.count >= 12, code[9] == 16 || code[9] == 18 {
      curve = .highDynamicRange
    } else {
      curve = (tag("rTRC") ?? tag("kTRC")).map(Self.isLinear) == true ? .linear : .perceptual
    }
  }

  private static func isLinear(_ curve: UnsafeRawBufferPointer) -> Bool {
    guard curve.count >= 12 else { return false }
    if name(curve, at: 0) == "para" { return curve.count >= 16 && curve[8] == 0 && curve[9] == 0 && number(curve, at: 12) == 1 << 16 }
    guard name(curve, at: 0) == "curv" else { return false }
    // Without a table the curve is the identity; with one value it is a gamma, 8 bits of it after the point.
    let count = number(curve, at: 8)
    return count == 0 || count == 1 && curve.count >= 14 && curve[12] == 1 && curve[13] == 0
  }

  private static func tags(of bytes: UnsafeRawBufferPointer) -> [(name: String, content: UnsafeRawBufferPointer)] {
    guard bytes.count >= 132 else { return [] }
    return (0..<min(number(bytes, at: 128), 1024)).compactMap { index in
      let entry = 132 + 12 * index
      guard entry + 12 <= bytes.count else { return nil }
      let start = number(bytes, at: entry + 4), count = number(bytes, at: entry + 8)
      guard start <= bytes.count, count <= bytes.count - start else { return nil }
      return (name(bytes, at: entry), UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)]))
    }
  }

  private static func name(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> String {
    String(decoding: bytes[offset..<(offset + 4)], as: UTF8.self)
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
}
