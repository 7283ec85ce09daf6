import Foundation

/// Where sampling ends: diffusers' `final_sigmas_type`.
public enum FinalLevel: String, Sendable, Codable, CaseIterable {
  /// The clean image, σ = 0.
  case clean = "zero"
  /// The lowest noise level that the network was trained with: step 0.
  case sigmaMin = "sigma_min"
}

extension DiscreteProcess {
  /// The levels that sampling visits: every step from the last to the first, then the clean image. Neighbours are its
  /// (t, t_next) pairs.
  public var samplingLevels: [NoiseLevel] { levels((0..<steps).reversed()) + [.clean] }

  /// The levels that sampling visits by a spacing, from noise to image, each cleaner than the one before. Neighbours are its
  /// (t, t_next) pairs.
  ///
  /// A process that ends in pure noise begins there on a grid too, whose other levels run over those that have a signal.
  ///
  /// - Parameters:
  ///   - steps: how many levels are visited before the final one; nil where the spacing determines it, and otherwise as many as
  ///     the process has.
  ///   - final: `sigmaMin` adds no level where the spacing ends there anyway.
  public func samplingLevels(
    _ spacing: Spacing, steps: Int? = nil, final: FinalLevel = .clean
  ) throws(DiffusionError) -> [NoiseLevel] {
    var levels: [NoiseLevel]
    switch spacing {
    case .grid(let grid): levels = try self.levels(on: grid, count: steps ?? self.steps)
    default: levels = self.levels(try spacing.timesteps(of: self.steps, steps: steps).reversed())
    }
    switch final {
    case .clean: levels.append(.clean)
    case .sigmaMin: if levels.count < 2 || levels.last != level(0) { levels.append(level(0)) }
    }
    for index in levels.indices.dropFirst() where !levels[index - 1].isNoisier(than: levels[index]) {
      throw .levelsDoNotDescend(spacing: "\(spacing)", index: index)
    }
    return levels
  }

  private func levels(on grid: SigmaGrid, count: Int) throws(DiffusionError) -> [NoiseLevel] {
    guard Self.possibleSteps.contains(count) else {
      let nearest = count < 1 ? 1 : Self.stepLimit
      throw .impossibleSpacing(
        "\(grid)", total: steps, reason: "it takes 1 to \(Self.stepLimit) steps, not \(count)",
        nearest: DiffusionError.nearest(steps: nearest))
    }
    let last = level(steps - 1)
    guard last.alpha > 0 || grid.sigmaMax != nil else {
      // From pure noise, where σ beside a signal of 1 is infinite.
      return [last] + (count > 1 ? try levelsWithSignal(on: grid, count: count - 1) : [])
    }
    return try levelsWithSignal(on: grid, count: count)
  }

  private func levelsWithSignal(on grid: SigmaGrid, count: Int) throws(DiffusionError) -> [NoiseLevel] {
    guard let noisiest = alphaBar.lastIndex(where: { $0 > 0 }) else { return [] }
    let ends = [level(noisiest), level(0)]
    let range = (ends[1].sigma / ends[1].alpha)...(ends[0].sigma / ends[0].alpha)
    try check(grid, within: range)
    let scale = noiseLevelRange
    let sigmas = grid.sigmas(from: grid.sigmaMax ?? range.upperBound, to: grid.sigmaMin ?? range.lowerBound, count: count)
    // The ends to the bit; what lies between is found by its λ.
    return sigmas.map { sigma in
      if sigma == range.upperBound { return ends[0] }
      return sigma == range.lowerBound ? ends[1] : scale.level(lambda: -log(sigma))
    }
  }

  private func check(_ grid: SigmaGrid, within range: ClosedRange<Double>) throws(DiffusionError) {
    let given = [grid.sigmaMin, grid.sigmaMax].compactMap { $0 }
    if given.allSatisfy(range.contains) { return }
    var nearest = grid
    nearest.sigmaMin = grid.sigmaMin.flatMap { range.contains($0) ? $0 : nil }
    nearest.sigmaMax = grid.sigmaMax.flatMap { range.contains($0) ? $0 : nil }
    throw .gridOutOfRange(spacing: "\(grid)", range: range, nearest: "\(nearest)")
  }
}
