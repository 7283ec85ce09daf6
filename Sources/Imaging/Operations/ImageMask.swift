extension Image {
  /// The picture as a mask, one channel: white marks what is painted.
  ///
  /// - Without transparency it is the luma.
  /// - With transparency the opacity is the mask: strokes of any colour, black too, on a transparent layer.
  /// - Unless the opaque pixels are black and white, both: then that is a mask already, and what is transparent counts as black.
  public var mask: Image {
    guard let alpha, alpha.bytes.contains(where: { $0 < 255 }) else { return withChannels(1) }
    let luma = withChannels(1).bytes
    let painted = zip(luma, alpha.bytes).filter { $0.1 >= 128 }.map(\.0)
    let isBlackAndWhite =
      painted.allSatisfy { $0 < 32 || $0 >= 224 } && painted.contains { $0 < 32 } && painted.contains { $0 >= 224 }
    return isBlackAndWhite ? flattened(over: Array(repeating: 0, count: channels - 1)).withChannels(1) : alpha
  }
}
