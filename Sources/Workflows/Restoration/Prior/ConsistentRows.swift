import Diffusion
import Tensors

/// The finish of a restoration by a prior: the result is made to degrade to its input, exactly, and to stay within black and white.
///
/// First by smooth differences, which show no boxes, then by what is left of them; where that leads beyond black or white, a box is brought
/// closer to its mean. An input with noise is left as it was sampled.
struct ConsistentRows: RowFinish {
  let degradation: LinearDegradation
  /// Whether the input is known without noise.
  let isExact: Bool
  let channels: Int

  private static let smoothRounds = 2, wholeRounds = 3
  /// Each smooth round looks one box further.
  var radius: Int { degradation.factor > 1 && isExact ? Self.smoothRounds * degradation.factor : 0 }

  /// The input at the size of the result, and with a mask a channel of what is known.
  func reference(_ rows: Range<Int>, of source: RestorationSourceRows) -> Tensor {
    let part = source.part(rows, 0..<(source.factor * source.degraded.width))
    let planes = [part.degraded] + (part.known.map { [$0] } ?? [])
    return degradation.repeated(.cat(planes, dim: 1))
  }

  func picture(_ x: Tensor, _ reference: Tensor) -> Tensor { (x + 1) / 2 }

  func finished(_ picture: Tensor, _ reference: Tensor, rows wanted: Range<Int>, drift: inout ColourDrift) throws -> Tensor {
    let x = isExact ? consistent(picture, reference) : picture.clamp(0...1)
    return x.narrow(2, wanted.lowerBound, wanted.count)
  }

  /// - Parameters: picture: `[1, C, rows, W]`, from 0 to 1 and beyond; reference: of the same rows.
  func consistent(_ picture: Tensor, _ reference: Tensor) -> Tensor {
    let factor = degradation.factor, (height, width) = (picture.size(2), picture.size(3))
    let y = degradation.observed(boxes(reference.narrow(1, 0, channels)))
    let known = reference.size(1) > channels ? boxes(reference.narrow(1, channels, 1)) : nil
    func lacking(_ x: Tensor) -> Tensor {
      let difference = y - degradation.degraded(x)
      return known.map { difference * $0 } ?? difference
    }
    var x = picture.clamp(0...1)
    for _ in 0..<(factor > 1 ? Self.smoothRounds : 0) {
      x = (x + lacking(x).interpolate(height: height, width: width, .bilinear)).clamp(0...1)
    }
    for _ in 0..<Self.wholeRounds { x = (x + degradation.repeated(lacking(x))).clamp(0...1) }
    let whole = x + degradation.repeated(lacking(x)), kept = contracted(whole, to: degradation.repeated(y))
    guard let known else { return kept }
    return .where(degradation.repeated(known).gt(0), kept, whole)
  }

  /// One pixel of each box, in which all are equal.
  private func boxes(_ x: Tensor) -> Tensor {
    let factor = degradation.factor
    return factor == 1 ? x : x.slice(2, 0..<x.size(2), step: factor).slice(3, 0..<x.size(3), step: factor)
  }

  /// Boxes closer to their mean, as far as it takes to lie within 0 and 1.
  private func contracted(_ x: Tensor, to mean: Tensor) -> Tensor {
    let away = x - mean, none = Tensor.zeros(like: away)
    let room = Tensor.where(away.gt(0), 1 - mean + none, mean + none)
    var excess = Tensor.where(away.eq(0), none, away.abs() / room)
    if degradation.factor > 1 { excess = excess.maxPool2d(degradation.factor) }
    if degradation.isGrey { excess = excess.max(1, keep: true) }
    return mean + away / degradation.repeated(excess.maximum(.ones(like: excess)))
  }
}
