import Checkpoints
import Datasets
import Failures
import Foundation
import Models
import Tensors

/// An evaluation, settled and checked before any picture is read: which features, which pictures of which set, what real ones beside them.
///
/// Of a reference of pictures, two disjoint parts of as many pictures as are judged are taken: the samples and the second part are compared
/// with the first, so that every figure of the samples has that of real pictures beside it.
public struct EvaluationPlan {
  private(set) var request: EvaluationRequest
  let extractor: any FeatureExtractor
  let samples: JudgedSamples
  /// Nil for statistics alone.
  let reference: (any Dataset)?
  /// Pictures of each set.
  let count: Int
  /// How a model samples them; nil for pictures that are there.
  private(set) var sampling: EvaluationReport.Sampling?
  /// Statistics that are given: of the reference itself, or those kept in the file named for them.
  let statistics: StatisticsFile?
  /// What a model of texts samples; nil for other samples.
  private(set) var captions: JudgedCaptions?
  var warnings: [String] = []

  /// The least number of pictures: with fewer, covariances and neighbours say nothing.
  public static let fewest = 10
  /// Samples of a model, unless a count is asked for.
  static let sampled = 1000
  /// Published figures are of as many samples as this; those of fewer are larger.
  static let published = 50_000

  /// - Throws: `SfumatoError` for a request that cannot be met; what opening data sets, classifier and statistics throws.
  public init(_ request: EvaluationRequest) throws {
    try Self.check(request)
    self.request = request
    let samples = try JudgedSamples(request)
    let given = try StatisticsFile.isOne(request.reference) ? StatisticsFile(request.reference) : nil
    guard given == nil || request.statistics == nil else {
      throw SfumatoError(.usage, "\(request.reference) has statistics already; leave --statistics out, or name the pictures with --against")
    }
    let reference = try given == nil ? DataSource(request.reference).dataset : nil
    extractor = try Self.extractor(request, samples, reference)
    statistics = try given ?? Self.keptStatistics(request)
    try statistics?.check(given == nil ? request.statistics ?? "" : request.reference, for: extractor)
    let count = try Self.count(request, samples: samples.count, reference: reference?.count)
    self.count = count
    (self.samples, self.reference) = (samples, reference)
    takeCaptions()
    try settleSampling()
    addWarnings()
  }

  /// The captions of the real pictures beside the samples: the figures of both are of the same texts.
  private mutating func takeCaptions() {
    guard case .model(let model) = samples, model.recipe.textEncoder != nil else { return }
    captions = reference.flatMap { JudgedCaptions(for: model, $0, chosen(count..<(2 * count), of: $0)) }
    guard captions == nil else { return }
    warnings.append(
      "\(request.samples) samples without texts, for the reference has no captions: name a recipe whose data have some by --against")
  }

  private mutating func settleSampling() throws {
    guard case .model(let model) = samples else { return }
    sampling = EvaluationReport.Sampling(try sampling(of: model))
  }

  /// The same evaluation of the model's samples by other settings. What was opened is shared.
  /// - Throws: `SfumatoError` for a sampling that the model cannot do.
  func sampled(by sampling: SamplingRequest) throws -> EvaluationPlan {
    var plan = self
    plan.request.sampling = sampling
    try plan.settleSampling()
    return plan
  }

  private static func check(_ request: EvaluationRequest) throws {
    if let size = request.size, !(1...4096).contains(size) {
      throw SfumatoError(.usage, "the size must be 1 to 4096 pixels, not \(size)")
    }
    guard (1...10_000).contains(request.batch) else { throw SfumatoError(.usage, "the batch must be 1 to 10000, not \(request.batch)") }
    guard request.resizing == nil || request.features != nil else {
      throw SfumatoError(.usage, "--resize goes with the features of InceptionV3; name its file with --features, or leave --resize out")
    }
  }

  /// Those of the file named for them, where it exists; that it can be written, where it does not.
  private static func keptStatistics(_ request: EvaluationRequest) throws -> StatisticsFile? {
    guard let path = request.statistics else { return nil }
    if FileManager.default.fileExists(atPath: path) { return try StatisticsFile(path) }
    try OutputFile.check(path)
    return nil
  }

  private static func extractor(
    _ request: EvaluationRequest, _ samples: JudgedSamples, _ reference: (any Dataset)?
  ) throws -> any FeatureExtractor {
    if let features = request.features {
      return try networkFeatures(features, resizing: request.resizing, size: request.size, on: request.device)
    }
    guard let side = request.size.map({ ($0, $0) }) ?? samples.shape.map({ ($0.height, $0.width) }) else {
      throw SfumatoError(.usage, "the pictures of \(request.samples) differ in size; give a common one, such as --size 64")
    }
    // Colour, unless all is grey; alpha is composited over white.
    let isGrey = samples.channels < 3 && (reference?.channels ?? 1) < 3
    return try PixelFeatures(ImageShape(height: side.0, width: side.1, channels: isGrey ? 1 : 3))
  }

