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

  private let feed: any PictureFeed
  /// The processes that evaluate together, each a part of every round of pictures; all get all features.
  private let group: ProcessGroup?
  /// The classifier's number of each of the set's classes; nil where they do not correspond.
  private let classes: [Int]?
  private let keeps: Int
  private var parts: [Tensor] = [], keptCount = 0
  private(set) var moments = FeatureMoments(), inception: InceptionScore
  /// Pictures with a class that the classifier knows, and those that it gives this class.
  private(set) var labelled = 0, correct = 0
  private(set) var unreadable: [DataReport.Unreadable] = []
  /// How many of the feed's unreadable pictures the other processes know of.
  private var reported = 0

  /// - Parameter keeps: how many pictures' features are kept.
  init(
    _ feed: any PictureFeed, for extractor: any FeatureExtractor, keeps: Int = EvaluatedSet.mostKept, in group: ProcessGroup? = nil
  ) {
    (self.feed, self.keeps, self.group) = (feed, keeps, group)
    inception = extractor.scoreSplits.map { InceptionScore(splits: $0, of: feed.count) } ?? InceptionScore()
    classes = Self.correspondence(feed.classNames, extractor.classNames)
  }

  /// - Parameter indices: of the pictures in the data set.
  /// - Throws: `DatasetError`.
  convenience init(
    _ dataset: any Dataset, _ indices: [Int], for extractor: any FeatureExtractor, keeps: Int = EvaluatedSet.mostKept,
    in group: ProcessGroup? = nil
  ) throws {
    let feed = try StoredPictures(dataset, indices, for: extractor, PictureShare(in: group))
    self.init(feed, for: extractor, keeps: keeps, in: group)
  }

  /// Matches classes by name, or by place where the names differ and there are as many.
  static func correspondence(_ own: [String], _ others: [String]) -> [Int]? {
    guard !own.isEmpty, !others.isEmpty else { return nil }
    let named = own.compactMap(others.firstIndex(of:))
    return named.count == own.count ? named : own.count == others.count ? Array(others.indices) : nil
  }

  var count: Int { feed.count }
  var done: Int { feed.done }
  var isDone: Bool { done == count }
  /// The time that sampling took; nil for pictures that were there.
  var samplingSeconds: Double? { (feed as? SampledPictures)?.seconds }

  /// Gets and evaluates the next pictures. Those that cannot be read are noted and left out.
  /// - Throws: `TorchFault`; errors from sampling.
  func next(_ batch: Int, _ extractor: any FeatureExtractor) throws {
    let before = feed.done, examples = try feed.next(batch)
    guard feed.done > before else { return }  // the sampling of a batch takes several steps
    let found = examples.isEmpty ? nil : try extractor(examples.map(\.image))
    let own = EvaluatedBatch(found, labels: examples.map(\.label), unreadable: Array(feed.unreadable[reported...]))
    reported = feed.unreadable.count
    for part in try own.ofAll(in: group) {
      unreadable += part.unreadable
      if let features = part.features { try add(features, labels: part.labels) }
    }
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
