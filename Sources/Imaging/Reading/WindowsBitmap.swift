/// Windows bitmaps (BMP), uncompressed: 1, 4 or 8 bits a pixel that point into a palette, or 16, 24 or 32 with the colours themselves.
///
/// Format: "Bitmap Structures" of Microsoft's GDI documentation. A palette of greys alone gives a grey picture. The fourth byte of 32 bits
/// is opacity only where the header has a mask for it.
struct WindowsBitmap: SampledFormat {
  let width: Int, height: Int
  let isDeep = false
  let plainStart: Int? = nil
  var channels: Int { isGrey ? 1 : masks[3] == 0 ? 3 : 4 }

  private let bits: Int
  /// Rows run from the top; those of most files from the bottom.
  private let isTopDown: Bool
  /// Red, green, blue, and opaque.
  private let palette: [SIMD4<UInt8>]
  /// The masks of red, green, blue and opacity in a pixel of 16 or 32 bits; 0 for no opacity.
  private let masks: [UInt32]
  /// Where the pixels begin.
  private let start: Int
  /// Bytes of a row, which are filled up to a multiple of 4.
  private var rowBytes: Int { (bits * width + 31) / 32 * 4 }
  private var isGrey: Bool { bits <= 8 && palette.allSatisfy { $0[0] == $0[1] && $0[1] == $0[2] } }

  /// Reads the header.
  /// - Throws: `ImagingError.Problem` when it is damaged, promises more than follows, or is of a kind that is not read.
  init(parsing bytes: UnsafeRawBufferPointer) throws(ImagingError.Problem) {
    let header = Header(bytes: bytes)
    guard bytes.count >= 26, bytes.count >= 14 + header.length else { throw .undecodable("it ends within its header") }
    let isOld = header.length == 12
    width = isOld ? header.uint16(18) : header.int32(18)
    let signedHeight = isOld ? header.uint16(20) : header.int32(22)
    (height, isTopDown) = (abs(signedHeight), signedHeight < 0)
    bits = header.uint16(isOld ? 24 : 28)
    let compression = header.length < 40 ? 0 : header.int32(30)
    guard width > 0, height > 0 else { throw .undecodable("its header says \(width) x \(signedHeight) pixels") }
    guard [1, 4, 8, 16, 24, 32].contains(bits), [0, 3, 6].contains(compression), header.length != 64 || compression == 0
    else {
      throw .unsupported("it is a BMP of \(bits) bits a pixel with compression \(compression), expected none; save it as PNG")
    }
    try PictureBounds.check(width: width, height: height)
    start = header.int32(10)
    masks = header.masks(bits: bits, compression: compression)
    palette = bits <= 8 ? header.palette(bits: bits, end: start) : []
    guard bits > 8 || !palette.isEmpty else { throw .undecodable("its palette is missing") }
    let needed = rowBytes * height
    guard start >= 14, start <= bytes.count, bytes.count - start >= needed else {
      throw .undecodable("its header promises \(needed) bytes of pixels, \(max(0, bytes.count - start)) follow it")
    }
  }

  func samples<Sample: FixedWidthInteger>(of bytes: UnsafeRawBufferPointer, white: Int) throws(ImagingError.Problem) -> [Sample] {
    var samples: [Sample] = []
    samples.reserveCapacity(width * height * channels)
    let channels = channels
    for row in 0..<height {
      let from = start + (isTopDown ? row : height - 1 - row) * rowBytes
      for column in 0..<width {
        let pixel = try color(bytes, from, column)
        for channel in 0..<channels { samples.append(Sample((Int(pixel[channel]) * white + 127) / 255)) }
      }
    }
    return samples
  }

  /// Red, green, blue and opacity.
  private func color(_ bytes: UnsafeRawBufferPointer, _ row: Int, _ column: Int) throws(ImagingError.Problem) -> SIMD4<UInt8> {
    switch bits {
    case 24:
      let at = row + 3 * column
      return SIMD4(bytes[at + 2], bytes[at + 1], bytes[at], 255)
    case 16, 32:
      let value =
        bits == 16
        ? UInt32(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: row + 2 * column, as: UInt16.self)))
        : UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: row + 4 * column, as: UInt32.self))
      func part(_ mask: UInt32) -> UInt8 { Self.scaled(value, by: mask) }
      return SIMD4(part(masks[0]), part(masks[1]), part(masks[2]), part(masks[3]))
    default:
      let place = bits * column, index = Int(bytes[row + place / 8]) >> (8 - bits - place % 8) & (1 << bits - 1)
      guard index < palette.count else { throw .undecodable("pixel \(column) of a row is \(index), of \(palette.count) colours") }
      return palette[index]
    }
  }

  /// The bits of a mask as a number from 0 to 255.
  private static func scaled(_ value: UInt32, by mask: UInt32) -> UInt8 {
    guard mask != 0 else { return 0 }
    let shift = UInt32(mask.trailingZeroBitCount), most = Int(mask >> shift)
    return UInt8(clamping: (Int((value & mask) >> shift) * 255 + most / 2) / most)
  }
}

extension WindowsBitmap {
  /// The numbers of the header, all little-endian.
  private struct Header {
    let bytes: UnsafeRawBufferPointer

    /// The size of the header after the first 14 bytes, which the recognition of the format has checked: 12 to 124.
    var length: Int { int32(14) }

    func uint16(_ offset: Int) -> Int { Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))) }
    func int32(_ offset: Int) -> Int { Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))) }
    func uint32(_ offset: Int) -> UInt32 { UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }

    /// Those in the header where it says so (compression 3 and 6), else five bits a colour of 16 and eight of 32.
    func masks(bits: Int, compression: Int) -> [UInt32] {
      let usual: [UInt32] = bits == 16 ? [0x7C00, 0x3E0, 0x1F, 0] : [0xFF_0000, 0xFF00, 0xFF, 0]
      guard compression != 0, bits == 16 || bits == 32, bytes.count >= 66 else { return usual }
      let hasOpacity = length >= 56 || compression == 6 && bytes.count >= 70
      return [uint32(54), uint32(58), uint32(62), hasOpacity && bytes.count >= 70 ? uint32(66) : 0]
    }

    /// Three bytes a colour in the oldest form of the header, else four.
    func palette(bits: Int, end: Int) -> [SIMD4<UInt8>] {
      let size = length == 12 ? 3 : 4, first = 14 + length
      let announced = length >= 40 ? int32(46) : 0
      let most = min(1 << bits, max(0, min(end, bytes.count) - first) / size)
      let count = (1...(1 << bits)).contains(announced) ? min(announced, most) : most
      return (0..<count).map { color in
        let at = first + color * size
        return SIMD4(bytes[at + 2], bytes[at + 1], bytes[at], 255)
      }
    }
  }
}
