import Diffusion
import Imaging
import NN
import Networks
import RecipeKit
import Tensors
import Training

/// What to sample.
public struct SampleRequest: Sendable {
  /// A file, the folder of a training, or the name of a model that comes along.
  public var model: String
  public var count = 16
  public var classes = Classes.all
  public var seed: UInt64 = 0
  /// Whether each image has a stream of noise of its own, or all are drawn as the reference loops do.
  public var noiseOrder = NoiseOrder.perImage
  public var device = "cpu"
  public var precision = Precision.float32
  /// Images that are computed together.
  public var batchSize = 50
  /// What differs from the model's recipe, as `sampling.steps=50` or `sampler.type=ddim`.
  public var settings: [String] = []
  /// Whether the images as they stand after each step are kept, for an animation.
  public var keepsSteps = false

  public init(model: String) { self.model = model }

  public enum Classes: Sendable, Equatable {
    /// Every class in turn; no class where the model has none.
    case all
    /// These, by name or number, in turn.
    case these([String])
    /// The null class: whatever the model likes.
    case none
  }

  public enum NoiseOrder: String, Sendable, CaseIterable {
    case perImage = "per-image"
    case batch
  }
}

/// Sampling under way, pulled step by step.
public final class SamplingJob {
  public let model: Model
  /// What is done so far: images, and the class number of each, nil without classes.
  public private(set) var images: [Image] = []
  public let labels: [Int?]
  /// Where the request asks for it: the images at the start and after each step, for all batches done.
  public private(set) var steps: [[Image]] = []
  /// Steps of one batch.
  public let stepCount: Int
  public let settings: SamplerSettings

  private let request: SampleRequest
  private let network: any DiffusionNetwork
  private let levels: [NoiseLevel]
  private let device: Device
  private var run: SamplingRun?
  private var taken = 0
  /// Of `batch` order: one stream, which goes on from batch to batch.
  private lazy var stream = Generator(seed: request.seed)

  /// The part of a recipe that says how to sample.
  public struct SamplerSettings: Recipe {
    public var sampler = Choice<SamplerRegistry>(DPMSolverPP2M())
    public var sampling = SamplingRecipe()
    public init() {}
  }

  public convenience init(_ request: SampleRequest) throws {
    try Torch.start()
    try self.init(request, model: Model(request.model, on: computeDevice(request.device)))
  }

  public init(_ request: SampleRequest, model: Model) throws {
    guard (1...10_000_000).contains(request.count) else { throw WorkflowError(.usage, "the count must be 1 or more, not \(request.count)") }
    guard request.batchSize > 0 else { throw WorkflowError(.usage, "the batch must be 1 or more, not \(request.batchSize)") }
    self.request = request
    self.model = model
    device = try computeDevice(request.device)
    var settings = SamplerSettings()
    settings.sampler = model.recipe.sampler
    settings.sampling = model.recipe.sampling
    self.settings = try settings.overlaid(yaml: "", set: request.settings)
    let process = try model.recipe.process.makeProcess()
    let spacing = self.settings.sampling.spacing
    let respaced = try process.respaced(spacing, steps: spacing.count == nil ? self.settings.sampling.steps : nil)
    levels = respaced.samplingLevels
    stepCount = respaced.steps
    labels = try Self.labels(request, model)
    try Self.checkGuidance(self.settings.sampling.guidanceScale, labels, model)
    network = try model.network.prepared(for: request.precision.dtype)
  }

  /// Takes one step of one batch.
  /// - Returns: the share of the whole that is done, nil when all is.
  public func next() throws -> Double? {
    guard images.count < request.count else { return nil }
    let run = try self.run ?? startBatch()
    if try run.next() != nil {
      taken += 1
      if request.keepsSteps { try keep(run.x, at: taken) }
      self.run = run
      if taken == stepCount { try finishBatch(run.x) }
    }
    let batch = Double(min(request.batchSize, request.count))
    return min((Double(images.count) + (self.run == nil ? 0 : batch * Double(taken) / Double(stepCount))) / Double(request.count), 1)
  }

  /// Takes all steps that are left.
  public func finish() throws -> [Image] {
    while try next() != nil {}
    return images
  }

  // MARK: Batches

  private func startBatch() throws -> SamplingRun {
    let range = images.count..<min(images.count + request.batchSize, request.count)
    let data = model.recipe.data
    let shape = [range.count, data.channels, data.height, data.width]
    let run =
      switch request.noiseOrder {
      case .perImage: makeRun(settings.sampler.member, range, shape, PerImageNoise(seed: Seed(request.seed), images: range))
      case .batch: makeRun(settings.sampler.member, range, shape, BatchNoise(stream))
      }
    taken = 0
    if request.keepsSteps { try keep(run.x, at: 0) }
    return run
  }

  private func makeRun(_ sampler: some Sampler, _ range: Range<Int>, _ shape: [Int], _ noise: some NoiseSource) -> SamplingRun {
    let chosen = labels[range].compactMap { $0 }
    let sampling = settings.sampling
    guard let null = model.recipe.data.nullClass, !chosen.isEmpty else {
      let denoiser = self.denoiser(chosen.isEmpty ? nullLabels(range.count) : Tensor(chosen).to(device))
      return makeRun(sampler, denoiser, shape, noise)
    }
    let guided = ClassifierFreeGuidance(
      scale: sampling.guidanceScale, condition: Tensor(chosen).to(device),
      null: Tensor(Array(repeating: null, count: range.count)).to(device), denoiser: denoiser)
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
    return model.recipe.process.denoiser { x, timesteps in
      network(x, timesteps: timesteps, conditioning: Conditioning(labels: labels), mode: .inference)
    }
  }

  private func nullLabels(_ count: Int) -> Tensor? {
    model.recipe.data.nullClass.map { Tensor(Array(repeating: $0, count: count)).to(device) }
  }

  private func finishBatch(_ x: Tensor) throws {
    images += try x.images()
    run = nil
  }

  private func keep(_ x: Tensor, at step: Int) throws {
    if steps.count <= step { steps.append([]) }
    steps[step] += try x.images()
  }

  // MARK: Classes

  private static func labels(_ request: SampleRequest, _ model: Model) throws -> [Int?] {
    let classes = model.recipe.data.classNames.count
    switch request.classes {
    case .all: return (0..<request.count).map { classes > 0 ? $0 % classes : nil }
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

  private static func checkGuidance(_ scale: Double, _ labels: [Int?], _ model: Model) throws {
    let guided = model.recipe.data.nullClass != nil && labels.contains { $0 != nil }
    guard guided || scale == 1 || labels.allSatisfy({ $0 == nil }) else {
      throw WorkflowError(
        .usage,
        "guidance \(scale) needs a model that was trained with training.class_dropout above 0; this one knows no null class, so use 1")
    }
  }
}
