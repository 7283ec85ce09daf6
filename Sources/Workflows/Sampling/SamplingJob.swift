import Diffusion
import Failures
import Imaging
import Models
import Networks
import RecipeKit
import Tensors
import Training

/// Sampling under way, pulled step by step.
public final class SamplingJob {
  public let model: Model
  /// What is done so far.
  public private(set) var images: [Image] = []
  /// The class number of each image, the ones to come included; nil where the model is told none.
  public var labels: [Int?] { denoiser.conditions.labels }
  /// How many vectors are dealt out among the images; nil where the model is told none.
  public var contextCount: Int? { denoiser.conditions.vectors?.size(0) }
  /// Of the images that the request wants traced: how they looked at each of `tracedMoments`, for all batches done.
  public private(set) var frames: [[Image]] = []
  /// Numbers of steps, ascending; 0 is the start.
  public let tracedMoments: [Int]
  /// Where there are several candidates: for each image done the number of the one that was kept, and all their scores, higher
  /// for the better.
  public private(set) var choices: [(winner: Int, scores: [Double])] = []
  /// Steps of one candidate of one batch.
  public let stepCount: Int
  public let settings: SamplerSettings
  public let request: SamplingRequest
  /// The batch under way or, between two, the last one: `[N, C, H, W]`.
  package private(set) var x: Tensor?

  private let denoiser: SamplingDenoiser
  private let classifier: SamplingClassifier?
  private let start: SamplingStart
  private let device: Device
  private var batch: SamplingBatch?
  /// Of `batch` order: one stream, which goes on from batch to batch.
  private lazy var stream = Generator(seed: request.seed)

  /// The part of a recipe that says how to sample.
  public struct SamplerSettings: Recipe {
    public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
    public var sampling = SamplingRecipe()
    public init() {}
  }

  /// - Throws: `SfumatoError` for a request that makes no sense; what reading the model throws.
  public convenience init(_ request: SamplingRequest) throws {
    try Torch.start()
    try self.init(request, model: Model(request.model, on: computeDevice(request.device)))
  }

  /// - Parameter model: on the request's device, whatever name the request gives it.
  public init(_ request: SamplingRequest, model: Model) throws {
    try request.checkCounts()
    self.request = request
    self.model = model
    device = try computeDevice(request.device)
    let levels: [NoiseLevel], diffusion = try model.recipe.process.makeDiffusion()
    (settings, levels) = try Self.settle(request, model.recipe, diffusion.process)
    let conditions = try SamplingConditions(request, model.recipe.data, on: device)
    try conditions.check(guidance: settings.sampling.guidanceScale, of: request)
    classifier = try SamplingClassifier(request, model.recipe, labels: conditions.labels, on: device)
    start = try SamplingStart(request, levels, settings.sampling, model.recipe.data, on: device)
    let steps = start.path.count - 1
    stepCount = steps
    tracedMoments = try request.tracedCount > 0 ? Set(request.tracedMoments.flatMap { try $0.moments(of: steps) }).sorted() : []
    try Self.check(settings, on: start.path, request, diffusion)
    denoiser = SamplingDenoiser(
      network: try model.network.prepared(for: request.precision.dtype), recipe: model.recipe,
      diffusion: diffusion, sampling: settings.sampling, conditions: conditions)
  }

  /// Takes one step of one batch.
  /// - Returns: the share of the whole that is done, nil when all is.
  public func next() throws -> Double? {
    guard images.count < request.count else { return nil }
    let batch = try batch ?? startBatch()
    self.batch = batch
    let goesOn = try batch.next()
    x = batch.x
    if !goesOn { try finish(batch) }
    let underWay = goesOn ? Double(batch.range.count) * batch.share : 0
    return (Double(images.count) + underWay) / Double(request.count)
  }

  /// Takes all steps that are left.
  public func finish() throws -> [Image] {
    while try next() != nil {}
    return images
  }
}

// MARK: Batches

extension SamplingJob {
  private func startBatch() throws -> SamplingBatch {
    let range = images.count..<min(images.count + request.batchSize, request.count)
    let told = denoiser.guided(range), drawn = classifier?.guiding(told, range) ?? told
    let traced = min(max(request.tracedCount - range.lowerBound, 0), range.count)
    // The batch lives no longer than the job.
    let trace = SamplingBatch.Trace(count: traced, moments: tracedMoments, what: request.traced)
    return try SamplingBatch(range, candidates: request.candidates, trace: trace) { [unowned self] candidate in
      switch request.noiseOrder {
      case .perImage:
        makeRun(settings.sampler.member, drawn, range, PerImageNoise(seed: Seed(request.seed), images: range, candidate: candidate))
      case .batch: makeRun(settings.sampler.member, drawn, range, BatchNoise(stream))
      }
    }
  }

