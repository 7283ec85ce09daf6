import Imaging

extension CorruptionsRecipe {
  /// The degraded picture of an original, and the strengths that condition the model.
  /// - Returns: `image`, `scale` times smaller; `strengths`, one for each of `corruptionNames`, 0 for what was not applied.
  /// - Throws: `ImagingError` for a picture whose sides are not multiples of `scale`, and where a library is missing.
  public func degrade(_ image: Image, random: inout StableRandom) throws -> (image: Image, strengths: [Double]) {
    let strengths = drawStrengths(&random)
    return (try degrade(image, at: strengths, random: &random), strengths.map { $0 ?? 0 })
  }

  /// A strength for each of `corruptionNames`; nil for those that are not applied.
  public func drawStrengths(_ random: inout StableRandom) -> [Double?] {
    let chosen = choose(&random)
    let drawn = corruptions.enumerated().map { index, corruption -> Double? in
      // Drawn for all, so that what the others get does not depend on the choice.
      let part = strengthDistribution.strength(random.uniform())
      let happens = corruption.probability >= 1 || random.uniform() < corruption.probability
      guard happens, index < fixed.count || chosen.contains(index - fixed.count) else { return nil }
      return corruption.strength.min + (corruption.strength.max - corruption.strength.min) * part
    }
    return drawn + (reduction.map { [$0.drawStrength(&random)] } ?? [])
  }

  /// The picture at given strengths, as `drawStrengths` gives them.
  public func degrade(_ image: Image, at strengths: [Double?], random: inout StableRandom) throws -> Image {
    let corruptions = corruptions
    precondition(strengths.count == strengthCount, "\(strengths.count) strengths, \(strengthCount) were expected")
    guard image.width % scale == 0, image.height % scale == 0 else {
      throw ImagingError(
        .invalid(
          "\(image.width) x \(image.height) pixels cannot be made \(scale) times smaller; crop the picture to multiples of \(scale)"))
    }
    let key = random.bits()
    let turns = turns(at: strengths, key)
    func applied(_ place: CorruptionPlace, to image: Image) throws -> Image {
      try turns.reduce(image) { image, turn in
        guard corruptions[turn.index].place == place else { return image }
        var stream = StableRandom(key, turn.stream)
        return try corruptions[turn.index].apply(image, strength: turn.strength, random: &stream)
      }
    }
    let before = try applied(.beforeDownsampling, to: image)
    guard let reduction else {
      let smaller = try before.resized(width: image.width / scale, height: image.height / scale, filter: filter)
      return try applied(.afterDownsampling, to: smaller)
    }
    guard let strength = strengths[corruptions.count] else { return try applied(.afterDownsampling, to: before) }
    var stream = StableRandom(key, UInt64(corruptions.count))
    let smaller = try applied(.afterDownsampling, to: reduction.reduced(before, strength: strength, random: &stream))
    return try smaller.resized(width: image.width, height: image.height, filter: reduction.enlargement)
  }

  /// A corruption at its turn.
  private struct Turn {
    let index: Int, strength: Double
    /// Of its random numbers.
    let stream: UInt64
  }

  /// What is applied, in its order: the random ones, then the fixed ones, or, to a picture that is degraded twice, all in a random order, and
  /// again in another, then at strengths drawn between 0 and the first, so that those are the worst.
  private func turns(at strengths: [Double?], _ key: UInt64) -> [Turn] {
    let count = corruptions.count, order = Array(fixed.count..<count) + Array(0..<fixed.count)
    let first = order.compactMap { index in strengths[index].map { Turn(index: index, strength: $0, stream: UInt64(index)) } }
    // A stream that no corruption has, nor the reduction.
    var stream = StableRandom(key, UInt64(2 * count + 1))
    guard secondOrder > 0, stream.uniform() < secondOrder else { return first }
    let second = first.map {
      Turn(index: $0.index, strength: $0.strength * stream.uniform(), stream: UInt64(count + 1 + $0.index))
    }
    return first.shuffled(&stream) + second.shuffled(&stream)
  }

  /// Indices into `random`.
  private func choose(_ stream: inout StableRandom) -> Set<Int> {
    var left = Array(random.indices)
    let count = left.isEmpty ? 0 : randomCount ?? 1
    return Set((0..<count).map { _ in left.remove(at: stream.below(left.count)) })
  }
}

extension Array {
  /// In an order of which each is equally likely (Fisher and Yates).
  fileprivate func shuffled(_ stream: inout StableRandom) -> [Element] {
    var result = self
    for last in stride(from: count - 1, to: 0, by: -1) { result.swapAt(last, stream.below(last + 1)) }
    return result
  }
}
