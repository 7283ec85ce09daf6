import NN
import Networks
import Tensors
import Training

/// The memory that a piece of work needs at its peak: of the whole process, on the CPU.
///
/// It is found by doing the work on the device `meta`, where every tensor is counted and nothing computed; what libtorch's kernels
/// take for themselves is counted with them. docs/benchmarks.md holds estimates against measurements.
public struct MemoryEstimate: Codable, Sendable, Equatable {
  public enum Work: String, Codable, Sendable, CaseIterable {
    /// Images from noise, guided where the model's recipe says so.
    case sampling
    /// Guiding a model by a classifier's gradient.
    case guiding
    /// Tiles of a picture made larger.
    case upscaling
    /// Steps of AdamW with a moving average, checkpoints and previews.
    case training
  }
  public var work: Work
  public var precision: Precision
  /// At once: the batch.
  public var images: Int
  public var bytes: Int

  /// What the program takes before there is a network: libtorch, its threads and kernels.
  static let program = 200_000_000
  /// Tensors of the images' own size that a sampler holds while it asks the network.
  static let samplerTensors = 8
}

/// Memory that came and went beside what an account holds now.
private struct PassingMemory {
  /// How what comes and goes follows each other, which decides how well the C library's heap fills its holes again.
  enum Order {
    /// Little is held for long, and the next block is of another size: three times what lived at once was in memory in the end.
    case onePass
    /// Most is held for the way back: two fifths more.
    case withGradients
  }
  /// The most at once.
  let peak: Int
  /// What the heap keeps of it as holes between what is in use, as measured; see docs/benchmarks.md. Blocks from 32 MiB on are the
  /// system's own, and go back to it.
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
  /// What a model's use and its training take, in float32 and in bfloat16.
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

  /// What the use of a model takes: its weights as they are read and as they are prepared, the sampler's images, and the most that
  /// a pass through the network holds at once.
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

  /// - Returns: what is held during a pass beside what the account holds already, and what comes and goes in it.
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

  /// The gradient of the images alone.
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
  /// What training takes: parameters, gradients, AdamW's two means, the average, and on top of these the most of a step, of
  /// writing a checkpoint and of a preview.
  /// - Returns: nil for a model that is not trained here.
  static func training(of model: some MemoryTraced, images: Int, _ precision: Precision) throws -> MemoryEstimate? {
    let account = PassingMemory.account()
    return try account.counting {
      let network = try model.shapedNetwork()
      let step = TracedStep(network, precision) { model.stepLoss(network, images: images, mode: $0) }
      guard try step.run() else { return nil }
      account.restartPeaks()
      // The second finds the gradients of the first still there, as every later one.
      _ = try step.run()
      let weights = network.module.parameterBytes, state = account.live, passing = PassingMemory(of: account, .withGradients)
      // A checkpoint is a copy of everything but the gradients.
      var most = max(passing.bytes, passing.holes + 4 * weights)
      if model.previewedImages > 0 {
        let count = min(model.previewedImages, images)
        let preview = try sample(network, count, precision.dtype, model.passesPerImage, account)
        // A copy of the averages is what a preview is drawn by; it fills the holes that are there.
        most = max(most, weights + preview.held + preview.passing.peak + max(passing.holes, preview.passing.holes))
      }
      return MemoryEstimate(work: .training, precision: precision, images: images, bytes: program + state + most)
    }
  }
}

/// A step of training without numbers, in the order of `Trainer`.
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

  /// - Returns: whether there is such a step.
  func run() throws -> Bool {
    guard let loss = loss() else { return false }
    try loss.validated()
    try optimizer.clearGradients()
    try loss.backward()
    return true
  }
}

extension Module {
  /// Of all parameters, in float32.
  fileprivate var parameterBytes: Int { parameterCount * DType.float32.size }
}
