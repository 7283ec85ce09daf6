import Tensors

/// A mapped picture as a run goes through it: by rows, or by columns where it is so wide that a row of tiles would be large. Rows, columns,
/// heights and widths are those of the run.
struct OrientedPicture {
  private let picture: MappedPicture
  /// Whether the run's rows are the picture's columns.
  private let isTurned: Bool

  init(_ picture: MappedPicture, isTurned: Bool) { (self.picture, self.isTurned) = (picture, isTurned) }

  var width: Int { isTurned ? picture.height : picture.width }
  var height: Int { isTurned ? picture.width : picture.height }
  var channels: Int { picture.channels }
  var wasKept: Bool { picture.wasKept }

  /// The counterpart of `MappedPicture.readMirrored`.
  func read(rows: Range<Int>, columns: Range<Int>) -> Tensor {
    isTurned
      ? picture.readMirrored(rows: columns, columns: rows).transpose(2, 3) : picture.readMirrored(rows: rows, columns: columns)
  }

  func write(_ tensor: Tensor, row: Int) throws {
    if isTurned { try picture.write(tensor.transpose(2, 3), row: 0, column: row) } else { try picture.write(tensor, row: row) }
  }

  /// Brings rows to the disk, and lets the system take their memory.
  func settle(rows: Range<Int>) throws {
    let stored = isTurned ? 0..<picture.height : rows
    try picture.synchronize(rows: stored)
    picture.release(rows: stored)
  }
}
