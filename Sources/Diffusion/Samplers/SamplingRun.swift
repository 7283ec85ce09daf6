import Tensors

/// Where a sampling run stands after a step.
public struct SamplingStep: Sendable {
  /// The number of the step, from 0, and of all of them.
  public let index: Int, count: Int
  /// The level that was reached.
  public let level: NoiseLevel
  /// The images at that level, `[N, C, H, W]`.
  public let x: Tensor
  /// The estimate of the clean images: what a preview shows. A step to a noisier level keeps that of the step before.
  public let x0: Tensor
}

/// A sampler on its way from noise to images, pulled step by step by the caller, who cancels it by not
/// calling again.
///
///     let run = SamplingRun(DPMSolverPP2M(), denoiser: denoiser.clipped(), levels: levels, shape: shape, noise: noise)
///     while let step = try run.next() { preview(step.x0) }
///     let images = run.x
///
/// The levels need not descend all the way: to a noisier level the images are diffused, and the sampler begins anew there. See
/// `starting`, `twice` and `resampled` for such paths.
///
/// `noise` is drawn from in this order: for the start, unless it is given; then in each step what the sampler asks for, and after
/// it for the known region, where there is one and the level reached has noise; in a step to a noisier level once.
public final class SamplingRun {
  /// The levels that are visited, the start first.
  public let levels: [NoiseLevel]
  /// The current images, `[N, C, H, W]`.
  public private(set) var x: Tensor
  private var x0: Tensor
  private var index = 0
  private let advance: (_ x: Tensor, _ x0: Tensor, _ index: Int) -> Transition

  /// A run from pure noise, taken as images at the first level.
  ///
  /// - Parameters:
  ///   - levels: descending in noise, but where the images are to be diffused again; see `DiscreteProcess.samplingLevels`.
  ///   - shape: `[N, C, H, W]`.
  ///   - window: where noise is added.
  ///   - known: the part of the images that is given.
  public convenience init<S: Sampler, D: Denoiser, N: NoiseSource>(
    _ sampler: S, denoiser: D, levels: [NoiseLevel], shape: [Int], on device: Device = .cpu, noise: N, window: NoiseWindow = .always,
    known: KnownRegion? = nil
  ) {
    var noise = noise
    let drawn = noise.normal(shape).to(device)
    noise.stepEnded(shape)
    // 1 but for levels that do not preserve variance.
    let scale = levels.first.map { ($0.alpha * $0.alpha + $0.sigma * $0.sigma).squareRoot() } ?? 1
    var start = scale == 1 ? drawn : scale * drawn
    if let known, let first = levels.first { start = known.fitted(to: start).blended(into: start, at: first, noise: drawn) }
    self.init(sampler, denoiser: denoiser, levels: levels, start: start, noise: noise, window: window, known: known)
  }

  /// A run from given images, diffused to the first level: image to image. See `starting(strength:)`.
  ///
  /// - Parameters:
  ///   - levels: descending in noise, but where the images are to be diffused again.
  ///   - image: clean, `[N, C, H, W]`, float32, in [−1, 1].
  ///   - window: where noise is added.
  ///   - known: the part of the images that is given.
  public convenience init<S: Sampler, D: Denoiser, N: NoiseSource>(
    _ sampler: S, denoiser: D, levels: [NoiseLevel], image: Tensor, noise: N, window: NoiseWindow = .always, known: KnownRegion? = nil
  ) {
    var noise = noise, start = image
    if let first = levels.first {
      let drawn = noise.normal(like: image)
      noise.stepEnded(image.shape)
      start = qSample(image, at: [first], noise: drawn)
      if let known { start = known.fitted(to: start).blended(into: start, at: first, noise: drawn) }
    }
    self.init(sampler, denoiser: denoiser, levels: levels, start: start, noise: noise, window: window, known: known)
  }

  /// A run from images that are noisy already.
  ///
  /// - Parameters:
  ///   - levels: descending in noise, but where the images are to be diffused again; the first is that of `x`.
  ///   - x: `[N, C, H, W]`, float32; taken as it is, its known region too.
  ///   - window: where noise is added.
  ///   - known: the part of the images that is given.
  public init<S: Sampler, D: Denoiser, N: NoiseSource>(
    _ sampler: S, denoiser: D, levels: [NoiseLevel], start x: Tensor, noise: N, window: NoiseWindow = .always, known: KnownRegion? = nil
  ) {
    self.levels = levels
    // Keeps channels-last for convolutions.
    self.x = x.rank == 4 ? x.channelsLast() : x
    x0 = self.x
    let known = known?.fitted(to: x)
    var noise = noise
    var memory = sampler.makeMemory(for: Self.descent(of: levels, from: 0))
    advance = { x, x0, index in
      let t = levels[index], s = levels[index + 1]
      defer { noise.stepEnded(x.shape) }
      if s.isNoisier(than: t) { return Transition(x: rediffuse(x, from: t, to: s, noise: noise.normal(like: x)), x0: x0) }
      if index > 0, t.isNoisier(than: levels[index - 1]) { memory = sampler.makeMemory(for: Self.descent(of: levels, from: index)) }
      let isAdmitted = window.admits(from: t, remaining: levels.count - 2 - index)
      let stepNoise = isAdmitted ? StepNoise { noise.normal(like: $0) } : .none
      let step = sampler.step(x, from: t, to: s, memory: &memory, denoiser: denoiser, noise: stepNoise)
      guard let known else { return step }
      if s.sigma > 0 { noise.stepEnded(x.shape) }
      return Transition(x: known.blended(into: step.x, at: s, noise: noise.normal(like: x)), x0: known.blended(into: step.x0))
    }
  }

  /// The levels from one on for as long as they descend.
  private static func descent(of levels: [NoiseLevel], from start: Int) -> [NoiseLevel] {
    let end = levels.indices.dropFirst(start + 1).first { levels[$0].isNoisier(than: levels[$0 - 1]) } ?? levels.count
    return Array(levels[start..<end])
  }

  /// Takes the next step; nil when there is none left.
  /// - Throws: the fault of the denoiser or of anything else that led to the images.
  public func next() throws(TorchFault) -> SamplingStep? {
    guard index + 1 < levels.count else { return nil }
    let transition = withoutGradient { advance(x, x0, index) }
    x = try transition.x.validated()
    x0 = transition.x0
    defer { index += 1 }
    return SamplingStep(index: index, count: levels.count - 1, level: levels[index + 1], x: x, x0: x0)
  }

  /// Takes all steps that are left, and gives the images.
  public func finish() throws(TorchFault) -> Tensor {
    while try next() != nil {}
    return try x.validated()
  }
}
