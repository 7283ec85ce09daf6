import Datasets
import Imaging
import Tensors

/// The pictures of a set that is judged, some at a time, as their features are extracted.
protocol PictureFeed: AnyObject {
  var count: Int { get }
  /// Pictures that were given, or could not be read.
  var done: Int { get }
  var classNames: [String] { get }
  var unreadable: [DataReport.Unreadable] { get }
  /// The next pictures that this process evaluates; none where this step of the work gave none yet.
  func next(_ batch: Int) throws -> [Example]
}

/// Which pictures of a round, in which each process evaluates a batch, are this process's.
struct PictureShare {
  let rank: Int, size: Int

  /// - Parameter group: nil for a process alone.
  init(in group: ProcessGroup?) { (rank, size) = (group?.rank ?? 0, group?.size ?? 1) }

  func range(of batch: Int, in round: Range<Int>) -> Range<Int> {
    let start = min(round.lowerBound + rank * batch, round.upperBound)
    return start..<min(start + batch, round.upperBound)
  }
}

/// Pictures of a data set. Those that cannot be read are noted and left out.
final class StoredPictures: PictureFeed {
  private let read: @Sendable (Int) throws -> Example
  let classNames: [String]
  /// Indices in the data set, in the order in which they are read.
  private let indices: [Int]
  private let share: PictureShare
  private(set) var done = 0
  private(set) var unreadable: [DataReport.Unreadable] = []

  /// - Throws: `DatasetError`.
  init(_ dataset: any Dataset, _ indices: [Int], for extractor: any FeatureExtractor, _ share: PictureShare) throws {
    read = try PicturePreparation(for: extractor).reader(of: dataset)
    (self.indices, self.share, classNames) = (indices, share, dataset.classNames)
  }

  var count: Int { indices.count }

  func next(_ batch: Int) -> [Example] {
    let round = done..<min(done + share.size * batch, indices.count), range = share.range(of: batch, in: round)
    let (read, indices) = (read, indices)
    let results = DataInspection.onAllCores(range) { at in Result { try read(indices[at]) } }
    var examples: [Example] = []
    for (at, result) in zip(range, results) {
      switch result {
      case .success(let example): examples.append(example)
      case .failure(let error): unreadable.append(DataReport.Unreadable(index: indices[at], reason: "\(error)"))
      }
    }
    done = round.upperBound
    return examples
  }
}

/// What a model samples, a batch at a time: as many as wanted in the memory of a batch.
final class SampledPictures: PictureFeed {
  private let job: SamplingJob, captions: JudgedCaptions?, preparation: PicturePreparation, share: PictureShare
  private(set) var done = 0
  /// The time that sampling took.
  private(set) var seconds = 0.0
  let unreadable: [DataReport.Unreadable] = []

  /// - Parameter captions: what the samples are to show, for a model of texts.
  init(_ job: SamplingJob, for extractor: any FeatureExtractor, _ share: PictureShare, showing captions: JudgedCaptions? = nil) {
    (self.job, self.captions, self.share, preparation) = (job, captions, share, PicturePreparation(for: extractor))
  }

  var count: Int { job.plan.request.count }
  var classNames: [String] { captions?.classNames ?? job.plan.model.recipe.data.classNames }

  /// Takes a step of the sampling; the batch is that of its request.
  func next(_ batch: Int) throws -> [Example] {
    let start = ContinuousClock.now
    _ = try job.next()
    seconds += start.duration(to: .now) / .seconds(1)
    let images = job.takeImages()
    guard !images.isEmpty else { return [] }
    let labels = Array((captions?.labels ?? job.plan.labels)[done..<(done + images.count)])
    done += images.count
    let read = try preparation.reader(of: Batch(images: images, labels: labels, classNames: classNames))
    return try share.range(of: batch, in: images.indices).map(read)
  }

  private struct Batch: Dataset {
    let images: [Image], labels: [Int?], classNames: [String]
    var count: Int { images.count }
    var shape: ImageShape? { ImageShape(height: images[0].height, width: images[0].width, channels: images[0].channels) }
    var channels: Int { images[0].channels }
    subscript(index: Int) -> Picture { Picture(.pixels(images[index]), label: labels[index], name: "sample \(index)") }
  }
}
