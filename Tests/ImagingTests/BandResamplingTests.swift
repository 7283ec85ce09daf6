import Imaging
import Testing

@Suite("Resampling by bands") struct BandResamplingTests {
  private func inBands(_ image: Image, _ width: Int, _ height: Int, _ filter: ResizeFilter, rows: Int) -> Image {
    let resampling = BandResampling(from: (image.width, image.height), to: (width, height), filter: filter)
    var bytes: [UInt8] = []
    for first in stride(from: 0, to: height, by: rows) {
      let band = first..<min(first + rows, height), old = resampling.sourceRows(for: band), line = image.width * image.channels
      var result = [UInt8](repeating: 0, count: band.count * width * image.channels)
      image.bytes[(old.lowerBound * line)..<(old.upperBound * line)].withUnsafeBufferPointer { source in
        result.withUnsafeMutableBufferPointer { resampling.resample(band, from: source, into: $0, channels: image.channels) }
      }
      bytes += result
    }
    return Image(width: width, height: height, channels: image.channels, bytes: bytes)
  }

  @Test(arguments: [(40, 26), (7, 5), (20, 13), (20, 30), (55, 13), (1, 1)])
  func bandsAreTheRowsOfTheWhole(width: Int, height: Int) throws {
    let picture = patterned(width: 20, height: 13, channels: 3)
    for filter in [ResizeFilter.bicubic, .lanczos3, .bilinear] {
      let whole = try picture.resized(width: width, height: height, filter: filter)
      for rows in [1, 4, height] { #expect(inBands(picture, width, height, filter, rows: rows) == whole, "\(filter), \(rows) rows") }
    }
  }

  @Test func sixteenBitsKeepWhatEightLose() {
    let samples = (0..<64).map { UInt16($0 * 1000) }, resampling = BandResampling(from: (64, 1), to: (128, 1), filter: .bicubic)
    var result = [UInt16](repeating: 0, count: 128)
    samples.withUnsafeBufferPointer { source in
      result.withUnsafeMutableBufferPointer { resampling.resample(0..<1, from: source, into: $0, channels: 1) }
    }
    // A ramp stays a ramp, but for its ends.
    for index in 8..<120 { #expect(abs(Int(result[index]) - (index * 500 - 250)) <= 1) }
  }
}