  private func makeRun(
    _ sampler: some Sampler, _ denoiser: AnyDenoiser, _ range: Range<Int>, _ noise: some NoiseSource
  ) -> SamplingRun {
    let data = model.recipe.data
    return start.run(
      sampler, denoiser, range, shape: [data.channels, data.height, data.width], on: device, noise: noise,
      window: settings.sampling.window)
  }

  private func finish(_ batch: SamplingBatch) throws {
    let best = try batch.best { score($0, batch.range) }
    images += try best.images.images()
    choices += zip(best.winners, best.scores).map { (winner: $0, scores: $1) }
    for (moment, images) in best.frames.enumerated() {
      if frames.count <= moment { frames.append([]) }
      frames[moment] += images
    }
    x = best.images
    self.batch = nil
  }
}

extension SamplingJob {
  /// How good images are, `[N]`, higher for the better.
  private func score(_ images: Tensor, _ range: Range<Int>) -> Tensor {
    if request.scorer == .classifier, let classifier { return classifier.score(images, range) }
    let scorer = denoiser.plain(range)
    let seed = Seed(request.seed), knowsSteps = model.recipe.process.parameterization == .previousX
    let score =
      knowsSteps ? DenoisingScore(stepsOf: denoiser.diffusion.process, seed: seed) : DenoisingScore(scorer.noiseLevelRange, seed: seed)
    return -score.errors(of: images, denoiser: scorer)
  }

  /// The class number of each image: what the model is told or, where it is told none, what the classifier is to see.
  var classes: [Int?] {
    guard let classifier, labels.allSatisfy({ $0 == nil }) else { return labels }
    return classifier.targets
  }

  /// What one of `classes` is called.
  func className(_ label: Int) -> String {
    let own = model.recipe.data.classNames, names = own.isEmpty ? classifier?.classNames ?? [] : own
    return names.indices.contains(label) ? names[label] : String(label)
  }
}

// MARK: What the request means

extension SamplingJob {
  /// The model's own settings with the request's laid over them, and the noise levels that they visit.
  private static func settle(
    _ request: SamplingRequest, _ recipe: ModelRecipe, _ process: DiscreteProcess
  ) throws -> (SamplerSettings, [NoiseLevel]) {
    var settings = SamplerSettings()
    settings.sampler = recipe.sampler
    settings.sampling = recipe.sampling
    do {
      settings = try settings.overlaid(yaml: "", set: request.settings)
      return (settings, try settings.sampling.levels(of: process, stepsAreAsked: request.sets("sampling.steps")))
    } catch let error as RecipeError {
      let setting = error.place.map { $0.hasPrefix("--set ") ? String($0.dropFirst("--set ".count)) : $0 }
      throw SfumatoError(.usage, [setting, error.message].compactMap { $0 }.joined(separator: ": "))
    } catch let error as DiffusionError where !request.settings.isEmpty {
      throw SfumatoError(.usage, "\(error)")
    }
  }

  /// Refuses a way on which the network could not be asked.
  private static func check(
    _ settings: SamplerSettings, on path: [NoiseLevel], _ request: SamplingRequest, _ diffusion: GaussianDiffusion
  ) throws {
    guard let problem = diffusion.problem(with: settings.sampler.member, on: path, window: settings.sampling.window) else { return }
    throw SfumatoError(request.settings.isEmpty ? .data : .usage, "\(problem)")
  }
}

extension SamplingRequest {
  fileprivate func checkCounts() throws {
    guard (1...10_000_000).contains(count) else { throw SfumatoError(.usage, "the count must be 1 to 10000000, not \(count)") }
    guard batchSize > 0 else { throw SfumatoError(.usage, "the batch must be 1 or more, not \(batchSize)") }
    guard (1...1000).contains(candidates) else {
      throw SfumatoError(.usage, "the best of 1 to 1000 candidates can be kept, not of \(candidates)")
    }
  }

  /// Whether its settings name this key.
  func sets(_ key: String) -> Bool { settings.contains { $0.hasPrefix("\(key)=") } }
}
