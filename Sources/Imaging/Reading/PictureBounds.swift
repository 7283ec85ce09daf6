/// What a picture may take in memory, checked against its header before anything is decoded.
///
/// Three numbers of a header decide how much memory decoding takes: the pixels in all, for the result; the width, of which libvips
/// keeps some hundred rows of up to 16 bytes a pixel; and the bytes of all samples, which decoders of whole pictures, strips or tiles
/// take at once. The last is held against the size of the file: nothing compresses by more than `ratioLimit`, but for pictures that
/// are nearly empty, and those are small enough to be let through.
enum PictureBounds {
  /// Pixels in a row.
  static let widthLimit = 1 << 17
  /// Bytes of samples for a byte of the file. Deflate reaches 1032, LZW about 1365, JPEG 1024 (a bit for each block of 8 x 8).
  static let ratioLimit = 1500
  /// Bytes of samples that a file of any size may hold: 128 MiB.
  static let allowance = 1 << 27

  static func check(width: Int, height: Int) throws(ImagingError.Problem) {
    guard width <= Image.pixelLimit / max(height, 1) else { throw .tooLarge(width: width, height: height, limit: Image.pixelLimit) }
    guard width <= widthLimit else { throw .tooWide(width, limit: widthLimit) }
  }

  /// - Parameters:
  ///   - pixelBytes: of one pixel as the decoder gives it, all channels together.
  ///   - fileSize: in bytes.
  static func check(width: Int, height: Int, pixelBytes: Int, fileSize: Int) throws(ImagingError.Problem) {
    try check(width: width, height: height)
    let bytes = width * height * pixelBytes
    guard bytes <= allowance + ratioLimit * fileSize else {
      throw .undecodable("its header promises \(bytes) bytes of pixels, more than a file of \(fileSize) bytes can hold")
    }
  }
}
