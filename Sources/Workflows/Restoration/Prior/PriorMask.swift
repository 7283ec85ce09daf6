import Checkpoints
import Failures
import Imaging

/// The part of a picture that is to be made up: white in the mask's file, as `Image.mask` reads it.
struct PriorMask {
  let file: String
  let checksum: FileChecksum
  private let width: Int, height: Int

  /// - Parameters:
  ///   - width, height: of the upright picture.
  ///   - picture: its file, for messages.
  /// - Throws: `SfumatoError` for a mask of another size; errors from reading its header.
  init(_ file: String, width: Int, height: Int, of picture: String) throws {
    let reader = try PictureReader(file: file, profiles: .ignored)
    guard (reader.width, reader.height) == (width, height) else {
      throw SfumatoError(
        .data,
        "\(picture) has \(width) x \(height) pixels and its mask \(file) has \(reader.width) x \(reader.height); expected a mask of the picture's size"
      )
    }
    (self.file, self.width, self.height) = (file, width, height)
    checksum = try FileChecksum(ofFile: file)
  }

  /// The mask as a mapped picture of one channel: 255 where the picture is known, 0 where it is to be made up.
  /// - Throws: `SfumatoError` for a mask of one colour; errors of reading and writing.
  func known(at path: String) throws -> MappedPicture {
    let bytes = try Image(file: file).mask.bytes.map { InpaintingMask.keeps($0) ? UInt8(255) : 0 }
    try InpaintingMask.check(file, keepsAny: bytes.contains(255), keepsAll: !bytes.contains(0))
    let picture = try MappedPicture(at: path, width: width, height: height, channels: 1, samples: .uint8)
    picture.withRows(0..<height) { $0.copyBytes(from: bytes) }
    return picture
  }
}
