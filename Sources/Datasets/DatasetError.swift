import Archives

/// Why a data set cannot be used: the file, what it holds, what was expected, what to do.
public struct DatasetError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Problem: Equatable, Sendable {
    /// These files are not there; which ones to put where.
    case missing(files: [String], instructions: String)
    /// The file cannot be read, is cut short or damaged.
    case unreadable(ArchiveError)
    /// The first bytes are not those of an IDX file.
    case notIDX(start: [UInt8])
    /// An IDX file of other numbers than unsigned bytes, code 0x08.
    case elementType(UInt8)
    /// As many dimensions as this were expected, `found` are there.
    case rank(expected: String, found: Int)
    /// So many channels are no picture's.
    case channels(Int)
    /// A dimension is zero, or all of them together are more than is accepted.
    case impossibleShape([Int], limit: Int)
    /// The header promises more bytes than follow it.
    case tooFewBytes(shape: [Int], expected: Int, found: Int)
    /// More bytes follow the header than it promises.
    case tooManyBytes(shape: [Int], expected: Int)
    /// As many labels as images are expected.
    case labelCount(labels: Int, images: Int, imagesFile: String)
    /// The label of the example at `index` lies outside the classes.
    case label(UInt8, index: Int, accepted: ClosedRange<Int>)
    /// The images are larger than the size they shall be padded to.
    case padding(height: Int, width: Int, padTo: Int)
  }

  public let file: String
  public let problem: Problem

  public init(_ file: String, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  public var description: String {
    switch problem {
    case .missing(let files, let instructions): "no such file: \(files.joined(separator: ", ")); \(instructions)"
    case .unreadable(let error): error.description
    default: "\(file): \(statement)"
    }
  }

  private var statement: String {
    switch problem {
    case .missing, .unreadable: ""
    case .notIDX(let start):
      "is not an IDX file: it begins with the bytes \(Self.hex(start)), expected 00 00 08 and the number of dimensions"
    case .elementType(let code): "holds numbers of type \(Self.hex([code])), expected unsigned bytes, type 08"
    case .rank(let expected, let found): "holds \(found) dimension\(found == 1 ? "" : "s"), expected \(expected)"
    case .channels(let found): "holds images of \(found) channels, expected 1 to 4"
    case .impossibleShape(let shape, let limit):
      "says that it holds \(Self.text(shape)) bytes; expected no 0 and at most \(limit) bytes in all"
    case .tooFewBytes(let shape, let expected, let found):
      "says that it holds \(Self.text(shape)) = \(expected) bytes, but only \(found) follow the header; get it again"
    case .tooManyBytes(let shape, let expected):
      "says that it holds \(Self.text(shape)) = \(expected) bytes, but more follow the header; get it again"
    case .labelCount(let labels, let images, let imagesFile):
      "holds \(labels) labels, but \(imagesFile) holds \(images) images; expected the same number, do they belong together?"
    case .label(let value, let index, let accepted):
      "label \(index) is \(value), expected \(accepted.lowerBound) to \(accepted.upperBound);"
        + " set first_label and class_names in the recipe to what the file holds"
    case .padding(let height, let width, let padTo):
      "holds images of \(height) x \(width) pixels, which cannot be padded to \(padTo); set pad_to to \(max(height, width)) or more"
    }
  }

  private static func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " x ") }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: " ")
  }
}
