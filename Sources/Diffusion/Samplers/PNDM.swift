import Tensors

/// One step of PNDM: DDIM's transfer from `t` to `s`, φ(x, e) = (α_s / α_t) (x − σ_t e) + σ_s e, with e mixed of the estimates of
/// ε so far as in a linear multistep method,
///
///     e = (55 ε̂_t − 59 ε̂ʹ + 37 ε̂ʺ − 9 ε̂‴) / 24      (Adams and Bashforth, fourth order)
///
/// The weights are those of equal steps in σ/α; on other levels, all usual ones among them, the method is second order, from a cold
/// start too. On levels of equal steps it is fourth order, from a cold start third with the short start.
///
/// The start: the first step takes the mean of ε̂ at its start and at the end of a first try (two evaluations), the next two have
/// weights of order two and three. With `skip_prk_steps` false the first three are Runge-Kutta steps of four evaluations, whose
/// middle is the level halfway in timestep. A step that leaves pure noise, or noise that has next to no signal
/// (`ExponentialStep.leavesPureNoise`), is DDIM's, and the start comes after it.
///
/// Liu, Ren, Lin and Zhao, "Pseudo Numerical Methods for Diffusion Models on Manifolds" (2022), eqs. 11 to 13; names from diffusers.
public struct PNDM: Sampler {
  public static let name = "pndm"
  public var order: Int? { 2 }

  /// Whether to start with one step of two evaluations instead of three of four.
  public var skipPrkSteps = true
  /// What is combined.
  public var combined = Combined.epsilon

  /// Which reading of the network's output is combined.
  public enum Combined: String, Sendable, Codable, CaseIterable {
    /// ε, whatever it predicts: the method as published.
    case epsilon
    /// v = α ε − σ x₀, read back with the level and the images of the step, where variance is preserved: as diffusers does with
    /// networks that predict v. Less accurate, first order.
    case v
  }

  public struct Memory {
    /// The outputs at the levels visited, the newest first.
    var past: [Tensor] = []
  }

  public init() {}
  public func makeMemory(for levels: [NoiseLevel]) -> Memory { Memory() }

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Memory, denoiser: some Denoiser, noise: StepNoise
  ) -> Transition {
    let start = denoiser.predict(x, at: t)
    if ExponentialStep(from: t, to: s).leavesPureNoise { return Transition(x: start.eulerStep(to: s), x0: start.x0) }
    let transfer = Transfer(x: x, t: t, combined: combined)
    let first = transfer.output(of: start, at: t)
    let mixed: Tensor
    switch memory.past.count {
    case 0...2 where !skipPrkSteps && s.sigma > 0: mixed = rungeKutta(first, by: transfer, to: s, denoiser: denoiser)
    case 0 where s.sigma > 0:
      let end = denoiser.predict(transfer.prediction(first).eulerStep(to: s), at: s)
      mixed = 0.5 * (first + transfer.output(of: end, at: s))
    default: mixed = Self.adamsBashforth([first] + memory.past)
    }
    memory.past = [first] + memory.past.prefix(2)
    let p = transfer.prediction(mixed)
    return Transition(x: p.eulerStep(to: s), x0: p.x0)
  }

  /// The mean of four outputs at the start, twice in the middle, and at the end.
  private func rungeKutta(_ first: Tensor, by transfer: Transfer, to s: NoiseLevel, denoiser: some Denoiser) -> Tensor {
    let middle = denoiser.noiseLevelRange.halfway(from: transfer.t, to: s)
    func next(_ output: Tensor, at level: NoiseLevel) -> Tensor {
      transfer.output(of: denoiser.predict(transfer.prediction(output).eulerStep(to: level), at: level), at: level)
    }
    let second = next(first, at: middle)
    let third = next(second, at: middle)
    let fourth = next(third, at: s)
    return (first + 2 * second + 2 * third + fourth) / 6
  }

  private static func adamsBashforth(_ outputs: [Tensor]) -> Tensor {
    let weights: [[Double]] = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]]
    let terms = zip(weights[min(outputs.count, 4) - 1], outputs).map { $0 * $1 }
    return terms.dropFirst().reduce(terms[0], +)
  }
}

/// The images from which a step starts, and how outputs are read there.
private struct Transfer {
  let x: Tensor, t: NoiseLevel, combined: PNDM.Combined

  func output(of p: Prediction, at level: NoiseLevel) -> Tensor {
    switch combined {
    case .epsilon: p.epsilon
    case .v: level.alpha * p.epsilon - level.sigma * p.x0
    }
  }

  /// x₀ and ε of an output, read as the output for x.
  func prediction(_ output: Tensor) -> Prediction {
    switch combined {
    case .epsilon: Prediction(x0: (x - t.sigma * output) / t.alpha, epsilon: output)
    case .v: Prediction(x0: t.alpha * x - t.sigma * output, epsilon: t.sigma * x + t.alpha * output)
    }
  }
}

extension NoiseLevelRange {
  /// The level between two whose timestep is halfway between theirs; halfway in λ where they have the same.
  func halfway(from t: NoiseLevel, to s: NoiseLevel) -> NoiseLevel {
    var noisy = t.lambda, clean = s.lambda
    guard t.timestep > s.timestep else { return level(lambda: (noisy + clean) / 2) }
    let middleTimestep = (t.timestep + s.timestep) / 2
    // Timesteps fall as λ rises; 60 halvings leave nothing of a double.
    for _ in 0..<60 {
      let middle = (noisy + clean) / 2
      if level(lambda: middle).timestep > middleTimestep { noisy = middle } else { clean = middle }
    }
    return level(lambda: clean)
  }
}
