import Tensors

/// DDIM backwards, from images to the noise that DDIM would make them from, pulled step by step by the caller:
///
///     x_s = α_s x̂₀ + σ_s ε̂,      s noisier than t, where x̂₀ and ε̂ were predicted
///
/// It follows the probability-flow ODE the other way, and draws no noise. A round trip, inversion and then `DDIM(eta: 0)` over
/// the same levels, returns the images with an error of first order: half of it with twice the steps. Of normal data with deviation
/// ½, over n trailing steps of the linear schedule, it is below 8 / n everywhere.
///
/// A correction solves for the x_s from which a step of DDIM leads to x_t, by fixed-point iteration from the above: it adds what that
/// step misses x_t by, over the step's factor of x_s. Each costs an evaluation a step, and the round trip's error shrinks with each.
///
/// Song, Meng and Ermon, "Denoising Diffusion Implicit Models" (ICLR 2021), section 4.3; guided-diffusion's
/// `ddim_reverse_sample`. Corrections: Pan, Gherardi, Xie and Huang, "Effective Real Image Editing with Accelerated Iterative Diffusion
/// Inversion" (ICCV 2023), without their acceleration.
public final class InversionRun {
  /// The levels that are visited, the start first.
  public let levels: [NoiseLevel]
  /// The current images, `[N, C, H, W]`.
  public private(set) var x: Tensor
  private var index = 0
  private let corrections: Int
  private let predict: (_ x: Tensor, _ level: NoiseLevel) -> Prediction

  /// - Parameters:
  ///   - denoiser: with no randomness in its guidance; clipped, it loses what lies outside the range.
  ///   - levels: ascending in noise, the first not clean; see `inverted`.
  ///   - image: `[N, C, H, W]`, float32, taken as images of the first level.
  ///   - corrections: of each step, 0 or more; none is DDIM's inversion as published.
  public init<D: Denoiser>(denoiser: D, levels: [NoiseLevel], image: Tensor, corrections: Int = 0) {
    self.levels = levels
    self.corrections = corrections
    let x = image.rank == 4 ? image.channelsLast() : image
    let ascends = zip(levels, levels.dropFirst()).allSatisfy { $1.isNoisier(than: $0) } && levels.first.map { $0.sigma > 0 } ?? true
    self.x = ascends ? x : x.failed("invert", "expected levels that ascend from one with noise, each noisier than the one before")
    predict = { denoiser.predict($0, at: $1) }
  }

  /// Takes the next step; nil when there is none left.
  /// - Throws: the fault of the denoiser or of anything else that led to the images.
  public func next() throws(TorchFault) -> SamplingStep? {
    guard index + 1 < levels.count else { return nil }
    let t = levels[index], s = levels[index + 1], p = withoutGradient { predict(x, t) }
    x = try withoutGradient {
      (0..<corrections).reduce(s.alpha * p.x0 + s.sigma * p.epsilon) { guess, _ in corrected(guess, at: s, leadingTo: x, at: t) }
    }.validated()
    defer { index += 1 }
    return SamplingStep(index: index, count: levels.count - 1, level: s, x: x, x0: p.x0)
  }

  private func corrected(_ guess: Tensor, at s: NoiseLevel, leadingTo x: Tensor, at t: NoiseLevel) -> Tensor {
    let p = predict(guess, s)
    let factor = (t.alpha * s.alpha + t.sigma * s.sigma) / (s.alpha * s.alpha + s.sigma * s.sigma)
    return guess + (x - t.alpha * p.x0 - t.sigma * p.epsilon) / factor
  }

  /// Takes all steps that are left, and gives the noise.
  public func finish() throws(TorchFault) -> Tensor {
    while try next() != nil {}
    return try x.validated()
  }
}

extension [NoiseLevel] {
  /// The levels that DDIM's inversion visits: those of sampling upwards without the clean image, then pure noise. A sampling run
  /// takes that noise as images of its own first level, and the inversion takes the clean images as images of the cleanest one:
  /// the references' convention, an error as small as these levels are near both ends.
  public var inverted: [NoiseLevel] {
    let levels = filter { $0.sigma > 0 }.reversed()
    guard let noisiest = levels.last, noisiest.alpha > 0 else { return Array(levels) }
    return levels + [NoiseLevel(alpha: 0, sigma: 1, timestep: noisiest.timestep)]
  }
}
