import NN
import Networks
import Tensors
import Training

/// The peak memory of the whole process for a workload on the CPU.
///
/// Found by running the workload on the device `meta`, which counts every tensor and computes nothing; workspaces of libtorch's
/// kernels are included. docs/benchmarks.md compares estimates with measurements.
public struct MemoryEstimate: Codable, Sendable, Equatable {
  public enum Work: String, Codable, Sendable, CaseIterable {
    /// Sampling, with guidance if the model's recipe has it.
    case sampling
    /// Classifier guidance.
    case guiding
    /// Upscaling the tiles of a picture.
    case upscaling
    /// Training steps with AdamW, a moving average, checkpoints and previews.
    case training
  }
  public var work: Work
  public var precision: Precision
  /// The batch size.
  public var images: Int
  public var bytes: Int

  /// Memory of the program without a network: libtorch, its threads and kernels.
  static let program = 200_000_000
  /// Image-sized tensors that a sampler holds while it evaluates the network.
  static let samplerTensors = 8
}

/// Transient memory, beyond what an account holds now.
struct PassingMemory {
  /// The allocation pattern, which determines how well the C library's heap reuses its holes.
  enum Order {
    /// Short-lived blocks of varying size: in the end three times the live peak was resident.
    case onePass
    /// Most is held for the backward pass: two fifths more.
    case withGradients
  }
  /// The live peak.
  let peak: Int
  /// Memory that the heap keeps as holes between blocks in use, as measured; see docs/benchmarks.md. Blocks from 32 MiB on are
  /// mapped individually and returned to the system.
  let holes: Int

  static func account() -> MemoryAccount { MemoryAccount(small: 32 << 20) }

  init(of account: MemoryAccount, _ order: Order) {
    peak = account.peak - account.live
    let small = account.smallPeak - account.smallLive
    holes = order == .onePass ? 2 * small : small * 2 / 5
  }

  var bytes: Int { peak + holes }
}

extension MemoryEstimate {
  /// Estimates for use and training of a model, in float32 and in bfloat16.
  static func all(of model: any MemoryTraced, batches: [Int]) throws -> [MemoryEstimate] {
    func estimates(_ model: some MemoryTraced) throws -> [MemoryEstimate] {
      let use = type(of: model).use, sizes = use == .upscaling ? Array(batches.prefix(1)) : batches
      let uses = try (use == .guiding ? [.float32] : Precision.allCases).flatMap { precision in
        try sizes.map { try Self.use(of: model, images: $0, precision) }
      }
      return uses
        + (try Precision.allCases.flatMap { precision in try sizes.compactMap { try training(of: model, images: $0, precision) } })
    }
    return try estimates(model)
  }

  /// The estimate for using a model: its weights as read and as prepared, the sampler's images, and the peak of a forward pass.
  static func use(of model: some MemoryTraced, images: Int, _ precision: Precision) throws -> MemoryEstimate {
    let network = try model.shapedNetwork(), isGuiding = type(of: model).use == .guiding
    let account = PassingMemory.account()
    let need = try account.counting {
      if isGuiding { return try guide(network, images, account) }
      let (held, passing) = try sample(network, images, precision.dtype, model.passesPerImage, account)
      return held + passing.bytes
    }
    return MemoryEstimate(
      work: type(of: model).use, precision: isGuiding ? .float32 : precision, images: images,
      bytes: program + network.module.parameterBytes + need)
  }

  /// - Returns: what is held during a pass beyond what the account already holds, and the transient memory of the pass.
  private static func sample(
    _ network: ShapedNetwork, _ images: Int, _ dtype: DType, _ passes: Int, _ account: MemoryAccount
  ) throws -> (held: Int, passing: PassingMemory) {
    let before = account.live
    let prepared = try network.prepared(dtype), state = (0..<samplerTensors).map { _ in network.input(images) }
    account.restartPeaks()
    return try withExtendedLifetime((prepared.module, state)) {
      _ = try withoutGradient { prepared.pass(prepared.input(images * passes), .inference) }.validated()
      return (account.live - before, PassingMemory(of: account, .onePass))
    }
  }

  /// Transient memory of a gradient with respect to the images alone.
  private static func guide(_ network: ShapedNetwork, _ images: Int, _ account: MemoryAccount) throws -> Int {
    for (_, parameter) in network.module.namedParameters() { parameter.replace(with: parameter.value.detach()) }
    try gradient(network, network.input(images).requiringGradient())
    return PassingMemory(of: account, .withGradients).bytes
  }

  private static func gradient(_ network: ShapedNetwork, _ x: Tensor) throws {
    _ = try withGradient { network.pass(x, .inference).logSoftmax(1).sum() }.gradients(of: [x])
  }
}

extension MemoryEstimate {
  /// The estimate for training: parameters, gradients, AdamW's two moments, the average, and the largest of a step, writing a
  /// checkpoint and a preview.
  /// - Parameter averages: moving averages of the weights that are kept.
  /// - Returns: nil for a kind of model that Sfumato does not train.
  static func training(
    of model: some MemoryTraced, images: Int, _ precision: Precision, averages: Int = 1
  ) throws -> MemoryEstimate? {
    let account = PassingMemory.account()
    return try account.counting {
      let network = try model.shapedNetwork()
      let step = TracedStep(network, precision) { model.stepLoss(network, images: images, mode: $0) }
      guard try step.run() else { return nil }
      account.restartPeaks()
      // As in every later step, the second starts with the gradients of the step before still allocated.
      _ = try step.run()
      let weights = network.module.parameterBytes, further = (averages - 1) * weights
      let state = account.live + further, passing = PassingMemory(of: account, .withGradients)
      // A checkpoint is a copy of everything but the gradients.
      var most = max(passing.bytes, passing.holes + 4 * weights + further)
      if model.previewedImages > 0 {
        let count = min(model.previewedImages, images)
        let preview = try sample(network, count, precision.dtype, model.passesPerImage, account)
        // A preview samples with a copy of the averages, which fills existing holes.
        most = max(most, weights + preview.held + preview.passing.peak + max(passing.holes, preview.passing.holes))
      }
      return MemoryEstimate(work: .training, precision: precision, images: images, bytes: program + state + most)
    }
  }
}

/// A training step on meta tensors, in the order of `Trainer`.
private struct TracedStep {
  let optimizer: AdamW, average: ExponentialMovingAverage
  let loss: () -> Tensor?

  init(_ network: ShapedNetwork, _ precision: Precision, _ loss: @escaping (Mode) -> Tensor?) {
    let parameters = network.module.namedParameters()
    optimizer = AdamW(parameters)
    average = ExponentialMovingAverage(parameters, rate: 0)
    let dropout = Generator(seed: 0)
    self.loss = { withGradient { withAutocast(to: precision.dtype, on: .meta) { loss(.training(dropout)) } } }
  }

  /// - Returns: whether the model can be trained.
  func run() throws -> Bool {
    guard let loss = loss() else { return false }
    try loss.validated()
    try optimizer.clearGradients()
    try loss.backward()
    return true
  }
}

extension Module {
  /// Size of all parameters in float32.
  fileprivate var parameterBytes: Int { parameterCount * DType.float32.size }
}
