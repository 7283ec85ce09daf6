/// Resampling of a picture that need not fit into memory: a band of rows of the result at a time, from the rows of the source that it covers.
///
/// The arithmetic is that of `Image.resized`: along the rows first, rounded to whole samples in between, so that bands of 8 bits a sample
/// are the rows of the picture resized as a whole.
public struct BandResampling: Sendable {
  private let across: ResamplingWeights, down: ResamplingWeights
  private let width: Int, height: Int, newWidth: Int, newHeight: Int

  /// - Parameters:
  ///   - old: width and height of the source.
  ///   - new: width and height of the result.
  ///   - filter: all but `nearest` and `box`, which are not weighted means of this kind.
  public init(from old: (width: Int, height: Int), to new: (width: Int, height: Int), filter: ResizeFilter) {
    guard let kernel = filter.kernel else { preconditionFailure("bands resampled by \(filter)") }
    across = ResamplingWeights(from: old.width, to: new.width, kernel: kernel)
    down = ResamplingWeights(from: old.height, to: new.height, kernel: kernel)
    (width, height, newWidth, newHeight) = (old.width, old.height, new.width, new.height)
  }

  /// The rows of the source that rows of the result are made of.
  public func sourceRows(for rows: Range<Int>) -> Range<Int> {
    if height == newHeight { return rows }
    let last = rows.upperBound - 1
    return down.first[rows.lowerBound]..<(down.first[last] + down.counts[last])
  }

  /// - Parameters:
  ///   - rows: of the result, to be computed.
  ///   - source: the samples of `sourceRows(for: rows)`, channels interleaved.
  ///   - result: takes the samples of `rows`.
  ///   - channels: how many, each resampled separately.
  public func resample(
    _ rows: Range<Int>, from source: UnsafeBufferPointer<UInt8>, into result: UnsafeMutableBufferPointer<UInt8>, channels: Int
  ) {
    compute(rows, from: source, into: result, channels: channels)
  }

  /// The same for 16 bits a sample.
  public func resample(
    _ rows: Range<Int>, from source: UnsafeBufferPointer<UInt16>, into result: UnsafeMutableBufferPointer<UInt16>, channels: Int
  ) {
    compute(rows, from: source, into: result, channels: channels)
  }

  // Not public: other modules would get code for any type of samples, which is many times slower than that for one.
  private func compute<Sample: FixedWidthInteger & UnsignedInteger>(
    _ rows: Range<Int>, from source: UnsafeBufferPointer<Sample>, into result: UnsafeMutableBufferPointer<Sample>, channels: Int
  ) {
    let old = sourceRows(for: rows), line = newWidth * channels
    precondition(source.count == old.count * width * channels && result.count == rows.count * line, "a band of another size")
    withUnsafeTemporaryAllocation(of: Sample.self, capacity: old.count * line) { middle in
      for row in 0..<old.count {
        resampleRow(source.baseAddress! + row * width * channels, middle.baseAddress! + row * line, channels: channels)
      }
      for (index, row) in rows.enumerated() {
        let first = (height == newHeight ? row : down.first[row]) - old.lowerBound
        mix(UnsafePointer(middle.baseAddress! + first * line), result.baseAddress! + index * line, row: row, count: line)
      }
    }
  }

  private func resampleRow<Sample: FixedWidthInteger>(_ from: UnsafePointer<Sample>, _ to: UnsafeMutablePointer<Sample>, channels: Int) {
    if width == newWidth { return to.update(from: from, count: width * channels) }
    across.weights.withUnsafeBufferPointer { weights in
      for place in 0..<newWidth {
        let start = from + across.first[place] * channels, row = weights.baseAddress! + place * across.span
        for channel in 0..<channels {
          var sum = Int(ResamplingWeights.half)
          for tap in 0..<across.counts[place] { sum &+= Int(start[tap * channels + channel]) &* Int(row[tap]) }
          to[place * channels + channel] = Self.clamped(sum)
        }
      }
    }
  }

  /// A row of the result from the rows below `from`, `count` samples each.
  private func mix<Sample: FixedWidthInteger>(
    _ from: UnsafePointer<Sample>, _ to: UnsafeMutablePointer<Sample>, row: Int, count: Int
  ) {
    if height == newHeight { return to.update(from: from, count: count) }
    withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { sums in
      sums.initialize(repeating: Int(ResamplingWeights.half))
      for tap in 0..<down.counts[row] {
        let weight = Int(down.weights[row * down.span + tap]), line = from + tap * count
        for index in 0..<count { sums[index] &+= Int(line[index]) &* weight }
      }
      for index in 0..<count { to[index] = Self.clamped(sums[index]) }
    }
  }

  @inline(__always)
  private static func clamped<Sample: FixedWidthInteger>(_ sum: Int) -> Sample {
    Sample(truncatingIfNeeded: max(0, min(Int(Sample.max), sum >> Int(ResamplingWeights.bits))))
  }
}
