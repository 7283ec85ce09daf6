import Diffusion
import Imaging
import NN
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
  public let labels: [Int?]
  /// Of the images that the request wants traced: how they looked at the start and after each step, for all batches done.
  public private(set) var steps: [[Image]] = []
  /// Steps of one batch.
  public let stepCount: Int
  public let settings: SamplerSettings
  public let request: SampleRequest
  /// The batch under way or, between two, the last one: `[N, C, H, W]`.
  package private(set) var x: Tensor?

  private let network: any DiffusionNetwork
  private let levels: [NoiseLevel]
  private let process: DiscreteProcess
  private let device: Device
  /// The batch under way: which images, and how many of its steps are taken.
  private var batch: (range: Range<Int>, run: SamplingRun, taken: Int)?
  /// Of `batch` order: one stream, which goes on from batch to batch.
  private lazy var stream = Generator(seed: request.seed)

  /// The part of a recipe that says how to sample.
  public struct SamplerSettings: Recipe {
    public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
    public var sampling = SamplingRecipe()
    public init() {}
  }

  /// - Throws: `WorkflowError` for a request that makes no sense; what reading the model throws.
  public convenience init(_ request: SampleRequest) throws {
    try Torch.start()
    try self.init(request, model: Model(request.model, on: computeDevice(request.device)))
  }

  /// - Parameter model: on the request's device, whatever name the request gives it.
  public init(_ request: SampleRequest, model: Model) throws {
    guard (1...10_000_000).contains(request.count) else {
      throw WorkflowError(.usage, "the count must be 1 to 10000000, not \(request.count)")
    }
    guard request.batchSize > 0 else { throw WorkflowError(.usage, "the batch must be 1 or more, not \(request.batchSize)") }
    self.request = request
    self.model = model
    device = try computeDevice(request.device)
    (settings, levels) = try Self.settle(request, model.recipe)
    process = try model.recipe.process.makeProcess()
    stepCount = levels.count - 1
    labels = try Self.labels(request, model)
    try Self.checkGuidance(settings.sampling.guidanceScale, labels, request, model)
    network = try model.network.prepared(for: request.precision.dtype)
  }

  /// Takes one step of one batch.
  /// - Returns: the share of the whole that is done, nil when all is.
  public func next() throws -> Double? {
    guard images.count < request.count else { return nil }
    var (range, run, taken) = try batch ?? startBatch()
    _ = try run.next()
    taken += 1
    x = run.x
    try trace(run.x, range, at: taken)
    if taken < stepCount {
      batch = (range, run, taken)
    } else {
      try finishBatch(run.x)
    }
    let underWay = taken < stepCount ? Double(range.count * taken) / Double(stepCount) : 0
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
  private func startBatch() throws -> (range: Range<Int>, run: SamplingRun, taken: Int) {
    let range = images.count..<min(images.count + request.batchSize, request.count)
    let data = model.recipe.data
    let shape = [range.count, data.channels, data.height, data.width]
    let run =
      switch request.noiseOrder {
      case .perImage: makeRun(settings.sampler.member, range, shape, PerImageNoise(seed: Seed(request.seed), images: range))
      case .batch: makeRun(settings.sampler.member, range, shape, BatchNoise(stream))
      }
    try trace(run.x, range, at: 0)
    return (range, run, 0)
  }

  private func makeRun(_ sampler: some Sampler, _ range: Range<Int>, _ shape: [Int], _ noise: some NoiseSource) -> SamplingRun {
    let chosen = labels[range].compactMap { $0 }
    let null = model.recipe.data.nullClass.map { Tensor(Array(repeating: $0, count: range.count)).to(device) }
    guard let null, !chosen.isEmpty else {
      return makeRun(sampler, denoiser(chosen.isEmpty ? null : Tensor(chosen).to(device)), shape, noise)
    }
    let guided = ClassifierFreeGuidance(
      scale: settings.sampling.guidanceScale, condition: Tensor(chosen).to(device), null: null, denoiser: denoiser)
    return makeRun(sampler, guided, shape, noise)
  }

  private func makeRun(
    _ sampler: some Sampler, _ denoiser: some Denoiser, _ shape: [Int], _ noise: some NoiseSource
  ) -> SamplingRun {
    if settings.sampling.clip {
      return SamplingRun(sampler, denoiser: denoiser.clipped(), levels: levels, shape: shape, on: device, noise: noise)
    }
    return SamplingRun(sampler, denoiser: denoiser, levels: levels, shape: shape, on: device, noise: noise)
  }

  /// The network told `labels`, `[N]`.
  private func denoiser(_ labels: Tensor?) -> NetworkDenoiser {
    let network = self.network
    return model.recipe.process.denoiser(in: process) { x, timesteps in
      network(x, timesteps: timesteps, conditioning: Conditioning(labels: labels), mode: .inference)
    }
  }

  private func finishBatch(_ x: Tensor) throws {
    guard try x.isFinite().all().item() == 1 else {
      throw WorkflowError(.data, "the model gives numbers that are not finite: its file is damaged, or its training went astray")
    }
    images += try x.images()
    batch = nil
  }

  private func trace(_ x: Tensor, _ range: Range<Int>, at step: Int) throws {
    guard range.lowerBound < request.tracedCount else { return }
    if steps.count <= step { steps.append([]) }
    steps[step] += try x.images().prefix(request.tracedCount - range.lowerBound)
  }
}

