/// The box filter in whole numbers: each new pixel is the mean over the area that it covers, rounded once, exactly.
extension Image {
  func areaAveraged(width: Int, height: Int) -> Image {
    if width == self.width && height == self.height { return self }
    // The largest sum of a column of samples, which with alpha are products of two.
    let down = AreaCover(from: self.height, to: height)
    let largest = (hasAlpha ? 255 * 255 : 255).multipliedReportingOverflow(by: down.total)
    return largest.overflow || largest.partialValue > UInt32.max
      ? areaAveraged(width: width, down: down, sums: UInt64.self) : areaAveraged(width: width, down: down, sums: UInt32.self)
  }

  private func areaAveraged<Sum: FixedWidthInteger & UnsignedInteger>(width: Int, down: AreaCover, sums: Sum.Type) -> Image {
    let across = AreaCover(from: self.width, to: width)
    let length = self.width * channels
    return make(width: width, height: down.first.count, channels: channels) { source, result in
      withUnsafeTemporaryAllocation(of: Sum.self, capacity: length) { sums in
        for row in 0..<down.first.count {
          sums.initialize(repeating: 0)
          for index in 0..<down.counts[row] {
            let weight = Sum(down.weight(row, index)), from = source + (down.first[row] + index) * length
            add(from, times: weight, to: sums.baseAddress!, count: length)
          }
          average(UnsafePointer(sums.baseAddress!), across, rows: down.total, to: result + row * width * channels)
        }
      }
    }
  }

  /// Colours enter the sums multiplied by their alpha, or invisible pixels would bleed.
  @inline(__always)
  private func add<Sum: FixedWidthInteger>(
    _ from: UnsafePointer<UInt8>, times weight: Sum, to sums: UnsafeMutablePointer<Sum>, count: Int
  ) {
    guard hasAlpha else {
      for index in 0..<count { sums[index] &+= Sum(truncatingIfNeeded: from[index]) &* weight }
      return
    }
    for start in stride(from: 0, to: count, by: channels) {
      let alpha = weight &* Sum(truncatingIfNeeded: from[start + channels - 1])
      for c in 0..<(channels - 1) { sums[start + c] &+= Sum(truncatingIfNeeded: from[start + c]) &* alpha }
      sums[start + channels - 1] &+= alpha
    }
  }

  /// Averages from the sums of one row over `rows` parts of a pixel each.
  @inline(__always)
  private func average<Sum: FixedWidthInteger>(
    _ sums: UnsafePointer<Sum>, _ across: AreaCover, rows: Int, to: UnsafeMutablePointer<UInt8>
  ) {
    let area = UInt64(rows) &* UInt64(across.total)
    for place in 0..<across.first.count {
      var totals = SIMD4<UInt64>(repeating: 0)
      var pixel = sums + across.first[place] * channels
      for index in 0..<across.counts[place] {
        let weight = UInt64(truncatingIfNeeded: across.weight(place, index))
        for c in 0..<channels { totals[c] &+= UInt64(truncatingIfNeeded: pixel[c]) &* weight }
        pixel += channels
      }
      let target = to + place * channels
      let divisor = hasAlpha ? totals[channels - 1] : area
      for c in 0..<(hasAlpha ? channels - 1 : channels) { target[c] = divisor == 0 ? 0 : rounded(totals[c], divisor) }
      if hasAlpha { target[channels - 1] = rounded(totals[channels - 1], area) }
    }
  }

  @inline(__always)
  private func rounded(_ sum: UInt64, _ divisor: UInt64) -> UInt8 { UInt8((2 &* sum &+ divisor) / (2 &* divisor)) }
}

/// For each place of the new length, the old places that it covers and how many parts of each.
private struct AreaCover {
  var first: [Int] = []
  var counts: [Int] = []
  /// The parts of the first and the last old pixel; those between count in full.
  private var ends: [(Int, Int)] = []
  /// How many parts an old place has, and how many a new place covers.
  private let full: Int
  let total: Int

  init(from old: Int, to new: Int) {
    // In units of 1/new of an old pixel, new place i covers [i old, (i + 1) old): whole numbers, no rounding at the seams.
    // Divided by what the two have in common the numbers are smaller: halving is 1 and 1.
    let common = greatestCommonDivisor(old, new)
    (full, total) = (new / common, old / common)
    for place in 0..<new {
      let start = place * total, end = start + total
      let lower = start / full, upper = (end - 1) / full
      first.append(lower)
      counts.append(upper - lower + 1)
      ends.append((min(end, (lower + 1) * full) - start, end - max(start, upper * full)))
    }
  }

  func weight(_ place: Int, _ index: Int) -> Int {
    if index == 0 { return ends[place].0 }
    return index == counts[place] - 1 ? ends[place].1 : full
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
