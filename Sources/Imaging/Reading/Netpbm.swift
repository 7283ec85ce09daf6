/// Pictures of the Netpbm family: PBM, PGM and PPM, as text (P1 to P3) or as bytes (P4 to P6). Samples are plain, so that there is
/// nothing to decode; the libvips that comes with the wheel has no reader for them.
///
/// Format: https://netpbm.sourceforge.net/doc/ppm.html and the pages beside it.
struct Netpbm: SampledFormat {
  let width: Int, height: Int, channels: Int
  /// The sample that is white.
  let maximum: Int
  /// Black is 1 and white 0, one bit a pixel.
  let isBitmap: Bool
  let isText: Bool
  /// Where the samples begin.
  let start: Int

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

  /// Reads the header.
  /// - Throws: `ImagingError.Problem` when a number is missing or out of bounds, or when fewer bytes follow than the header promises.
  init(parsing bytes: UnsafeRawBufferPointer) throws(ImagingError.Problem) {
    let letter = bytes[1] - UInt8(ascii: "0")
    (isBitmap, isText, channels) = (letter % 3 == 1, letter < 4, letter % 3 == 0 ? 3 : 1)
    var cursor = NetpbmCursor(bytes: bytes, offset: 2)
    width = try cursor.headerNumber(1...Int(Int32.max))
    height = try cursor.headerNumber(1...Int(Int32.max))
    maximum = isBitmap ? 1 : try cursor.headerNumber(1...65_535)
    // One blank ends the header; what follows it may be a sample that looks like one.
    start = cursor.offset + 1
    try PictureBounds.check(width: width, height: height)
    let needed = isText ? width * height * channels : rowBytes * height
    guard start <= bytes.count, bytes.count - start >= needed - (isText ? 1 : 0) else {
      throw .undecodable("its header promises \(needed) bytes of samples, \(max(0, bytes.count - start)) follow it")
    }
  }

  /// Bytes of a row of a binary file.
  private var rowBytes: Int { isBitmap ? (width + 7) / 8 : width * channels * (maximum > 255 ? 2 : 1) }

  var isDeep: Bool { maximum > 255 }
  var plainStart: Int? { !isText && maximum == 255 ? start : nil }

  /// - Throws: `ImagingError.Problem` for a sample above the maximum, or a text that ends too early.
  func samples<Sample: FixedWidthInteger>(
    of bytes: UnsafeRawBufferPointer, white: Int
  ) throws(ImagingError.Problem) -> [Sample] {
    if isBitmap && !isText { return bits(of: bytes).map { $0 ? Sample(white) : 0 } }
    let count = width * height * channels
    var cursor = NetpbmCursor(bytes: bytes, offset: start), samples: [Sample] = []
    samples.reserveCapacity(count)
    for index in 0..<count {
      let sample = isBitmap ? 1 - (try cursor.bit()) : isText ? try cursor.number() : cursor.sample(wide: maximum > 255)
      guard sample <= maximum else {
        throw .undecodable("sample \(index) is \(sample), and the header promises \(maximum) at most")
      }
      samples.append(Sample((sample * white + maximum / 2) / maximum))
    }
    return samples
  }

  /// Whether each pixel of a bitmap is white.
  private func bits(of bytes: UnsafeRawBufferPointer) -> [Bool] {
    (0..<height).flatMap { row in
      (0..<width).map { column in bytes[start + row * rowBytes + column / 8] >> (7 - UInt8(column % 8)) & 1 == 0 }
    }
  }
}

/// Goes through the numbers of a Netpbm file.
private struct NetpbmCursor {
  let bytes: UnsafeRawBufferPointer
  var offset: Int

  mutating func headerNumber(_ accepted: ClosedRange<Int>) throws(ImagingError.Problem) -> Int {
    let number = try number()
    guard accepted.contains(number) else {
      throw .undecodable("its header says \(number), expected \(accepted.lowerBound) to \(accepted.upperBound)")
    }
    return number
  }

  /// A number in digits; blanks, and comments from "#" to the end of the line, are passed.
  mutating func number() throws(ImagingError.Problem) -> Int {
    try skip()
    var value = 0
    let first = offset
    while offset < bytes.count, (0x30...0x39).contains(bytes[offset]), value < 1 << 40 {
      value = 10 * value + Int(bytes[offset] - 0x30)
      offset += 1
    }
    guard offset > first else { throw .undecodable("expected a number at byte \(first)") }
    return value
  }

  /// 0 or 1, which need no blank between them.
  mutating func bit() throws(ImagingError.Problem) -> Int {
    try skip()
    guard bytes[offset] == 0x30 || bytes[offset] == 0x31 else { throw .undecodable("expected 0 or 1 at byte \(offset)") }
    defer { offset += 1 }
    return Int(bytes[offset] - 0x30)
  }

  /// The next sample of a binary file whose length has been checked. Two bytes are big-endian.
  mutating func sample(wide: Bool) -> Int {
    defer { offset += wide ? 2 : 1 }
    return wide ? Int(bytes[offset]) << 8 | Int(bytes[offset + 1]) : Int(bytes[offset])
  }

  private mutating func skip() throws(ImagingError.Problem) {
    while offset < bytes.count {
      if bytes[offset] == UInt8(ascii: "#") {
        offset = bytes[offset...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count
      } else if Netpbm.isSpace(bytes[offset]) {
        offset += 1
      } else {
        return
      }
    }
    throw .undecodable("it ends at byte \(offset), before all numbers")
  }
}
