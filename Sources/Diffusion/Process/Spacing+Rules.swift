// The rules by which spacings pick their steps. Where a rule rounds, it rounds halves to the even number, as Python does.
extension Spacing {
  /// `trailing`, `leading` and `linspace`, which are diffusers' names, `centred` and `quadratic`.
  func named(_ steps: Int, of total: Int) throws(DiffusionError) -> [Int] {
    // One step alone could not include both ends.
    let fewest = self == .linspace || self == .quadratic ? min(2, total) : 1
    guard (fewest...total).contains(steps) else {
      throw impossible(steps, of: total, "it takes \(fewest) to \(total) steps", nearest: min(max(steps, fewest), total))
    }
    let n = Double(steps), t = Double(total)
    switch self {
    case .trailing: return (1...steps).map { Self.rounded(t * Double($0) / n) - 1 }
    case .leading: return (0..<steps).map { $0 * (total / steps) }
    case .linspace: return (0..<steps).map { Self.rounded((t - 1) * Double($0) / max(n - 1, 1)) }
    case .quadratic: return Self.quadratic(steps, of: total)
    default: return try centred(steps, of: total)
    }
  }

  /// ⌊c i²⌋ from 0 to T − 1, pushed on where it would repeat a step. Being convex it never runs over the end by that.
  private static func quadratic(_ steps: Int, of total: Int) -> [Int] {
    var kept: [Int] = []
    for index in 0..<steps {
      let square = steps > 1 ? (total - 1) * index * index / ((steps - 1) * (steps - 1)) : 0
      kept.append(max(square, kept.last.map { $0 + 1 } ?? 0))
    }
    return kept
  }

  func leading(from offset: Int, _ steps: Int, of total: Int) throws(DiffusionError) -> [Int] {
    let last = { (steps: Int) in offset + (steps - 1) * (total / steps) }
    if (1...total).contains(steps), last(steps) < total { return (0..<steps).map { offset + $0 * (total / steps) } }
    let possible = (1...total).filter { last($0) < total }.min { abs($0 - steps) < abs($1 - steps) }
    let reason = (1...total).contains(steps) ? "its last step would be \(last(steps))" : "it takes 1 to \(total) steps, not \(steps)"
    throw .impossibleSpacing(
      description, total: total, reason: reason, nearest: possible.map(DiffusionError.nearest) ?? "leading+\(total - 1) with 1 step")
  }

  /// The user's list, ascending.
  static func given(_ steps: [Int], of total: Int) throws(DiffusionError) -> [Int] {
    let ascending = steps.first ?? 0 <= steps.last ?? 0 ? steps : steps.reversed()
    let inOrder = zip(ascending, ascending.dropFirst()).allSatisfy { $0 < $1 }
    let within = (0..<total)
    if inOrder, !steps.isEmpty, steps.allSatisfy(within.contains) { return ascending }
    let nearest = Set(steps.map { min(max($0, 0), total - 1) }).sorted(by: >)
    throw .impossibleSpacing(
      Spacing.at(steps).description, total: total, reason: "expected steps of 0 to \(total - 1), in order and none twice",
      nearest: Spacing.at(nearest.isEmpty ? [total - 1] : nearest).description)
  }

  private static func rounded(_ value: Double) -> Int { Int(value.rounded(.toNearestOrEven)) }

  private func impossible(_ steps: Int, of total: Int, _ reason: String, nearest: Int) -> DiffusionError {
    .impossibleSpacing("\(self)", total: total, reason: "\(reason), not \(steps)", nearest: DiffusionError.nearest(steps: nearest))
  }

  // MARK: nice-diffusion's

  private func centred(_ steps: Int, of total: Int) throws(DiffusionError) -> [Int] {
    let kept = Self.centredTimesteps(of: total, steps: steps)
    guard kept.count != steps else { return kept }
    let possible = (1...total).filter { Self.centredTimesteps(of: total, steps: $0).count == $0 }
    let nearest = possible.min { abs($0 - steps) < abs($1 - steps) } ?? total
    throw impossible(steps, of: total, "whole strides of \(total / steps) take \(kept.count) steps", nearest: nearest)
  }

  /// T/2N, then every T/N-th step, both rounded down, as far as the process goes. Where N does not divide T these may be
  /// more than N.
  static func centredTimesteps(of total: Int, steps: Int) -> [Int] {
    Array(stride(from: total / (2 * steps), to: total, by: max(total / steps, 1)))
  }

  // MARK: guided-diffusion's

  /// Each section is cut evenly from its first step to its last. The stride is added up in float64, as there: `i · stride`
  /// would round to other steps.
  static func sections(_ counts: [Int], of total: Int) throws(DiffusionError) -> [Int] {
    try checkSections(counts, of: total)
    var kept: [Int] = []
    var start = 0
    for (count, size) in zip(counts, sectionSizes(counts.count, of: total)) {
      let stride = count > 1 ? Double(size - 1) / Double(count - 1) : 1
      var position = 0.0
      for _ in 0..<count {
        kept.append(start + rounded(position))
        position += stride
      }
      start += size
    }
    return kept
  }

  private static func checkSections(_ counts: [Int], of total: Int) throws(DiffusionError) {
    let sizes = sectionSizes(counts.count, of: total)
    var possible = zip(counts, sizes).map { min($0, $1) }
    let reason: String
    if let index = counts.indices.first(where: { counts[$0] > sizes[$0] }) {
      reason = "section \(index + 1) of \(counts.count) has \(sizes[index]) timesteps, of which \(counts[index]) cannot be kept"
    } else if counts.allSatisfy({ $0 == 0 }) {
      reason = "it keeps nothing"
    } else {
      return
    }
    if possible.allSatisfy({ $0 == 0 }) { possible = [1] }
    let nearest = Spacing.sections(possible).description
    throw .impossibleSpacing(Spacing.sections(counts).description, total: total, reason: reason, nearest: nearest)
  }

  /// Sections as equal as can be; the first ones take what is left over.
  private static func sectionSizes(_ sections: Int, of total: Int) -> [Int] {
    (0..<sections).map { total / sections + ($0 < total % sections ? 1 : 0) }
  }

  static func ddim(_ count: Int, of total: Int) throws(DiffusionError) -> [Int] {
    // A stride of i takes ⌈T / i⌉ steps.
    let strides = 1..<max(total, 2)
    let taken = { (stride: Int) in (total + stride - 1) / stride }
    if let chosen = strides.first(where: { taken($0) == count }) {
      return Array(stride(from: 0, to: total, by: chosen))
    }
    let nearest = strides.map(taken).min { abs($0 - count) < abs($1 - count) } ?? total
    throw .impossibleSpacing(
      "ddim\(count)", total: total, reason: "no whole stride takes exactly \(count) steps", nearest: "ddim\(nearest)")
  }
}
