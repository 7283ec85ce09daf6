import Diffusion
import RecipeKit

/// How a model samples by default.
public struct SamplingRecipe: Recipe {
  public var steps = 20
  /// Which noise levels are visited: trailing, leading, linspace, karras, ddim50, 10,15,20 …; see `Spacing`.
  public var spacing = Spacing.trailing
  /// Where the last step ends: at the clean image (zero), or at the least noise of the training (sigma_min).
  public var final = FinalLevel.clean
  /// guided = null + scale (conditional - null): 1 is no guidance.
  public var guidanceScale = 1.0
  /// How far guided images are brought back to the contrast of unguided ones: 0 not at all, 1 all the way.
  public var guidanceRescale = 0.0
  /// The noise over signal, least and most, at which guidance is applied; null for everywhere.
  public var guidanceInterval: [Double]? = nil
  /// Keeps every estimate of the clean images in [-clip_sample_range, clip_sample_range].
  public var clip = true
  public var clipSampleRange = 1.0
  /// Instead of clipping, divides every image by this quantile of its absolute values, where that is above 1; null for clipping.
  public var dynamicThresholdingRatio: Double? = nil
  /// What it divides by at most; null for anything.
  public var sampleMaxValue: Double? = nil
  /// Whether the noise is recomputed from the clipped image (guided-diffusion), or stays the network's (diffusers).
  public var useClippedModelOutput = true
  /// Noise is added only while at least this many steps remain.
  public var noiseUntil = 0
  /// The noise over signal, least and most, at which noise is added; null for everywhere.
  public var noiseWindow: [Double]? = nil
  /// RePaint's resampling of inpainted images: how many steps each jump goes back, and how often each stretch is sampled.
  public var jumpLength = 10, jumpNSample = 10
  public init() {}

  public func validate() throws(RecipeError) {
    try require(steps > 0, "steps", "expected 1 or more, found \(steps)")
    try require(
      Self.scales.contains(guidanceScale), "guidance_scale", "expected 0 to \(Int(Self.scales.upperBound)), found \(guidanceScale)")
    try require((0...1).contains(guidanceRescale), "guidance_rescale", "expected 0 to 1, found \(guidanceRescale)")
    try requireRange(guidanceInterval, "guidance_interval")
    try require(noiseUntil >= 0, "noise_until", "expected 0 or more steps, found \(noiseUntil)")
    try requireRange(noiseWindow, "noise_window")
    if let ratio = dynamicThresholdingRatio {
      try require(ratio > 0 && ratio <= 1, "dynamic_thresholding_ratio", "expected a quantile above 0, up to 1, found \(ratio)")
    }
    try require(clipSampleRange > 0 && clipSampleRange.isFinite, "clip_sample_range", "expected a number above 0, found \(clipSampleRange)")
    if let sampleMaxValue { try require(sampleMaxValue >= 1, "sample_max_value", "expected 1 or more, found \(sampleMaxValue)") }
    try require(jumpLength >= 1, "jump_length", "expected 1 step or more, found \(jumpLength)")
    try require(jumpNSample >= 1, "jump_n_sample", "expected 1 or more, found \(jumpNSample)")
  }

  /// Scales of guidance: beyond them there is only overflow.
  package static let scales = 0.0...1000.0

  private func requireRange(_ range: [Double]?, _ key: String) throws(RecipeError) {
    guard let range else { return }
    try require(
      range.count == 2 && range[0] >= 0 && range[0] <= range[1], key,
      "expected the least and the most of noise over signal, such as [0.2, 5], found \(range)")
  }
}

extension SamplingRecipe {
  /// The noise levels that sampling visits.
  /// - Parameter stepsAreAsked: whether `steps` is required; else a spacing with a count of its own decides.
  /// - Throws: `DiffusionError` when the process has no such steps.
  package func levels(of process: DiscreteProcess, stepsAreAsked: Bool = false) throws -> [NoiseLevel] {
    let wanted = stepsAreAsked || spacing.count == nil ? steps : nil
    return try process.samplingLevels(spacing, steps: wanted, final: final)
  }

  /// Where samplers may add noise.
  package var window: NoiseWindow { NoiseWindow(untilRemaining: noiseUntil, ratios: Self.range(noiseWindow)) }

  /// Where guidance is applied.
  package var guidedRatios: ClosedRange<Double> { Self.range(guidanceInterval) }

  private static func range(_ ends: [Double]?) -> ClosedRange<Double> {
    ends.map { $0[0]...$0[1] } ?? 0...Double.infinity
  }
}
