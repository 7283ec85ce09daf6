import Datasets
import Imaging

/// What becomes of a picture before its features are extracted; nothing is left to chance.
struct PicturePreparation: Sendable {
  private let fitted: ImageShape?, profiles: ColorProfiles

  init(for extractor: any FeatureExtractor) { (fitted, profiles) = (extractor.fitted, extractor.profiles) }

  /// Reads a picture of the data set by its index.
  /// - Throws: `DatasetError`.
  func reader(of dataset: any Dataset) throws -> @Sendable (Int) throws -> Example {
    guard let fitted else { return whole(dataset) }
    var images = ImagesRecipe()
    images.size = ImageSize(height: fitted.height, width: fitted.width)
    (images.channels, images.profiles) = (fitted.channels, profiles)
    // Pictures without a class among others are judged too.
    let nullClass = dataset.classNames.isEmpty ? nil : dataset.classNames.count
    let pipeline = try ExamplePipeline(dataset, images: images, nullClass: nullClass, seed: 0)
    return { try pipeline.example($0, at: -1) }
  }

  /// Each picture in its own size, in colour, opacity composited over white.
  private func whole(_ dataset: any Dataset) -> @Sendable (Int) throws -> Example {
    let profiles = profiles
    return { index in
      let picture = try dataset[index], image = try picture.image(profiles)
      let opaque = image.flattened(over: image.channels == 4 ? [255, 255, 255] : [255])
      return Example(image: opaque.withChannels(3), label: picture.label)
    }
  }
}
