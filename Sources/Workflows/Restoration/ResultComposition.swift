import Imaging

/// Puts the restored planes together as the picture that is written.
struct ResultComposition {
  /// The colours in the network's channels, at the size of the result.
  let colors: MappedPicture
  /// Restored opacity, in the network's channels or in one, at the size of the result.
  let alpha: MappedPicture?
  let constantAlpha: Int?
  let isGrey: Bool
  /// Whether the format of the result holds 16 bits a sample, and opacity.
  let holdsDeepSamples: Bool, holdsAlpha: Bool

  private var hasAlpha: Bool { alpha != nil || constantAlpha != nil }
  private var isDeep: Bool { colors.samples == .uint16 && holdsDeepSamples }
  private var channels: Int { (isGrey ? 1 : 3) + (hasAlpha && holdsAlpha ? 1 : 0) }

  /// The picture, in a new mapped file where it is not the colours themselves.
  func picture(at path: String) throws -> MappedPicture {
    if !hasAlpha, channels == colors.channels, isDeep == (colors.samples == .uint16) { return colors }
    let picture = try MappedPicture(
      at: path, width: colors.width, height: colors.height, channels: channels, samples: isDeep ? .uint16 : .uint8)
    for rows in picture.bands() {
      picture.put(band(rows), row: rows.lowerBound)
      colors.release(rows: rows)
      alpha?.release(rows: rows)
      picture.release(rows: rows)
    }
    return picture
  }

  private func band(_ rows: Range<Int>) -> any RestorablePicture {
    func joined<Picture: RestorablePicture>(_ band: Picture) -> any RestorablePicture {
      let plain = isGrey ? band.meanOfChannels : band
      let whole = opacity(rows, as: Picture.self).map(plain.withAlpha) ?? plain
      if isDeep { return whole }
      let narrow = whole.narrow
      return narrow.hasAlpha && !holdsAlpha ? narrow.flattened(over: [UInt8](repeating: 255, count: narrow.channels - 1)) : narrow
    }
    return joined(colors.part(rows: rows))
  }

  private func opacity<Picture: RestorablePicture>(_ rows: Range<Int>, as type: Picture.Type) -> Picture? {
    if let constantAlpha {
      let samples = [Picture.Sample](repeating: Picture.Sample(constantAlpha), count: rows.count * colors.width)
      return Picture(width: colors.width, height: rows.count, channels: 1, samples: samples)
    }
    return (alpha?.part(rows: rows) as? Picture)?.meanOfChannels.snapped
  }
}
