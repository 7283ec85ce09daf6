import Failures

/// Why a file is no array that can be taken. Every message names the file.
public struct NPYError: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Problem: Error, Equatable, Sendable {
    /// The first bytes are others.
    case notAnArray
    /// The file ends before its header does.
    case cutShort
    /// The header says that it is so long.
    case headerLength(Int)
    /// The header, or the beginning of it.
    case header(String)
    /// Python objects, by numpy's code.
    case objects(String)
    /// Records of several numbers.
    case structured
    /// Numbers of another type, by numpy's code.
    case elementType(String)
    /// More numbers than can be counted.
    case tooLarge([Int])
    /// Fewer or more bytes follow the header than the shape takes.
    case byteCount(shape: String, expected: Int, found: Int)
  }

  public let file: String
  public let problem: Problem

  public init(_ file: String, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  public var failure: Failure { .data }

  public var description: String { "\(file): \(statement)" }

  /// What is wrong, without the file.
  public var statement: String {
    switch problem {
    case .notAnArray: "expected an array of numpy (.npy, version 1 to 3), found something else"
    case .cutShort: "ends within its header; get it again"
    case .headerLength(let length): "has a header of \(length) bytes; at most \(1 << 16) are accepted"
    case .header(let text): "the header is not understood: \(text)"
    case .objects(let code):
      "expected numbers, found \(code), Python objects: they are stored as a pickle, and no pickle is executed; save numbers instead"
    case .structured: "expected plain numbers, found records of several fields; save each field as an array of its own"
    case .elementType(let code): "expected booleans, whole numbers, or floats of 2, 4 or 8 bytes, found \(code)"
    case .tooLarge(let shape): "the shape \(shape) is beyond all bounds"
    case .byteCount(let shape, let expected, let found): "expected \(expected) bytes for the shape \(shape), found \(found)"
    }
  }
}
