import Tensors

/// A part of what is to be restored, as a method sees it.
struct RestorationInput {
  /// The degraded picture, `[N, C, h, w]`, from 0 to 1; the result is `factor` times as large.
  var degraded: Tensor
  /// 1 where that is known, 0 where it is to be made up, `[N, 1, h, w]`; nil where all is known.
  var known: Tensor?
  /// Of the corruptions, from 0 to 1.
  var strengths: [Double]

  /// Rows for columns.
  var transposed: RestorationInput {
    RestorationInput(degraded: degraded.transpose(2, 3), known: known?.transpose(2, 3), strengths: strengths)
  }

  /// The parts of one picture as a batch.
  static func batch(_ parts: [RestorationInput]) -> RestorationInput {
    let known = parts.compactMap(\.known)
    return RestorationInput(
      degraded: .cat(parts.map(\.degraded), dim: 0), known: known.isEmpty ? nil : .cat(known, dim: 0), strengths: parts[0].strengths)
  }
}

/// The whole of what is to be restored, in the orientation of a run.
struct RestorationSourceRows {
  let degraded: OrientedPicture
  /// One channel.
  let known: OrientedPicture?
  let strengths: [Double]
  /// How many times larger the result is.
  let factor: Int

  /// The part under rows and columns of the result, whose bounds are multiples of `factor`; mirrored beyond the border.
  func part(_ rows: Range<Int>, _ columns: Range<Int>) -> RestorationInput {
    let down = (rows.lowerBound / factor)..<(rows.upperBound / factor),
      across = (columns.lowerBound / factor)..<(columns.upperBound / factor)
    return RestorationInput(
      degraded: degraded.read(rows: down, columns: across), known: known?.read(rows: down, columns: across), strengths: strengths)
  }
}
