import Datasets
import Failures
import Imaging
import Metrics
import Tensors

/// Pictures of one set, read and evaluated batch by batch: of all of them the sums that statistics take, of the first the features
/// themselves. So 50,000 pictures take no more memory than `mostKept`.
final class EvaluatedSet {
  /// Pictures whose features are kept, for neighbours and kernels: as many as guided-diffusion compares.
  static let mostKept = 10_000

  /// Reads a picture of the data set as the extractor takes it, with its class.
  private let read: @Sendable (Int) throws -> (image: Image, label: Int?)
  /// Indices in the data set, in the order in which they are read.
  private let indices: [Int]
  /// The classifier's number of each of the set's classes; nil where they do not correspond.
  private let classes: [Int]?
  private let keeps: Int
  private var position = 0
  private var parts: [Tensor] = [], keptCount = 0
  private(set) var moments = FeatureMoments(), inception: InceptionScore
  /// Pictures with a class that the classifier knows, and those that it gives this class.
  private(set) var labelled = 0, correct = 0
  private(set) var unreadable: [DataReport.Unreadable] = []

  /// - Parameters:
  ///   - indices: of the pictures in the data set.
  ///   - keeps: how many pictures' features are kept.
  /// - Throws: `DatasetError`.
  init(_ dataset: any Dataset, _ indices: [Int], for extractor: any FeatureExtractor, keeps: Int = EvaluatedSet.mostKept) throws {
    read = try extractor.fitted.map { try Self.fitting(dataset, to: $0) } ?? Self.whole(dataset)
    inception = extractor.scoreSplits.map { InceptionScore(splits: $0, of: indices.count) } ?? InceptionScore()
    classes = Self.correspondence(dataset.classNames, extractor.classNames)
    (self.indices, self.keeps) = (indices, keeps)
  }

  /// The middle of each picture, resized.
  private static func fitting(
    _ dataset: any Dataset, to shape: ImageShape
  ) throws -> @Sendable (Int) throws -> (image: Image, label: Int?) {
    var images = ImagesRecipe()
    images.size = ImageSize(height: shape.height, width: shape.width)
    images.channels = shape.channels
    // Pictures without a class among others are judged too.
    let nullClass = dataset.classNames.isEmpty ? nil : dataset.classNames.count
    let pipeline = try ExamplePipeline(dataset, images: images, nullClass: nullClass, seed: 0)
    return { index in
      let example = try pipeline.example(index, at: -1)
      return (example.image, example.label)
    }
  }

  /// Each picture in its own size, in colour, opacity composited over white.
  private static func whole(_ dataset: any Dataset) -> @Sendable (Int) throws -> (image: Image, label: Int?) {
    { index in
      let picture = try dataset[index], image = try picture.image()
      return (image.flattened(over: image.channels == 4 ? [255, 255, 255] : [255]).withChannels(3), picture.label)
    }
  }

  /// Matches classes by name, or by place where the names differ and there are as many.
  static func correspondence(_ own: [String], _ others: [String]) -> [Int]? {
    guard !own.isEmpty, !others.isEmpty else { return nil }
    let named = own.compactMap(others.firstIndex(of:))
    return named.count == own.count ? named : own.count == others.count ? Array(others.indices) : nil
  }

  var count: Int { indices.count }
  var done: Int { position }
  var isDone: Bool { position == indices.count }

  /// Reads and evaluates the next pictures. Those that cannot be read are noted and left out.
  /// - Throws: `TorchFault`.
  func next(_ batch: Int, _ extractor: any FeatureExtractor) throws {
    let range = position..<min(position + batch, indices.count)
    let (read, indices) = (read, indices)
    let results = DataInspection.onAllCores(range) { at in Result { try read(indices[at]) } }
    var examples: [(image: Image, label: Int?)] = []
    for (at, result) in zip(range, results) {
      switch result {
      case .success(let example): examples.append(example)
      case .failure(let error): unreadable.append(DataReport.Unreadable(index: indices[at], reason: "\(error)"))
      }
    }
    position = range.upperBound
    if !examples.isEmpty { try add(extractor(examples.map(\.image)), labels: examples.map(\.label)) }
  }

  private func add(_ found: ExtractedFeatures, labels: [Int?]) throws {
    moments.add(found.features)
    let kept = min(found.features.size(0), keeps - keptCount)
    if kept > 0 { parts.append(kept == found.features.size(0) ? found.features : found.features.narrow(0, 0, kept).clone()) }
    keptCount += max(kept, 0)
    guard let logProbabilities = found.logProbabilities else { return }
    try inception.add(logProbabilities.to(.float64).exp())
    guard let classes else { return }
    for (label, guess) in zip(labels, try logProbabilities.argmax(1).ints()) {
      guard let label, classes.indices.contains(label) else { continue }
      labelled += 1
      if classes[label] == guess { correct += 1 }
    }
  }

  /// The kept features, `[N, D]`.
  /// - Throws: `SfumatoError` where no picture could be read.
  func features() throws -> Tensor {
    guard !parts.isEmpty else {
      throw SfumatoError(.data, "none of the pictures can be read; the first: \(unreadable.first?.reason ?? "")")
    }
    // Joined once: a copy for every figure would take as much memory again.
    if parts.count > 1 { parts = [try Tensor.cat(parts, dim: 0).validated()] }
    return parts[0]
  }

  /// The share of labelled pictures that the classifier gives their class; nil where none is labelled.
  var accuracy: Double? { labelled > 0 ? Double(correct) / Double(labelled) : nil }
}
