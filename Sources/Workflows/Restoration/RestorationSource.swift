import Failures
import Foundation
import Imaging

/// A picture file that is to be restored, of which the header has been read.
final class RestorationSource {
  let path: String
  /// The size of the upright picture.
  let width: Int, height: Int
  /// 1 grey, 2 grey and opacity, 3 RGB, 4 RGB and opacity.
  let channels: Int
  let isDeep: Bool
  /// The quality of a JPEG; see `PictureReader.jpegQuality`.
  let jpegQuality: Int?
  let metadata: PictureMetadata
  /// Whether the result carries the profile of the file.
  let keepsProfile: Bool
  /// What was done beside restoring, such as a conversion of colours.
  let remarks: [String]
  /// Holds the bytes of the file, which are not needed once the picture is decoded.
  private var reader: PictureReader?

  /// - Throws: `ImagingError` for what is no picture or damaged.
  init(_ path: String, profile: RestorationRequest.ProfileUse) throws {
    self.path = path
    let plain = try PictureReader(file: path, profiles: .ignored)
    metadata = try plain.metadata()
    let (converts, remark) = Self.conversion(metadata, profile)
    let reader = converts ? try PictureReader(convertingEveryProfileOf: path) : plain
    (width, height, channels, isDeep, jpegQuality) = (reader.width, reader.height, reader.channels, reader.isDeep, reader.jpegQuality)
    keepsProfile = !converts && metadata.profile != nil
    remarks = [remark].compactMap { $0 }
    self.reader = reader
  }

  /// Whether colours are converted to sRGB, and the words for it.
  private static func conversion(_ metadata: PictureMetadata, _ use: RestorationRequest.ProfileUse) -> (Bool, String?) {
    switch (metadata.colors, metadata.profile) {
    case (.cmyk, _): (true, "converted from CMYK to sRGB")
    case (.other, _): (true, "converted to sRGB")
    case (.grey, nil), (.rgb, nil): (false, nil)
    // libvips passes a profile for greys over.
    case (.grey, _?): (use == .srgb, use == .srgb ? "its grey profile was left out" : nil)
    case (.rgb, let profile?):
      switch profile.curve {
      case .linear: (true, "converted to sRGB from a profile in proportion to light")
      case .highDynamicRange: (true, "converted to sRGB from a profile of high dynamic range")
      case .perceptual: use == .srgb ? (true, "converted to sRGB") : (false, nil)
      }
    }
  }

  var isGrey: Bool { channels < 3 }
  var hasAlpha: Bool { channels.isMultiple(of: 2) }
  var samples: MappedPicture.Samples { isDeep ? .uint16 : .uint8 }

  /// The picture as the file has it, upright, in a new mapped file; once.
  func decoded(at path: String) throws -> MappedPicture {
    guard let reader else { preconditionFailure("\(self.path) is decoded twice") }
    let picture = try MappedPicture(at: path, width: width, height: height, channels: channels, samples: samples)
    try picture.withRows(0..<height) { try reader.decode(into: $0, deep: isDeep) }
    self.reader = nil
    return picture
  }
}

/// A decoded picture, split into what is restored as colours and its opacity, in the channels of a network.
struct RestorationPlanes {
  let colors: MappedPicture
  /// Opacity in the network's channels, all equal; nil where there is none or it is the same everywhere.
  let alpha: MappedPicture?
  /// The opacity where it is the same everywhere, as a sample.
  let constantAlpha: Int?

  /// - Parameter channels: of the network, 1 or 3.
  /// - Throws: `SfumatoError` for a picture in colour where the network takes greys.
  init(_ picture: MappedPicture, channels: Int, in folder: String) throws {
    let (colorChannels, hasAlpha) = (picture.channels < 3 ? 1 : 3, picture.channels.isMultiple(of: 2))
    guard colorChannels <= channels else {
      throw SfumatoError(.data, "the picture is in colour and the model restores grey pictures; convert it to grey first")
    }
    func plane(_ name: String, _ channels: Int) throws -> MappedPicture {
      try MappedPicture(at: "\(folder)/\(name)", width: picture.width, height: picture.height, channels: channels, samples: picture.samples)
    }
    guard picture.channels != channels || hasAlpha else {
      (colors, alpha, constantAlpha) = (picture, nil, nil)
      return
    }
    colors = try plane("colors", channels)
    let opacity = hasAlpha ? try plane("opacity", 1) : nil
    for rows in picture.bands() {
      Self.split(picture.part(rows: rows), channels, row: rows.lowerBound, into: colors, opacity)
      picture.release(rows: rows)
    }
    guard let opacity else {
      (alpha, constantAlpha) = (nil, nil)
      return
    }
    constantAlpha = Self.constant(opacity)
    if constantAlpha != nil {
      alpha = nil
      return
    }
    TransparentFilling(picture: colors, alpha: opacity).run()
    guard channels > 1 else {
      alpha = opacity
      return
    }
    let wide = try plane("alpha", channels)
    for rows in opacity.bands() { Self.split(opacity.part(rows: rows), channels, row: rows.lowerBound, into: wide, nil) }
    alpha = wide
  }

  private static func split(
    _ part: any RestorablePicture, _ channels: Int, row: Int, into colors: MappedPicture, _ opacity: MappedPicture?
  ) {
    func split<Picture: RestorablePicture>(_ part: Picture) {
      colors.put(part.withChannels(channels), row: row)
      if let opacity, let alpha = part.alpha { opacity.put(alpha, row: row) }
    }
    split(part)
  }

  /// The one value of all samples; nil where they differ.
  private static func constant(_ opacity: MappedPicture) -> Int? {
    func constant<Sample: FixedWidthInteger>(_ type: Sample.Type) -> Int? {
      let first = opacity.withRows(0..<1) { $0.bindMemory(to: type)[0] }
      let differs = opacity.bands().contains { rows in opacity.withRows(rows) { $0.bindMemory(to: type).contains { $0 != first } } }
      return differs ? nil : Int(first)
    }
    return opacity.samples == .uint16 ? constant(UInt16.self) : constant(UInt8.self)
  }
}
