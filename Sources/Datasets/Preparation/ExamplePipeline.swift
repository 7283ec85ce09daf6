import Imaging
import RecipeKit

/// The way from the pictures of a data set to the examples of a training: prepared, mirrored, augmented, degraded.
///
/// Every choice left to chance depends on the seed, the position in the training and its purpose alone: not on the thread that
/// makes the example, nor on what was made before.
public struct ExamplePipeline: Sendable {
  public let dataset: any Dataset
  /// The shape of every image that comes out.
  public let shape: ImageShape
  /// The shape of the degraded images; nil without them.
  public let degradedShape: ImageShape?
  private let images: ImagesRecipe
  private let augmentation: AugmentationRecipe
  private let corruptions: CorruptionsRecipe?
  private let nullClass: Int?
  /// Whether examples carry their pictures' captions.
  public let hasCaptions: Bool
  private let seed: UInt64

  /// What random numbers are for; each has a stream of its own, so that one more of them changes no other.
  enum Purpose: UInt64 {
    case fit = 1, flip, augmentation, corruption
  }

  /// - Parameters:
  ///   - corruptions: nil where there is nothing to restore.
  ///   - captions: whether examples carry their pictures' captions.
  ///   - nullClass: the label of pictures without a class where others have one; nil where there must be none such.
  /// - Throws: `DatasetError` where neither the data nor the recipe say the size of the images, or where it is not a multiple of the
  ///   scale of the degraded ones; `RecipeError` where images of that size cannot be augmented as wanted.
  public init(
    _ dataset: any Dataset, images: ImagesRecipe = ImagesRecipe(), augmentation: AugmentationRecipe = AugmentationRecipe(),
    corruptions: CorruptionsRecipe? = nil, captions: Bool = false, nullClass: Int? = nil, seed: UInt64
  ) throws {
    (self.dataset, self.images, self.augmentation, self.corruptions) = (dataset, images, augmentation, corruptions)
    (self.nullClass, self.seed, hasCaptions) = (nullClass, seed, captions)
    let shape = try images.shape(for: dataset)
    self.shape = shape
    if let problem = augmentation.problem(height: shape.height, width: shape.width) {
      throw RecipeError(place: nil, path: "augmentation.kinds", problem)
    }
    degradedShape = try corruptions.map { corruptions in
      guard shape.height % corruptions.scale == 0, shape.width % corruptions.scale == 0 else {
        throw DatasetError("data", .scale(corruptions.scale, shape))
      }
      return ImageShape(
        height: shape.height / corruptions.scale, width: shape.width / corruptions.scale, channels: shape.channels)
    }
  }

  /// The example that training sees at a position.
  /// - Parameters:
  ///   - index: of the picture in the data set.
  ///   - position: counted over all epochs; negative for a picture that is held out, which is not augmented.
  /// - Throws: what is wrong with the picture.
  public func example(_ index: Int, at position: Int) throws -> Example {
    let picture = try dataset[index], context = try context(of: picture), label = picture.label ?? nullClass
    if label == nil, context == nil, !hasCaptions, !dataset.classNames.isEmpty {
      throw ImagingError(
        file: picture.name, .unsupported("it has no class; diffusion models with training.class_dropout above 0 take such pictures"))
    }
    let source = try PictureSource(picture, channels: shape.channels, background: images.background, profiles: images.profiles)
    var image = try fitted(source, at: position)
    if images.flip != .none {
      var random = stream(.flip, position)
      image = images.flipped(image, using: &random)
    }
    var example = Example(image: image, label: label, context: context, caption: hasCaptions ? picture.caption ?? "" : nil)
    if augmentation.isOn { augment(&example, at: position) }
    example.degraded = try degraded(example.image, at: position)
    return example
  }

  private func degraded(_ image: Image, at position: Int) throws -> Example.Degraded? {
    guard let corruptions else { return nil }
    var random = stream(.corruption, position)
    let (bad, strengths) = try corruptions.degrade(image, random: &random)
    return Example.Degraded(image: bad, strengths: strengths.map(Float.init))
  }

  /// Changes the image and says how, or says that it is as it was.
  private func augment(_ example: inout Example, at position: Int) {
    guard position >= 0 else {
      example.augmentation = [Float](repeating: 0, count: augmentation.labelCount)
      return
    }
    var random = stream(.augmentation, position)
    let (image, labels) = augmentation.augment(example.image, random: &random)
    (example.image, example.augmentation) = (image, labels)
  }

  /// The vector that the data set promises; nil where it promises none.
  private func context(of picture: Picture) throws -> [Float]? {
    guard let size = dataset.contextSize else { return nil }
    let found = picture.context?.count { $0.isFinite } ?? 0
    guard let context = picture.context, context.count == size, found == size else {
      throw DatasetError(picture.name, .context(found: found, expected: size))
    }
    return context
  }

  private func fitted(_ source: PictureSource, at position: Int) throws -> Image {
    var random = stream(.fit, position)
    return try images.fit.fit.fit(source, to: ImageSize(height: shape.height, width: shape.width), using: &random)
  }

  func stream(_ purpose: Purpose, _ position: Int) -> StableRandom {
    StableRandom(seed ^ StableRandom.mix(purpose.rawValue), UInt64(bitPattern: Int64(position)))
  }
}
