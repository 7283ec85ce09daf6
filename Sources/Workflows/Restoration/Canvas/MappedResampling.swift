import Imaging
import Tensors

/// A mapped picture at another size by bicubic resampling, computed by bands: in memory for a band alone. Numbers are not rounded, unlike those
/// of `MappedPicture.resample`, which gives what training sees.
public struct MappedResampling {
  public let source: MappedPicture
  public var width: Int { columns.new }
  public var height: Int { rows.new }
  private let rows: ResamplingLine, columns: ResamplingLine
  /// Pixels that one product of matrices gives.
  private static let block = 64

  public init(_ source: MappedPicture, width: Int, height: Int) {
    self.source = source
    rows = ResamplingLine(from: source.height, to: height)
    columns = ResamplingLine(from: source.width, to: width)
  }

  /// Rows of the new size, `[1, C, rows, width]` float32, in the units of `MappedPicture.read`.
  /// - Precondition: they lie in the picture, and are not empty.
  public func read(rows band: Range<Int>) -> Tensor {
    .cat(Self.blocks(band).map { across(down($0)) }, dim: 2)
  }

  private func down(_ band: Range<Int>) -> Tensor {
    let old = rows.source(of: band)
    return Tensor(rows.weights(of: band), [band.count, old.count]).matmul(source.read(rows: old, columns: 0..<source.width))
  }

  private func across(_ x: Tensor) -> Tensor {
    let parts = Self.blocks(0..<width).map { block in
      let old = columns.source(of: block)
      return x.narrow(3, old.lowerBound, old.count).matmul(Tensor(columns.weights(of: block), [block.count, old.count]).transpose(0, 1))
    }
    return .cat(parts, dim: 3)
  }

  private static func blocks(_ range: Range<Int>) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: block).map { $0..<min($0 + block, range.upperBound) }
  }
}
