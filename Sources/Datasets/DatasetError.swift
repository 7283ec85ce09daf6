import Archives
import Failures

/// Why a data set cannot be used: the file, what it holds, what was expected, what to do.
public struct DatasetError: ClassifiedError, Equatable, CustomStringConvertible {
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
    /// The pictures differ in size, and nothing says which size they shall have.
    case noCommonSize
    /// Images of a shape that cannot be made so many times smaller.
    case scale(Int, ImageShape)
    /// There is nothing to learn from.
    case noPictures
    /// The vectors of the sources of a mix differ in length; nil for a source without.
    case contextSizes([Int?])
    /// A picture whose vector has not as many finite numbers as the set's.
    case context(found: Int, expected: Int)
    /// Of so many pictures, one after the other, none could be used; what is wrong with the first.
    case nothingUsable(tried: Int, first: String)
    /// More than half of the pictures of an epoch cannot be used; what is wrong with the first.
    case mostlyUnusable(found: Int, of: Int, first: String)
    /// A picture cannot be used, and the recipe wants that to be an error.
    case unusable(String)
  }

  public let file: String
  public let problem: Problem

  public init(_ file: String, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  public var failure: Failure {
    switch problem {
    case .missing: .missing
    case .unreadable(let error): error.failure
    default: .data
    }
  }

  public var description: String {
    switch problem {
    case .missing(let files, let instructions): "no such file: \(files.joined(separator: ", ")); \(instructions)"
    case .unreadable(let error): error.description
    case .unusable(let report): "\(report); fix or remove it, or set loading.strict to false to train without it"
    default: "\(file): \(statement)"
    }
  }

  private var statement: String {
    switch problem {
    case .missing, .unreadable, .unusable: ""
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
    case .noCommonSize: "the pictures differ in size; give images.size, such as 64 or [96, 128]"
    case .scale(let scale, let shape):
      "images of \(shape.height) x \(shape.width) pixels cannot be made \(scale) times smaller; give images.size as multiples of \(scale)"
    case .noPictures: "there are no pictures"
    case .context(let found, let expected): "the vector of the picture has \(found) finite numbers, expected \(expected)"
    case .contextSizes(let sizes):
      "the sources' pictures come with vectors of different lengths (\(sizes.map { $0.map(String.init) ?? "none" }.joined(separator: ", "))),"
        + " expected one length for all"
    case .nothingUsable(let tried, let first): "none of \(tried) pictures, one after the other, can be used; the first: \(first)"
    case .mostlyUnusable(let found, let count, let first):
      "\(found) of \(count) pictures cannot be used, more than half; the first: \(first)"
    }
  }

  private static func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " x ") }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: " ")
  }
}
