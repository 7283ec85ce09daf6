import Checkpoints
import Datasets
import Failures
import Imaging
import Models
import Tensors
import Training

/// What pictures are compared by: numbers of each picture, and class probabilities where a classifier gives them.
protocol FeatureExtractor {
  /// The name in reports.
  var name: String { get }
  /// What statistics of these features are marked with, and may be compared with alone.
  var identity: String { get }
  /// The shape of the images that it computes with.
  var shape: ImageShape { get }
  /// The shape that pictures are fitted to before it sees them; nil where it takes colour pictures of any size.
  var fitted: ImageShape? { get }
  /// How many splits the inception score has; nil for splits of 5000 pictures.
  var scoreSplits: Int? { get }
  /// What becomes of colours of a file whose profile is not sRGB.
  var profiles: ColorProfiles { get }
  /// How it resizes; nil where pictures are fitted to `shape`.
  var resizing: PictureResizing? { get }
  /// The names of the classes, if it gives probabilities; else empty.
  var classNames: [String] { get }
  /// - Parameter images: of `shape`.
  /// - Throws: `TorchFault`.
  func callAsFunction(_ images: [Image]) throws -> ExtractedFeatures
}

extension FeatureExtractor {
  var fitted: ImageShape? { shape }
  var scoreSplits: Int? { nil }
  var profiles: ColorProfiles { .converted }
  var resizing: PictureResizing? { nil }
}

struct ExtractedFeatures {
  /// `[N, D]` float32, on the CPU.
  let features: Tensor
  /// log p(y | x), `[N, classes]` float32, on the CPU; nil without a classifier.
  var logProbabilities: Tensor?
}

/// The samples themselves, from 0 to 1.
struct PixelFeatures: FeatureExtractor {
  let shape: ImageShape
  let name = "pixels", classNames: [String] = []
  var identity: String { "pixels \(shape)" }

  /// A covariance has the square of as many numbers, and its eigenvalues take the cube in time.
  static let mostNumbers = 4096

  /// - Throws: `SfumatoError` for images of too many samples.
  init(_ shape: ImageShape) throws {
    guard shape.height * shape.width * shape.channels <= Self.mostNumbers else {
      throw SfumatoError(
        .usage,
        "images of \(shape) have too many pixels to be compared one by one, at most \(Self.mostNumbers) numbers; make them smaller, as by "
          + "--size 32, or compare the features of a classifier (--features)")
    }
    self.shape = shape
  }

  func callAsFunction(_ images: [Image]) throws -> ExtractedFeatures {
    let pixels = Tensor(images.flatMap(\.bytes), [images.count, shape.height * shape.width * shape.channels])
    return ExtractedFeatures(features: try (pixels.to(.float32) / 255).validated())
  }
}

/// The input of a classifier's last linear map, and its class probabilities, at timestep 0.
struct ClassifierFeatures: FeatureExtractor {
  let name: String, identity: String, shape: ImageShape
  var classNames: [String] { model.recipe.data.classNames }
  private let model: ClassifierModel, device: Device

  /// - Parameter classifier: a file or a run folder.
  /// - Throws: as `ClassifierModel`.
  init(_ classifier: String, on device: Device) throws {
    let path = try ModelLocator.file(of: classifier, expecting: .classifier)
    (model, self.device, name) = (try ClassifierModel(file: path, on: device), device, classifier)
    let data = model.recipe.data
    shape = ImageShape(height: data.height, width: data.width, channels: data.channels)
    identity = "classifier \(try FileChecksum(ofFile: path).crc32) \(shape)"
  }

  func callAsFunction(_ images: [Image]) throws -> ExtractedFeatures {
    let found = model.features(ofClean: try Tensor(images: images).to(device))
    return ExtractedFeatures(
      features: try found.features.to(.cpu).validated(), logProbabilities: try found.logProbabilities.to(.cpu).validated())
  }
}
