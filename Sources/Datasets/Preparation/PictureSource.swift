import Imaging

/// A picture of a data set as the ways to fit it see it: its size first, then as much of its pixels as is wanted, in the channels
/// that training wants.
struct PictureSource {
  private enum Pixels {
    case decoded(Image)
    case reader(PictureReader)
  }

  let height: Int, width: Int
  private let pixels: Pixels
  private let name: String
  private let channels: Int
  private let background: [Int]

  var size: ImageSize { ImageSize(height: height, width: width) }

  /// - Parameters:
  ///   - channels: of the images that come out.
  ///   - background: the colour, one value or three, behind alpha that has no place in them.
  ///   - profiles: what becomes of colours of a file whose profile is not sRGB.
  /// - Throws: `ImagingError` when the picture cannot be read.
  init(_ picture: Picture, channels: Int, background: [Int], profiles: ColorProfiles = .converted) throws {
    switch picture.content {
    case .pixels(let image):
      pixels = .decoded(image)
      (height, width) = (image.height, image.width)
    case .file, .encoded:
      let reader = try picture.reader(profiles)
      pixels = .reader(reader)
      (height, width) = (reader.height, reader.width)
    }
    (name, self.channels, self.background) = (picture.name, channels, background)
  }

  /// The whole picture.
  func whole() throws -> Image {
    switch pixels {
    case .decoded(let image): converted(image)
    case .reader(let reader): try converted(reader.image())
    }
  }

  /// The part whose upper left corner is at (`row`, `column`), which must lie inside; of a file only what is needed is decoded.
  func region(row: Int, column: Int, _ size: ImageSize) throws -> Image {
    switch pixels {
    case .decoded(let image): converted(image.cropped(row: row, column: column, width: size.width, height: size.height))
    case .reader(let reader): try converted(reader.image(row: row, column: column, width: size.width, height: size.height))
    }
  }

  /// Converts to the requested channels; alpha that is dropped is composited over the background.
  private func converted(_ image: Image) -> Image {
    guard image.hasAlpha, channels == 1 || channels == 3 else { return image.withChannels(channels) }
    let color = background.count == 3 ? background.map { UInt8($0) } : Array(repeating: UInt8(background[0]), count: 3)
    let grey = Image(width: 1, height: 1, channels: 3, bytes: color).withChannels(1).bytes
    return image.flattened(over: image.channels == 4 ? color : grey).withChannels(channels)
  }

  /// Why the picture is not fit for training.
  func refused(_ reason: String) -> ImagingError { ImagingError(file: name, .unsupported(reason)) }
}

extension Picture {
  /// - Precondition: the picture is not decoded.
  fileprivate func reader(_ profiles: ColorProfiles) throws -> PictureReader {
    switch content {
    case .file(let path): try PictureReader(file: path, profiles: profiles)
    case .encoded(let bytes): try PictureReader(decoding: bytes, name: name, profiles: profiles)
    case .pixels: preconditionFailure("\(name) is decoded already")
    }
  }
}
