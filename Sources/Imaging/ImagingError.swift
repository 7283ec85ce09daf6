import Failures

/// What kept a picture from being read, made or written: the file, why, and what to do about it.
public struct ImagingError: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Problem: ClassifiedError, Equatable {
    /// No libvips could be opened. Each attempt names a place and what was wrong with it.
    case libraryMissing(attempts: [String])
    /// There is no such file.
    case missing
    /// The file cannot be read: a folder, no permission. In the words of the system.
    case unreadable(String)
    /// There is nothing in the file.
    case empty
    /// No decoder knows the first bytes; the format that they are of, where it is known.
    case notAPicture(ForeignFormat?)
    /// The header promises more pixels than are accepted, so nothing was decoded.
    case tooLarge(width: Int, height: Int, limit: Int)
    /// The header promises rows of more pixels than are accepted, so nothing was decoded.
    case tooWide(Int, limit: Int)
    /// A picture of a kind that an 8-bit image of 1 to 4 channels cannot hold.
    case unsupported(String)
    /// The decoder gave up: truncated, corrupt. In the words of the decoder.
    case undecodable(String)
    /// The encoder refused. In the words of the encoder.
    case unencodable(String)
    /// The file cannot be written. In the words of the system.
    case unwritable(String)
    /// A value that the operation cannot work with.
    case invalid(String)
  }

  /// The file as it was named by the caller; nil for bytes in memory that have no name.
  public let file: String?
  public let problem: Problem

  public init(file: String? = nil, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  /// What to do about it, where that is known.
  public var hint: String? {
    switch problem {
    case .libraryMissing: "run ./dev setup, or name a libvips of version 8.14 or later in LIBVIPS"
    case .notAPicture(nil): "PNG, JPEG, WebP, GIF, TIFF, AVIF, PGM and PPM can be read"
    case .notAPicture(.otherPicture), .notAPicture(.pdf): "save it as PNG or JPEG"
    case .notAPicture(.film): "save its frames as PNG or JPEG"
    case .notAPicture: nil
    case .tooLarge, .tooWide: "make it smaller with another program first"
    case .undecodable: "the file is probably truncated or damaged; get it again"
    case .missing, .empty, .unreadable, .unsupported, .unencodable, .unwritable, .invalid: nil
    }
  }

  public var failure: Failure { problem.failure }

  public var description: String {
    let subject = file.map { "\($0): " } ?? ""
    return subject + message + (hint.map { "; \($0)" } ?? "")
  }

  private var message: String {
    switch problem {
    case .libraryMissing(let attempts):
      "libvips, which reads and writes pictures, was not found (\(attempts.joined(separator: "; ")))"
    case .missing: "there is no such file"
    case .unreadable(let why): "cannot be read: \(why)"
    case .empty: "is empty, expected a picture"
    case .notAPicture(nil): "is not a picture of a known format"
    case .notAPicture(let foreign?): foreign.problem(expected: "a picture")
    case .tooLarge(let width, let height, let limit):
      "has \(width) x \(height) pixels, at most \(limit) in all are accepted"
    case .tooWide(let width, let limit): "has rows of \(width) pixels, at most \(limit) are accepted"
    case .unsupported(let what): "cannot be used: \(what)"
    case .undecodable(let why): "cannot be decoded: \(why)"
    case .unencodable(let why): "cannot be encoded: \(why)"
    case .unwritable(let why): "cannot be written: \(why)"
    case .invalid(let what): what
    }
  }
}

extension ImagingError.Problem {
  public var failure: Failure {
    switch self {
    case .libraryMissing, .missing: .missing
    case .unreadable, .unwritable: .io
    default: .data
    }
  }
}
