import Imaging

/// A picture of a data set as the ways to fit it see it: its size first, then as much of its pixels as is wanted, in the channels
/// that training wants.
struct PictureSource {
  let height: Int, width: Int
  private let image: Image
  private let name: String
  private let channels: Int
  private let background: [Int]

  var size: ImageSize { ImageSize(height: height, width: width) }

  /// - Parameter channels: of the images that come out.
  /// - Throws: `ImagingError` when the picture cannot be read.
  init(_ picture: Picture, channels: Int, background: [Int]) throws {
    image = try picture.image()
    (height, width, name) = (image.height, image.width, picture.name)
    (self.channels, self.background) = (channels, background)
  }

  /// The whole picture.
  func whole() throws -> Image { converted(image) }

  /// The part whose upper left corner is at (`row`, `column`), which must lie inside.
  func region(row: Int, column: Int, _ size: ImageSize) throws -> Image {
    converted(image.cropped(row: row, column: column, width: size.width, height: size.height))
  }

  /// The picture in its proportions, resized until it just covers `box`: halved by the mean of four pixels while it stays large
  /// enough, then by a filter, as guided-diffusion does.
  func covering(_ box: ImageSize) throws -> Image {
    let image = try halved(keeping: box)
    let scale = max(Double(box.height) / Double(image.height), Double(box.width) / Double(image.width))
    let height = Int((Double(image.height) * scale).rounded(.toNearestOrEven))
    let width = Int((Double(image.width) * scale).rounded(.toNearestOrEven))
    return try image.resized(width: max(width, box.width), height: max(height, box.height))
  }

  /// The picture in other proportions.
  func resized(to size: ImageSize) throws -> Image { try halved(keeping: size).resized(width: size.width, height: size.height) }

  private func halved(keeping box: ImageSize) throws -> Image {
    var image = try whole()
    while image.height >= 2 * box.height, image.width >= 2 * box.width {
      image = try image.resized(width: image.width / 2, height: image.height / 2, filter: .box)
    }
    return image
  }

  /// In the channels that are wanted; alpha that has no place is laid over the background.
  private func converted(_ image: Image) -> Image {
    guard image.hasAlpha, channels == 1 || channels == 3 else { return image.withChannels(channels) }
    let color = background.count == 3 ? background.map { UInt8($0) } : Array(repeating: UInt8(background[0]), count: 3)
    let grey = Image(width: 1, height: 1, channels: 3, bytes: color).withChannels(1).bytes
    return image.flattened(over: image.channels == 4 ? color : grey).withChannels(channels)
  }

  /// Why the picture is not fit for training.
  func refused(_ reason: String) -> ImagingError { ImagingError(file: name, .unsupported(reason)) }
}
