import Archives
import Failures
import Foundation

/// Why a data set cannot be used: the file, what it holds, what was expected, what to do.
public struct DatasetError: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Problem: Equatable, Sendable {
    /// A problem that only one place meets: its class, and what is wrong in words.
    case described(Failure, String)

    // Files
    /// These files are not there; which ones to put where.
    case missing(files: [String], instructions: String)
    /// Some of the files that belong together are not there.
    case incomplete(missing: [String])
    /// The file cannot be read, is truncated or damaged.
    case unreadable(ArchiveError)
    /// Nothing at the path is a data set; what it is instead, where that is known.
    case unrecognised(ForeignFormat?)
    /// A file of labels, without the images.
    case labelsAlone
    /// More than one could be meant, or none.
    case several([String], what: String)

    // Shapes
    /// An array in an IDX file has another number of dimensions than `expected`.
    case rank(expected: String, found: Int)
    /// No picture has this number of channels.
    case channels(Int)
    /// A dimension is zero, or all of them together are more than is accepted.
    case impossibleShape([Int], limit: Int)
    /// The header promises more bytes than follow it.
    case tooFewBytes(shape: [Int], expected: Int, found: Int)
    /// More bytes follow the header than it promises.
    case tooManyBytes(shape: [Int], expected: Int)
    /// The first bytes are not those of an IDX file.
    case notIDX(start: [UInt8])
    /// An IDX file of other numbers than unsigned bytes, code 0x08.
    case elementType(UInt8)
    /// A length that is not a multiple of a record's.
    case length(Int, record: Int)

    // Arrays
    /// An archive of arrays, of which none is known to hold what is wanted.
    case whichArray(there: [String])
    /// Images of this shape have no axis for channels, or two.
    case layout([Int])
    /// The layout that the recipe names does not fit the shape.
    case notOfLayout(String, [Int])
    /// An array without elements, or pictures of too many pixels.
    case size([Int])
    /// Labels or contexts of another shape.
    case shape([Int], expected: String)
    /// Floats whose black and white do not follow from the smallest and the largest.
    case range(low: Double, high: Double)
    /// A sample that is not in the range.
    case sample(Double, picture: Int, low: Double, high: Double)

    // Labels and contexts
    /// The number of labels differs from that of the images.
    case count(what: String, found: Int, images: Int, imagesFile: String)
    /// No class has this number.
    case label(Double, index: Int, expected: String)
    /// A row of numbers that is not one 1 among zeros.
    case oneHot(index: Int)
    /// The number of class names differs from that of the classes.
    case classNames(Int, expected: Int)
    /// A context that holds something else than finite numbers.
    case contextNotFinite(index: Int)
    /// A picture whose context has not as many finite numbers as the set's.
    case context(found: Int, expected: Int)
    /// The contexts of the sources of a mix differ in length; nil for a source without.
    case contextSizes([Int?])

    // Pictures
    /// The pictures differ in size, and the recipe gives none.
    case noCommonSize
    /// Images of a shape that cannot be reduced by this factor.
    case scale(Int, ImageShape)
    case noPictures
    /// None of this many pictures in a row can be used; what is wrong with the first.
    case nothingUsable(tried: Int, first: String)
    /// More than half of the pictures of an epoch cannot be used; what is wrong with the first.
    case mostlyUnusable(found: Int, of: Int, first: String)
    /// A picture cannot be used, and the recipe wants that to be an error.
    case unusable(String)
  }

  /// A path, or a path with a line: "labels.csv:12".
  public let file: String
  public let problem: Problem

  public init(_ file: String, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  /// A problem that only one place meets.
  init(_ failure: Failure, _ file: String, _ message: String) { self.init(file, .described(failure, message)) }

  /// What the system refused, in its words.
  /// - Parameter code: its `errno`.
  static func system(_ file: String, _ code: Int32) -> DatasetError {
    DatasetError(code == ENOENT ? .missing : .io, file, "cannot be read: \(String(cString: strerror(code)).lowercased())")
  }

  public var failure: Failure {
    switch problem {
    case .described(let failure, _): failure
    case .missing: .missing
    case .unreadable(let error): error.failure
    default: .data
    }
  }
}
