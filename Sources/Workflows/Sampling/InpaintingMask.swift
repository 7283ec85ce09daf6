import Failures

/// What the masks of all commands mean: white is repainted, black is kept.
enum InpaintingMask {
  /// Whether a sample of a mask, which is binary, keeps the picture; values in between, from resizing, are rounded.
  static func keeps(_ sample: UInt8) -> Bool { sample < 128 }

  /// - Throws: `SfumatoError` for a mask of one colour.
  static func check(_ file: String, keepsAny: Bool, keepsAll: Bool) throws {
    guard keepsAny else {
      throw SfumatoError(.usage, "\(file) is all white: nothing of the picture would be kept; expected black where it is kept")
    }
    guard !keepsAll else {
      throw SfumatoError(.usage, "\(file) is all black: nothing would be repainted; expected white where it is repainted")
    }
  }
}