  /// The features of a file of InceptionV3, which is recognised by its contents, or of a classifier.
  static func networkFeatures(
    _ features: String, resizing: PictureResizing? = nil, size: Int? = nil, on device: Device
  ) throws -> any FeatureExtractor {
    if let state = try InceptionFeatures.state(of: features) {
      return try InceptionFeatures(state, of: features, resizing: resizing, size: size, on: device)
    }
    let classifier = try ClassifierFeatures(features, on: device)
    guard size == nil, resizing == nil else {
      throw SfumatoError(
        .usage, "a classifier sees pictures in the size of its training, and \(features) is one: leave --size and --resize out")
    }
    return classifier
  }

  private static func count(_ request: EvaluationRequest, samples: Int?, reference: Int?) throws -> Int {
    let most = min(samples ?? .max, reference.map { $0 / 2 } ?? .max)
    let count = request.count ?? (samples == nil ? min(sampled, most) : most)
    let real = reference.map { " and \($0) reference pictures, of which half are compared with the other half" } ?? ""
    let there = "\(samples.map { "\($0) samples" } ?? "a model's samples")\(real)"
    guard count <= most else {
      throw SfumatoError(.usage, "\(count) pictures of each set were asked for, and there are \(there): at most \(most)")
    }
    guard count >= fewest else {
      throw SfumatoError(
        request.count == nil ? .data : .usage,
        "\(count) pictures are too few to judge a set, expected \(fewest) or more; there are \(there)")
    }
    return count
  }

  private mutating func addWarnings() {
    if count < Self.published {
      warnings.append(
        "\(count) pictures are too few to compare with published figures, which are of \(Self.published): distances shrink as counts grow; "
          + "compare only with figures of the same count, as the column of real pictures is")
    }
    if let shape = reference?.shape { addWarning(ofSize: ImageSize(height: shape.height, width: shape.width)) }
    if statistics != nil || request.statistics != nil, reference != nil {
      warnings.append("the statistics are of the whole reference, with the real pictures that are compared with it among them")
    }
  }

  /// - Parameter size: that of the reference's pictures.
  private mutating func addWarning(ofSize size: ImageSize) {
    if let fitted = extractor.fitted.map({ ImageSize(height: $0.height, width: $0.width) }) {
      if fitted != size { warnings.append("the reference's pictures of \(size) were fitted to \(fitted)") }
    } else if let own = samples.shape.map({ ImageSize(height: $0.height, width: $0.width) }), own != size {
      warnings.append(
        "pictures of \(own) and, of the reference, of \(size) were each resized to \(extractor.shape.height) x "
          + "\(extractor.shape.width): blur counts; compare in one size by --size \(min(own.height, own.width))")
    }
  }

  /// How a model samples that many. Each job takes a plan of its own.
  /// - Throws: `SfumatoError` for a sampling that the model cannot do, or that does not fit into memory.
  private func sampling(of model: Model) throws -> SamplingPlan {
    var sampling = request.sampling
    (sampling.model, sampling.count, sampling.seed) = (request.samples, count, request.seed)
    (sampling.batchSize, sampling.device) = (request.batch, request.device)
    if let captions { sampling.contexts = .texts(captions.texts) }
    if sampling.device == .cpu { try SamplingPlan.checkMemory(sampling, model.recipe) }
    return try SamplingPlan(sampling, model: model)
  }

  // MARK: The sets

  func judged(in group: ProcessGroup? = nil) throws -> EvaluatedSet {
    switch samples {
    case .stored(let dataset): return try EvaluatedSet(dataset, chosen(0..<count, of: dataset), for: extractor, in: group)
    case .model(let model):
      let job = try SamplingJob(sampling(of: model), in: group)
      let feed = SampledPictures(job, for: extractor, PictureShare(in: group), showing: captions)
      return EvaluatedSet(feed, for: extractor, in: group)
    }
  }

  /// What the others are compared with, and the real pictures beside the samples.
  func real(in group: ProcessGroup? = nil) throws -> [EvaluatedSet] {
    guard let reference else { return [] }
    return try [0..<count, count..<(2 * count)].map {
      try EvaluatedSet(reference, chosen($0, of: reference), for: extractor, in: group)
    }
  }

  /// All of the reference, where its statistics are to be computed.
  func whole(in group: ProcessGroup? = nil) throws -> EvaluatedSet? {
    guard let reference, request.statistics != nil, statistics == nil else { return nil }
    return try EvaluatedSet(reference, Array(0..<reference.count), for: extractor, keeps: 0, in: group)
  }

  /// The pictures at some places of an order that depends on the seed: sets are often sorted by class.
  private func chosen(_ places: Range<Int>, of dataset: any Dataset) -> [Int] {
    let order = VisitingOrder(count: dataset.count, seed: request.seed)
    return places.map { order[$0] }
  }
}
