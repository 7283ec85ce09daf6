import Failures

/// The levels that a run visits need not lead straight from pure noise to the image: each function here gives another path from
/// those of `DiscreteProcess.samplingLevels`. Of n + 1 levels, n steps.
extension [NoiseLevel] {
  /// The path from step s on: from given images it goes image to image, from pure noise, taken as images of that level, it is a
  /// truncated start, which saves the first steps, where hardly anything is decided.
  ///
  /// Meng et al., "SDEdit" (ICLR 2022); Zheng et al., "Truncated Diffusion Probabilistic Models" (2022).
  ///
  /// - Parameter step: how many steps are left out, 0 ..< n.
  public func starting(atStep step: Int) throws(SamplingPathError) -> [NoiseLevel] {
    guard (0..<Swift.max(count - 1, 0)).contains(step) else { throw .noSuchStep(step, steps: count - 1) }
    return Array(dropFirst(step))
  }

  /// The path from image to image: the last ⌊n · strength⌋ steps, as diffusers' pipelines count them.
  ///
  /// - Parameter strength: above 0, which would leave the image alone, to 1, which leaves hardly anything of it.
  public func starting(strength: Double) throws(SamplingPathError) -> [NoiseLevel] {
    // The product may fall short of a whole number by rounding: 50 · 0.58 is one.
    let steps = count - 1, taken = Double(steps) * strength + 1e-9
    guard strength > 0, strength <= 1, taken >= 1 else { throw .strengthOutOfRange(strength, steps: steps) }
    return Array(suffix(Int(taken) + 1))
  }

  /// Double sampling: to the clean image, which is diffused to the level of step s and denoised again.
  ///
  /// - Parameter step: 0 ..< n.
  public func twice(fromStep step: Int) throws(SamplingPathError) -> [NoiseLevel] {
    self + (try starting(atStep: step))
  }

  /// RePaint's resampling: the path pauses every `jumpLength` steps, goes back as many and comes down again, until it has come
  /// down `jumpSamples` times, which brings what is filled in into harmony with what is known. The pauses are counted from one
  /// step of noise, where the last of them is.
  ///
  /// A jump is one sample of q(x_s | x_t); the reference makes it in `jumpLength` small ones, which is equivalent. A sampler
  /// starts over after each, so that a multistep solver has its order in long descents alone.
  ///
  /// Lugmayr et al., "RePaint" (CVPR 2022), section 4.2 and its figure 9; its j and r are 10 and 10.
  ///
  /// - Parameters:
  ///   - jumpLength: j, 1 or more; a path that is not longer is not resampled.
  ///   - jumpSamples: r, 1 or more; 1 leaves the path as it is.
  public func resampled(jumpLength: Int = 10, jumpSamples: Int = 10) throws(SamplingPathError) -> [NoiseLevel] {
    guard jumpLength >= 1 else { throw .jumpOutOfRange("jump_length", jumpLength) }
    guard jumpSamples >= 1 else { throw .jumpOutOfRange("jump_n_sample", jumpSamples) }
    let jumps = Swift.max(count - 1 - jumpLength, 0) / jumpLength, steps = Double(jumps) * Double(jumpSamples - 1) * Double(jumpLength)
    guard steps <= Double(Self.pathLimit) else { throw .pathTooLong(jumpSamples: jumpSamples, steps: steps) }
    var path: [NoiseLevel] = []
    for (place, level) in enumerated() {
      path.append(level)
      let above = count - 2 - place
      guard above >= 0, above.isMultiple(of: jumpLength), place >= jumpLength else { continue }
      for _ in 1..<jumpSamples { path += self[(place - jumpLength)...place] }
    }
    return path
  }
}

extension [NoiseLevel] {
  /// The most steps that repetitions may add to a path.
  static var pathLimit: Int { 1_000_000 }
}

/// A requested path that does not exist.
public enum SamplingPathError: ClassifiedError, Equatable, CustomStringConvertible {
  /// A start at a step that the run does not have.
  case noSuchStep(Int, steps: Int)
  /// A strength outside (0, 1], or one that leaves no step.
  case strengthOutOfRange(Double, steps: Int)
  /// Jumps or repetitions of less than one.
  case jumpOutOfRange(String, Int)
  /// Repetitions that make the path longer than any run could be.
  case pathTooLong(jumpSamples: Int, steps: Double)

  public var failure: Failure { .usage }

  public var description: String {
    switch self {
    case .noSuchStep(let step, let steps):
      steps > 0 ? "a start at step \(step); expected 0 to \(steps - 1), the run having \(steps) steps" : "a start in a run without steps"
    case .strengthOutOfRange(let strength, let steps):
      strength > 0 && strength <= 1
        ? "strength \(strength) of \(steps) steps leaves none; expected 1 / \(steps) or more, or more steps"
        : "strength \(strength); expected a number above 0 (the image itself) and up to 1 (hardly anything of it left)"
    case .jumpOutOfRange(let name, let value): "\(name) \(value); expected 1 or more"
    case .pathTooLong(let samples, let steps):
      "jump_n_sample \(samples) adds \(steps) steps; expected \([NoiseLevel].pathLimit) at most; choose fewer"
    }
  }
}
