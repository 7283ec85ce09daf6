import Failures

/// Why arrays are no data set: the file, what it holds, what was expected, what to do.
public struct ArrayError: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Problem: Equatable, Sendable {
    /// An archive of arrays, of which none is known to hold what is wanted.
    case whichArray(there: [String])
    /// Images of this shape have no place for channels, or two.
    case layout([Int])
    /// The layout that the recipe names does not fit the shape.
    case notOfLayout(String, [Int])
    /// An array of no elements, or pictures beyond all bounds.
    case size([Int])
    /// An array in column-major order that is too large to be put into the other.
    case columnMajor(bytes: Int)
    /// More bytes than are taken into memory.
    case overLimit(bytes: Int)
    /// Floats whose meaning cannot be told from the smallest and the largest.
    case range(low: Double, high: Double)
    /// A sample that is not in the range.
    case sample(Double, picture: Int, low: Double, high: Double)
    /// As many as images were expected.
    case count(what: String, found: Int, images: Int, imagesFile: String)
    /// Labels or contexts of another shape.
    case shape([Int], expected: String)
    /// No class has this number.
    case label(Double, index: Int, expected: String)
    /// A row of numbers that is not one 1 among zeros.
    case oneHot(index: Int)
    /// A context that holds something else than finite numbers.
    case context(index: Int)
  }

  public let file: String
  public let problem: Problem

  public init(_ file: String, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  public var failure: Failure { .data }

  public var description: String { "\(file): \(statement)" }

  private var statement: String {
    switch problem {
    case .whichArray(let there):
      "holds \(there.isEmpty ? "no arrays" : there.joined(separator: ", ")); expected arr_0, or one array of images;"
        + " name it in the path, as \(file)/NAME"
    case .layout(let shape):
      "has the shape \(shape), of which it cannot be told where the channels are; set layout to nhw, nhwc or nchw"
        + " (N pictures, H rows, W columns, C channels: 1 to 4)"
    case .notOfLayout(let layout, let shape): "has the shape \(shape), which is not \(layout) with 1 to 4 channels"
    case .size(let shape): "has the shape \(shape); expected at least one picture, of at least one pixel and at most \(1 << 28)"
    case .columnMajor(let bytes):
      "is in column-major order (fortran_order), and \(bytes) bytes are too many to put into the other;"
        + " save it anew by numpy.save(file, numpy.ascontiguousarray(array))"
    case .overLimit(let bytes):
      "is compressed and takes more than the \(bytes) bytes that it says or that are accepted; save it by numpy.savez, without compression"
    case .range(let low, let high):
      "holds numbers from \(low) to \(high), of which it cannot be told what is black and white; set range to unit (0 to 1),"
        + " signed (-1 to 1) or bytes (0 to 255)"
    case .sample(let value, let picture, let low, let high):
      "picture \(picture) holds \(value), expected \(low) to \(high); set range to unit (0 to 1), signed (-1 to 1) or bytes (0 to 255)"
    case .count(let what, let found, let images, let imagesFile):
      "holds \(found) \(what), but \(imagesFile) holds \(images) images; expected the same number, do they belong together?"
    case .shape(let shape, let expected): "has the shape \(shape), expected \(expected)"
    case .label(let value, let index, let expected): "label \(index) is \(value), expected \(expected)"
    case .oneHot(let index): "row \(index) is no class: expected a single 1, and 0 elsewhere"
    case .context(let index): "context \(index) holds what is no finite number"
    }
  }
}
