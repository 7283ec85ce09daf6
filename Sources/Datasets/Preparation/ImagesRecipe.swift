import Imaging
import RecipeKit

/// The section `images:` of a recipe: what the pictures of a data set are made into, all of one shape.
///
///     images: { size: 64, fit: center_crop, channels: 3, flip: horizontal }
public struct ImagesRecipe: Recipe {
  /// Which mirror images are as good as the picture.
  public enum Flip: String, Codable, Sendable, CaseIterable {
    case none, horizontal, vertical, both
  }

  /// One number, or [height, width]; null for the size that all pictures have.
  public var size: ImageSize?
  /// What is done with a picture of another size.
  public var fit = Choice<ImageFitRegistry>(CenterCrop())
  /// 1 grey, 3 colour, 4 colour and alpha; null for what the data have.
  public var channels: Int?
  /// The colour, one value or three, that shines through where alpha is given up.
  public var background = [255]
  /// What becomes of colours whose profile is not sRGB.
  public var profiles = ColorProfiles.converted
  /// Mirrored at random, each direction with this probability.
  public var flip = Flip.none
  public var flipProbability = 0.5

  public init() {}

  public func validate() throws(RecipeError) {
    if let size {
      for side in [size.height, size.width] { try require((1...65_536).contains(side), "size", "expected 1 to 65536, found \(side)") }
    }
    if let channels { try require((1...4).contains(channels), "channels", "expected 1 to 4, found \(channels)") }
    try require(background.count == 1 || background.count == 3, "background", "expected one value or three, found \(background.count)")
    try require(background.allSatisfy((0...255).contains), "background", "expected values from 0 to 255, found \(background)")
    try require((0...1).contains(flipProbability), "flip_probability", "expected 0 to 1, found \(flipProbability)")
  }

  /// The shape of the images that pictures of `dataset` become.
  /// - Throws: `DatasetError` where there are no pictures, or neither the data nor this section say the size.
  public func shape(for dataset: any Dataset) throws -> ImageShape {
    guard dataset.count > 0 else { throw DatasetError("data", .noPictures) }
    let channels = channels ?? dataset.channels
    if let size { return ImageShape(height: size.height, width: size.width, channels: channels) }
    guard let shape = dataset.shape else { throw DatasetError("data", .noCommonSize) }
    return ImageShape(height: shape.height, width: shape.width, channels: channels)
  }

  /// Mirrors the image as chance has it.
  func flipped(_ image: Image, using random: inout StableRandom) -> Image {
    // Both numbers are drawn always, so that one direction does not depend on whether the other is wanted.
    let across = random.uniform() < flipProbability, over = random.uniform() < flipProbability
    var image = image
    if across, flip == .horizontal || flip == .both { image = image.flippedHorizontally() }
    if over, flip == .vertical || flip == .both { image = image.flippedVertically() }
    return image
  }
}
