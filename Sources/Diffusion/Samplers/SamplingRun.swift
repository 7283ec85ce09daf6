import Tensors

/// Where a sampling run stands after a step.
public struct SamplingStep: Sendable {
  /// The number of the step, from 0, and of all of them.
  public let index: Int, count: Int
  /// The level that was reached.
  public let level: NoiseLevel
  /// The images at that level, `[N, C, H, W]`.
  public let x: Tensor
  /// The estimate of the clean images: what a preview shows.
  public let x0: Tensor
}

/// A sampler on its way from noise to images, pulled step by step by the caller. To cancel it is not to call it again.
///
///     let run = SamplingRun(DPMSolverPP2M(), denoiser: denoiser.clipped(), levels: levels, shape: shape, noise: noise)
///     while let step = try run.next() { preview(step.x0) }
///     let images = run.x
public final class SamplingRun {
  /// The levels that are visited, the start first.
  public let levels: [NoiseLevel]
  /// The images as they stand, `[N, C, H, W]`.
  public private(set) var x: Tensor
  private var index = 0
  private let advance: (_ x: Tensor, _ t: NoiseLevel, _ s: NoiseLevel) -> Transition

  /// A run from pure noise, which is the first that is drawn from `noise`.
  ///
  /// - Parameters:
  ///   - levels: descending in noise; see `DiscreteProcess.samplingLevels`.
  ///   - shape: `[N, C, H, W]`.
  public convenience init<S: Sampler, D: Denoiser, N: NoiseSource>(
    _ sampler: S, denoiser: D, levels: [NoiseLevel], shape: [Int], on device: Device = .cpu, noise: N
  ) {
    var noise = noise
    let start = noise.normal(shape).to(device)
    noise.stepEnded(shape)
    self.init(sampler, denoiser: denoiser, levels: levels, start: start, noise: noise)
  }

  /// A run from given images.
  ///
  /// - Parameters:
  ///   - levels: descending in noise, the first being that of `x`.
  ///   - x: `[N, C, H, W]`, float32.
  public init<S: Sampler, D: Denoiser, N: NoiseSource>(
    _ sampler: S, denoiser: D, levels: [NoiseLevel], start x: Tensor, noise: N
  ) {
    var memory = sampler.makeMemory()
    var noise = noise
    self.levels = levels
    // Elementwise operations keep the layout, which is the one that convolutions like best.
    self.x = x.rank == 4 ? x.channelsLast() : x
    advance = { x, t, s in
      let transition = sampler.step(x, from: t, to: s, memory: &memory, denoiser: denoiser, noise: &noise)
      noise.stepEnded(x.shape)
      return transition
    }
  }

  /// Takes the next step; nil when there is none left.
  /// - Throws: the fault of the denoiser or of anything else that led to the images.
  public func next() throws(TorchFault) -> SamplingStep? {
    guard index + 1 < levels.count else { return nil }
    let t = levels[index], s = levels[index + 1]
    let transition = withoutGradient { advance(x, t, s) }
    x = try transition.x.validated()
    defer { index += 1 }
    return SamplingStep(index: index, count: levels.count - 1, level: s, x: x, x0: transition.x0)
  }

  /// Takes all steps that are left, and gives the images.
  public func finish() throws(TorchFault) -> Tensor {
    while try next() != nil {}
    return try x.validated()
  }
}
