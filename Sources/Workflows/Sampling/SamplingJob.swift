import Diffusion
import Failures
import Imaging
import Models
import RecipeKit
import Tensors
import Training

/// A sampling job, advanced step by step.
///
/// Of several processes each samples every so many-th batch; all get all images, which are those that one process samples.
public final class SamplingJob {
  public let plan: SamplingPlan
  /// The images of the finished batches.
  public private(set) var images: [Image] = []
  /// The traced images at each of the plan's `tracedMoments`, for all finished batches.
  public private(set) var frames: [[Image]] = []
  /// With several candidates, for each finished image: the index of the candidate kept and the scores of all, higher is better.
  public private(set) var choices: [(winner: Int, scores: [Double])] = []
  /// The current batch or, between two, the last one: `[N, C, H, W]`.
  package private(set) var x: Tensor?

  /// The processes that sample together; nil for one alone.
  private let group: ProcessGroup?
  private var batch: SamplingBatch?
  /// Finished images that were taken away.
  private var taken = 0
  /// For noise in the reference loops' order: one stream for all batches.
  private lazy var stream = Generator(seed: plan.request.seed)

  public init(_ plan: SamplingPlan) { (self.plan, group) = (plan, nil) }

  /// - Parameter group: the processes that sample together, each of which makes this job of the same request.
  /// - Throws: `SfumatoError` for noise in the reference loops' order, which is one stream for all batches.
  public init(_ plan: SamplingPlan, in group: ProcessGroup?) throws {
    guard group == nil || plan.request.noiseOrder == .perImage else {
      throw SfumatoError(
        .usage, "noise in the order of the batch is one stream for all images, which several processes cannot share; use one process")
    }
    (self.plan, self.group) = (plan, group)
  }

  /// - Throws: as `SamplingPlan`.
  public convenience init(_ request: SamplingRequest) throws { try self.init(SamplingPlan(request)) }

  /// - Parameter model: a model on the request's device, used in place of the one that the request names.
  public convenience init(_ request: SamplingRequest, model: Model) throws { try self.init(SamplingPlan(request, model: model)) }

  /// Takes one step of one batch.
  /// - Returns: the completed fraction, nil when all images are done.
  public func next() throws -> Double? {
    let count = plan.request.count
    guard finished < count else { return nil }
    let round = round
    guard let range = range(in: round) else {
      try finish(round, own: nil)
      return Double(finished) / Double(count)
    }
    let batch = try batch ?? startBatch(range)
    self.batch = batch
    let isUnderWay = try batch.next()
    x = batch.x
    if !isUnderWay { try finish(round, own: batch) }
    return (Double(finished) + (isUnderWay ? Double(round.count) * batch.share : 0)) / Double(count)
  }

  /// Takes all remaining steps.
  public func finish() throws -> [Image] {
    while try next() != nil {}
    return images
  }

  /// Hands over the finished images, which the job then no longer keeps: the memory of a job of many is that of a batch.
  package func takeImages() -> [Image] {
    defer {
      taken += images.count
      images = []
    }
    return images
  }

  // MARK: Batches

  private var finished: Int { taken + images.count }

  /// The images whose batches are sampled at the same time, one by each process.
  private var round: Range<Int> {
    let request = plan.request, processes = group?.size ?? 1
    return finished..<min(finished + processes * request.batchSize, request.count)
  }

  /// The images of a round that process `rank` samples; nil for none.
  private func range(in round: Range<Int>, rank: Int? = nil) -> Range<Int>? {
    let start = round.lowerBound + (rank ?? group?.rank ?? 0) * plan.request.batchSize
    return start < round.upperBound ? start..<min(start + plan.request.batchSize, round.upperBound) : nil
  }

  private func startBatch(_ range: Range<Int>) throws -> SamplingBatch {
    let request = plan.request
    let guided = plan.denoiser.guided(range),
      denoiser = plan.classifier?.guiding(guided, range, interval: plan.denoiser.sampling.guidedRatios) ?? guided
    let traced = min(max(request.tracedCount - range.lowerBound, 0), range.count)
    let trace = SamplingBatch.Trace(count: traced, moments: plan.tracedMoments, content: request.traced)
    // The batch does not outlive the job.
    return try SamplingBatch(range, candidates: request.candidates, trace: trace) { [unowned self] candidate in
      switch request.noiseOrder {
      case .perImage: run(denoiser, range, PerImageNoise(seed: Seed(request.seed), images: range, candidate: candidate))
      case .batch: run(denoiser, range, BatchNoise(stream))
      }
    }
  }

  private func run(_ denoiser: AnyDenoiser, _ range: Range<Int>, _ noise: some NoiseSource) -> SamplingRun {
    let data = plan.model.recipe.data
    return plan.start.run(
      plan.settings.sampler.member, denoiser, range, shape: [data.channels, data.height, data.width], on: plan.device, noise: noise,
      window: plan.settings.sampling.window)
  }

  /// - Parameter batch: this process's, nil where the round has none for it.
  private func finish(_ round: Range<Int>, own batch: SamplingBatch?) throws {
    let best = try batch.map { batch in try batch.best { plan.score($0, batch.range) } }
    self.batch = nil
    guard let group else {
      if let best { try keep(best) }
      return
    }
    for rank in 0..<group.size where range(in: round, rank: rank) != nil { try keep(.shared(best, from: rank, in: group)) }
  }

  private func keep(_ best: SampledBatch) throws {
    images += try best.images.images()
    choices += zip(best.winners, best.scores).map { (winner: $0, scores: $1) }
    for (moment, images) in best.frames.enumerated() {
      if frames.count <= moment { frames.append([]) }
      frames[moment] += images
    }
    x = best.images
  }
}

extension SamplingPlan {
  /// Scores of images, `[N]`, higher is better.
  fileprivate func score(_ images: Tensor, _ range: Range<Int>) -> Tensor {
    if request.scorer == .classifier, let classifier { return classifier.score(images, range) }
    let plain = denoiser.plain(range)
    let seed = Seed(request.seed), knowsSteps = model.recipe.process.parameterization == .previousX
    let score =
      knowsSteps
      ? DenoisingScore(stepsOf: denoiser.diffusion.process, seed: seed) : DenoisingScore(plain.noiseLevelRange, seed: seed)
    return -score.errors(of: images, denoiser: plain)
  }
}
