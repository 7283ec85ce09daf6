import Diffusion
import Tensors

/// The finish of a trained restoration: low frequencies are held at those of the degraded picture.
///
///     out += G u − G out,      G a Gaussian of 13 pixels, u the degraded picture
///
/// A network that sees tiles, or starts from noise, may be off by a level or two over large areas; details it is trusted with.
struct ColourCorrection: RowFinish {
  /// What is diffused in place of pictures; nil where pictures are.
  let residual: Residual?
  /// Whether rows are corrected; their drift is measured all the same.
  let isOn: Bool
  let radius = LowFrequencies.radius

  /// The degraded picture at the size of the result.
  func reference(_ rows: Range<Int>, of source: RestorationSourceRows) -> Tensor {
    let (degraded, factor) = (source.degraded, source.factor)
    guard factor > 1 else { return degraded.read(rows: rows, columns: 0..<degraded.width) }
    // With a row more at each end, for the rows between.
    let small = max(rows.lowerBound / factor - 1, 0)..<min((rows.upperBound - 1) / factor + 2, degraded.height)
    let part = degraded.read(rows: small, columns: 0..<degraded.width)
    return part.interpolate(height: factor * small.count, width: factor * degraded.width, .bilinear)
      .narrow(2, rows.lowerBound - factor * small.lowerBound, rows.count)
  }

  func picture(_ x: Tensor, _ reference: Tensor) -> Tensor {
    let decoded = residual?.decode(x, from: 2 * reference - 1) ?? x.clamp(-1...1)
    return (decoded + 1) / 2
  }

  func finished(_ picture: Tensor, _ reference: Tensor, rows wanted: Range<Int>, drift: inout ColourDrift) throws -> Tensor {
    let low = LowFrequencies.of(picture - reference, rows: wanted), rows = picture.narrow(2, wanted.lowerBound, wanted.count)
    try drift.add(low)
    return isOn ? (rows - low).clamp(0...1) : rows
  }
}
