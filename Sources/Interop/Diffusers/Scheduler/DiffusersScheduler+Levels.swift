import Diffusion
import Foundation

/// Which levels a run visits, and the timesteps that the network gets there, by the rules of each class.
extension DiffusersScheduler {
  /// The levels of a run, the start first. Their α² + σ² is 1 also where the class keeps its samples in the coordinates of
  /// α = 1; there the images are x / α.
  ///
  /// PNDM goes to the timestep that the network gets next. diffusers goes `T / steps`, rounded down, timesteps on, which is the
  /// same for `leading`, and for `trailing` where `steps` divides T.
  ///
  /// - Parameters:
  ///   - steps: `num_inference_steps`. A cut by `lambda_min_clipped` may leave fewer.
  ///   - process: made by `process`.
  public func levels(steps: Int, in process: DiscreteProcess) throws(DiffusionError) -> [NoiseLevel] {
    if kind == .flowMatchEuler { return try straightLevels(steps: steps, of: process) }
    let timesteps = try checkedTimesteps(steps: steps, of: process)
    switch kind {
    case .ddim:
      let whole = timesteps.map { Int($0) }
      return process.levels(whole) + whole.suffix(1).map { destination(from: $0, steps: steps, in: process) }
    case .pndm: return process.levels(timesteps.map { Int($0) }) + [setAlphaToOne ? .clean : process.level(0)]
    case .ddpm: return process.levels(timesteps.map { Int($0) }) + [.clean]
    case .dpmSolverMultistep, .euler, .eulerAncestral, .heun, .uniPC:
      return SigmaTable(process).levels(at: timesteps, of: self)
    case .flowMatchEuler: return []
    }
  }

  /// The levels of flow matching: t evenly from 1 to the least of the training, which is shifted, then shifted, the least again.
  private func straightLevels(steps: Int, of process: DiscreteProcess) throws(DiffusionError) -> [NoiseLevel] {
    guard (1...process.steps).contains(steps) else {
      throw .impossibleSpacing(
        "linspace", total: process.steps, reason: "it takes 1 to \(process.steps) steps, not \(steps)",
        nearest: "\(min(max(steps, 1), process.steps)) steps")
    }
    func shifted(_ t: Double) -> Double { shift * t / (1 + (shift - 1) * t) }
    let least = shifted(1 / Double(numTrainTimesteps))
    let times = (0..<steps).map { shifted(1 - (1 - least) * Double($0) / Double(max(steps - 1, 1))) }
    return times.map { t in
      let deviation = ((1 - t) * (1 - t) + t * t).squareRoot()
      return NoiseLevel(alpha: (1 - t) / deviation, sigma: t / deviation, timestep: Double(numTrainTimesteps) * t)
    } + [.clean]
  }

  /// What standard normal noise is multiplied by to begin a run: 1, where its α² + σ² is that of the level, or for classes that leave
  /// out what an image would add to it σ alone.
  public func startDeviation(of levels: [NoiseLevel]) -> Double {
    switch kind {
    case .euler, .eulerAncestral, .heun: timestepSpacing == .leading ? 1 : levels.first?.sigma ?? 1
    case .ddim, .ddpm, .dpmSolverMultistep, .flowMatchEuler, .pndm, .uniPC: 1
    }
  }

  // MARK: Timesteps

  private func checkedTimesteps(steps: Int, of process: DiscreteProcess) throws(DiffusionError) -> [Double] {
    if let timesteps = timesteps(steps: steps, of: process) { return timesteps }
    let total = process.steps
    let counts = (1...total).sorted { abs($0 - steps) < abs($1 - steps) }
    guard let nearest = counts.first(where: { timesteps(steps: $0, of: process) != nil }) else {
      throw .impossibleSpacing(
        spacingName, total: total, reason: "no number of steps fits steps_offset \(stepsOffset)", nearest: "steps_offset 0")
    }
    throw .impossibleSpacing(
      spacingName, total: total, reason: "\(steps) steps are not of the process, or not so many", nearest: "\(nearest) steps")
  }

  private var spacingName: String { timestepSpacing.rawValue + (timestepSpacing == .leading ? "+\(stepsOffset)" : "") }

  /// The timesteps given to the network, before a Karras grid replaces them; descending. Nil if there are fewer.
  private func timesteps(steps: Int, of process: DiscreteProcess) -> [Double]? {
    // A solver of higher order leaves out the cleanest of one more.
    let leavesOutLast = kind == .dpmSolverMultistep || kind == .uniPC
    let last = process.steps - cutSteps(of: process)
    guard (1...process.steps).contains(steps), last > 0 else { return nil }
    let count = steps + (leavesOutLast ? 1 : 0)
    let descending: [Double]
    switch timestepSpacing {
    case .linspace:
      descending = Array(Self.linspace(to: last - 1, count: count).reversed().prefix(steps)).map { networkTimestep(spaced: $0) }
    case .leading: descending = (0..<count).reversed().prefix(steps).map { Double($0 * (last / count) + stepsOffset) }
    case .trailing:
      let stride = Double(process.steps) / Double(steps)
      descending = Self.arange(from: last, by: -stride).map { $0.rounded(.toNearestOrEven) - 1 }
    }
    let isDescending = zip(descending, descending.dropFirst()).allSatisfy { $0 > $1 }
    return isDescending && descending.allSatisfy { (0...Double(process.steps - 1)).contains($0) } ? descending : nil
  }

