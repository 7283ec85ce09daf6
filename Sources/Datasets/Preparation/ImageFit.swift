import Imaging
import RecipeKit

/// How a picture of any size becomes an image of the size that a model is trained on.
protocol ImageFit: NamedRecipe {
  /// - Returns: an image of `size`, with the channels of the source.
  /// - Throws: `ImagingError` for a picture that cannot be decoded or is not fit for it.
  func fit(_ source: PictureSource, to size: ImageSize, using random: inout StableRandom) throws -> Image
}

/// Every way to fit that a recipe can name.
public enum ImageFitRegistry: RecipeRegistry {
  public typealias Member = any NamedRecipe
  public static let all: [any NamedRecipe.Type] = [CenterCrop.self, RandomCrop.self, RandomTile.self, Pad.self, Stretch.self]
}

extension Choice<ImageFitRegistry> {
  var fit: any ImageFit { recipe as! any ImageFit }
}

/// Made smaller, or larger, until it just covers the size, then cropped alike on both sides: what the models of
/// guided-diffusion were trained on (`center_crop_arr`).
public struct CenterCrop: ImageFit, Equatable {
  public static let name = "center_crop"
  public init() {}

  func fit(_ source: PictureSource, to size: ImageSize, using random: inout StableRandom) throws -> Image {
    try source.whole().centerFitted(width: size.width, height: size.height)
  }
}

/// A random part, of random extent: guided-diffusion's `random_crop_arr`.
///
/// The picture is resized to cover a box that is larger than the size, so that the part is `min_fraction` to `max_fraction` of
/// it along its shorter side.
public struct RandomCrop: ImageFit, Equatable {
  public static let name = "random_crop"
  public var minFraction = 0.8, maxFraction = 1.0
  public init() {}

  public func validate() throws(RecipeError) {
    try require(minFraction > 0.01 && minFraction <= 1, "min_fraction", "expected more than 0.01 and at most 1, found \(minFraction)")
    try require(
      maxFraction >= minFraction && maxFraction <= 1, "max_fraction", "expected \(minFraction) to 1, found \(maxFraction)")
  }

  func fit(_ source: PictureSource, to size: ImageSize, using random: inout StableRandom) throws -> Image {
    let side = min(size.height, size.width)
    let least = Int((Double(side) / maxFraction).rounded(.up)), most = Int((Double(side) / minFraction).rounded(.up))
    let chosen = least + random.below(most - least + 1)
    // Not by the library's random choice: that may change from one version of Swift to the next.
    let image = try source.whole().covering(width: size.width * chosen / side, height: size.height * chosen / side)
    let row = random.below(image.height - size.height + 1), column = random.below(image.width - size.width + 1)
    return image.cropped(row: row, column: column, width: size.width, height: size.height)
  }
}

/// A random window, pixel for pixel, of a picture that is at least as large; where the format allows, only that is decoded. For
/// restoration, where fine structure counts.
public struct RandomTile: ImageFit, Equatable {
  public static let name = "tile"
  public init() {}

  func fit(_ source: PictureSource, to size: ImageSize, using random: inout StableRandom) throws -> Image {
    guard source.height >= size.height, source.width >= size.width else {
      throw source.refused("\(source.size) pixels are too few for a tile of \(size)")
    }
    let row = random.below(source.height - size.height + 1), column = random.below(source.width - size.width + 1)
    return try source.region(row: row, column: column, size)
  }
}

/// Keeps the picture's pixels, centred on a plain colour: for small drawings.
public struct Pad: ImageFit, Equatable {
  public static let name = "pad"
  /// One value for all channels, or one for each; 0 to 255.
  public var color = [0]
  public init() {}

  public func validate() throws(RecipeError) {
    try require((1...4).contains(color.count), "color", "expected one value, or one for each channel, found \(color.count)")
    try require(color.allSatisfy((0...255).contains), "color", "expected values from 0 to 255, found \(color)")
  }

  func fit(_ source: PictureSource, to size: ImageSize, using random: inout StableRandom) throws -> Image {
    guard source.height <= size.height, source.width <= size.width else {
      throw source.refused("\(source.size) pixels are too many to be padded to \(size)")
    }
    let image = try source.whole()
    guard color.count == 1 || color.count == image.channels else {
      throw source.refused("images.fit.color has \(color.count) values for \(image.channels) channels")
    }
    let values = (0..<image.channels).map { UInt8(color[color.count == 1 ? 0 : $0]) }
    return image.padded(toWidth: size.width, height: size.height, color: values)
  }
}

/// Resized without regard to its proportions.
public struct Stretch: ImageFit, Equatable {
  public static let name = "stretch"
  public init() {}

  func fit(_ source: PictureSource, to size: ImageSize, using random: inout StableRandom) throws -> Image {
    let image = try source.whole()
    // Bicubic widens with the reduction, so nothing is skipped.
    return try image.resized(width: size.width, height: size.height, filter: .bicubic)
  }
}
