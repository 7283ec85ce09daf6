import Foundation
import Imaging

/// The middle of a picture before, enlarged by resampling alone, and after.
struct RestorationDetail {
  /// Side of the detail, in pixels of the result.
  static let side = 320

  let before: Image, after: Image

  /// - Parameters:
  ///   - before: the degraded colours, at their own size.
  ///   - after: the restored ones, of the same channels.
  init(before: MappedPicture, after: MappedPicture, isGrey: Bool) throws {
    let scale = Double(after.width) / Double(before.width), tall = Double(after.height) / Double(before.height)
    let (rows, columns) = before.center(side: max(1, Int(Double(Self.side) / max(scale, tall))))
    func scaled(_ range: Range<Int>, _ factor: Double, _ limit: Int) -> Range<Int> {
      let start = min(Int((Double(range.lowerBound) * factor).rounded()), limit - 1)
      return start..<max(start + 1, min(Int((Double(range.upperBound) * factor).rounded()), limit))
    }
    let wide = scaled(columns, scale, after.width), high = scaled(rows, tall, after.height)
    let channels = isGrey ? 1 : 3
    self.after = after.part(rows: high, columns: wide).narrow.withChannels(channels)
    self.before = try before.part(rows: rows, columns: columns).narrow.withChannels(channels)
      .resized(width: wide.count, height: high.count, filter: .bicubic)
  }
}