  private func networkTimestep(spaced timestep: Double) -> Double {
    switch kind {
    case .euler, .eulerAncestral, .heun: timestep
    case .ddim, .ddpm, .dpmSolverMultistep, .flowMatchEuler, .pndm, .uniPC: timestep.rounded(.toNearestOrEven)
    }
  }

  /// Numbers from 0, bit for bit those of numpy's `linspace`: where a number ends on a half, that decides how it is rounded.
  private static func linspace(to end: Int, count: Int) -> [Double] {
    let step = count > 1 ? Double(end) / Double(count - 1) : 0
    return (0..<count).map { $0 > 0 && $0 == count - 1 ? Double(end) : Double($0) * step }
  }

  /// Down to 0 exclusive, to the last bit as numpy's `arange`, which takes its step from the first two numbers.
  private static func arange(from start: Int, by step: Double) -> [Double] {
    let first = Double(start), count = Int((-first / step).rounded(.up))
    let stride = (first + step) - first
    return (0..<count).map { $0 == 1 ? first + step : first + Double($0) * stride }
  }

  /// How many of the noisiest training steps lie below `lambda_min_clipped`.
  private func cutSteps(of process: DiscreteProcess) -> Int {
    guard kind == .dpmSolverMultistep, lambdaMinClipped > -.infinity else { return 0 }
    return process.levels(Array(0..<process.steps)).count { $0.lambda < lambdaMinClipped }
  }
}

/// The noise beside a signal of 1 at each training step, σ_t / α_t = √(1 / ᾱ_t − 1), and its logarithm, in float32: where a Karras
/// grid ends on a step, rounding decides which fraction of it the network gets.
private struct SigmaTable {
  let sigmas: [Double], logarithms: [Double]

  /// Pure noise, whose σ would be infinite, is taken for that of ᾱ = 2⁻²⁴.
  init(_ process: DiscreteProcess) {
    let rounded = process.alphaBar.map { alphaBar in
      let signal = alphaBar > 0 ? Float(alphaBar) : 0x1p-24
      return ((1 - signal) / signal).squareRoot()
    }
    sigmas = rounded.map { Double($0) }
    logarithms = rounded.map { Double(log($0)) }
  }

  func levels(at timesteps: [Double], of scheduler: DiffusersScheduler) -> [NoiseLevel] {
    var networkTimesteps = timesteps, visited = timesteps.map { sigma(at: $0) }
    if scheduler.useKarrasSigmas && scheduler.kind != .eulerAncestral {
      let isWholeRange = scheduler.kind == .dpmSolverMultistep || scheduler.kind == .uniPC
      let ends = isWholeRange ? (sigmas[sigmas.count - 1], sigmas[0]) : (visited[0], visited[visited.count - 1])
      visited = SigmaGrid(.karras()).sigmas(from: ends.0, to: ends.1, count: timesteps.count)
      networkTimesteps = visited.map { scheduler.networkTimestep(timestep(of: $0)) }
    }
    let levels = zip(visited, networkTimesteps).map { Self.level($0, timestep: $1) }
    let endsClean = scheduler.finalSigmasType == .zero || scheduler.kind == .eulerAncestral || scheduler.kind == .heun
    return levels + [endsClean ? .clean : Self.level(sigmas[0], timestep: 0)]
  }

  private static func level(_ sigma: Double, timestep: Double) -> NoiseLevel {
    let alpha = 1 / (1 + sigma * sigma).squareRoot()
    return NoiseLevel(alpha: alpha, sigma: sigma * alpha, timestep: timestep)
  }

  /// σ between the steps, linear in the timestep.
  private func sigma(at timestep: Double) -> Double {
    let low = Int(timestep), high = min(low + 1, sigmas.count - 1)
    let part = timestep - Double(low)
    return (1 - part) * sigmas[low] + part * sigmas[high]
  }

  /// The timestep of a σ, linear in log σ between the steps.
  private func timestep(of sigma: Double) -> Double {
    guard logarithms.count > 1 else { return 0 }
    let logarithm = log(sigma)
    let high = min(max(logarithms.firstIndex { $0 > logarithm } ?? logarithms.count, 1), logarithms.count - 1)
    let part = (logarithm - logarithms[high - 1]) / (logarithms[high] - logarithms[high - 1])
    return Double(high - 1) + min(max(part, 0), 1)
  }
}

extension DiffusersScheduler {
  /// The timestep that the network gets at one of a Karras grid.
  fileprivate func networkTimestep(_ timestep: Double) -> Double {
    switch kind {
    case .uniPC: timestep.rounded(.toNearestOrEven)
    // Rounded, but for this schedule cut off, to whole timesteps.
    case .dpmSolverMultistep: timestep.rounded(betaSchedule == .squaredCosine ? .down : .toNearestOrEven)
    default: timestep
    }
  }
}
