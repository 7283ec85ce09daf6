import Tensors

/// The noise of a part of one picture, by position (`Tensor.positionalNoise`): the parts of a picture draw what the whole would.
///
/// Step 0 is the start, step k + 1 the sampler's step k, as `SamplingRun` counts them.
public struct PositionalNoise: NoiseSource {
  public let seed: Seed
  /// The part, in pixels of the whole picture.
  public let rows: Range<Int>, columns: Range<Int>
  private let isTurned: Bool
  private var step: Int, draw = 0

  /// - Parameter isTurned: whether these rows are columns of the picture and the other way round: the same noise, transposed.
  public init(seed: Seed, rows: Range<Int>, columns: Range<Int>, step: Int = 0, isTurned: Bool = false) {
    (self.seed, self.rows, self.columns, self.step, self.isTurned) = (seed, rows, columns, step, isTurned)
  }

  public mutating func normal(_ shape: [Int]) -> Tensor {
    guard shape.count == 4, shape[0] == 1, shape[2] == rows.count, shape[3] == columns.count else {
      let message = "noise of one picture of \(rows.count) x \(columns.count) was asked for the shape \(shape)"
      return Tensor(failing: TorchFault(operation: "normal", message: message))
    }
    defer { draw += 1 }
    guard isTurned else {
      return .positionalNoise(seed: seed, step: step, draw: draw, rows: rows, columns: columns, channels: shape[1])
    }
    return Tensor.positionalNoise(seed: seed, step: step, draw: draw, rows: columns, columns: rows, channels: shape[1]).transpose(2, 3)
  }

  public mutating func stepEnded(_ shape: [Int]) { (step, draw) = (step + 1, 0) }
}