// MARK: What the request means

extension SamplingJob {
  /// The model's own settings with the request's laid over them, and the noise levels that they visit.
  private static func settle(_ request: SampleRequest, _ recipe: ModelRecipe) throws -> (SamplerSettings, [NoiseLevel]) {
    var settings = SamplerSettings()
    settings.sampler = recipe.sampler
    settings.sampling = recipe.sampling
    do {
      settings = try settings.overlaid(yaml: "", set: request.settings)
      return (settings, try settings.sampling.levels(of: recipe.process, stepsAreAsked: request.sets("sampling.steps")))
    } catch let error as RecipeError {
      let setting = error.place.map { $0.hasPrefix("--set ") ? String($0.dropFirst("--set ".count)) : $0 }
      throw WorkflowError(.usage, [setting, error.message].compactMap { $0 }.joined(separator: ": "))
    } catch let error as DiffusionError where !request.settings.isEmpty {
      throw WorkflowError(.usage, "\(error)")
    }
  }

  private static func labels(_ request: SampleRequest, _ model: Model) throws -> [Int?] {
    let classes = model.recipe.data.classNames.count
    switch request.classes {
    case .all:
      let real = model.recipe.data.realClasses
      return (0..<request.count).map { real.isEmpty ? nil : real[$0 % real.count] }
    case .these(let names):
      let numbers = try model.classNumbers(names)
      guard !numbers.isEmpty else { throw WorkflowError(.usage, "no class was named") }
      return (0..<request.count).map { numbers[$0 % numbers.count] }
    case .none:
      guard classes == 0 || model.recipe.data.nullClass != nil else {
        throw WorkflowError(.usage, "this model was always told a class: it cannot do without; name one, or all")
      }
      return Array(repeating: nil, count: request.count)
    }
  }

  private static func checkGuidance(_ scale: Double, _ labels: [Int?], _ request: SampleRequest, _ model: Model) throws {
    let isTold = labels.contains { $0 != nil }
    guard scale == 1 || !isTold || model.recipe.data.nullClass != nil else {
      throw WorkflowError(
        .usage,
        "guidance \(scale) needs a model that was trained with training.class_dropout above 0; this one knows no null class, so use 1")
    }
    guard scale == 1 || isTold || !request.sets("sampling.guidance_scale") else {
      throw WorkflowError(.usage, "guidance \(scale) draws towards a class, and no class is asked for; leave one of the two out")
    }
  }
}

extension SampleRequest {
  /// Whether its settings name this key.
  fileprivate func sets(_ key: String) -> Bool { settings.contains { $0.hasPrefix("\(key)=") } }
}
