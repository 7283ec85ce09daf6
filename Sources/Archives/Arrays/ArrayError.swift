import Failures

/// Why an array of numpy cannot be read. Every message names the file.
public struct ArrayError: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Problem: ClassifiedError, Equatable {
    public var failure: Failure { .data }

    /// The first bytes are others; those of a format that is known, or nil.
    case notAnArray(ForeignFormat?)
    /// The file ends before its header does.
    case truncated
    /// The header says that it has this length.
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
    /// An array in column-major order that is too large to be reordered.
    case columnMajor(bytes: Int)
    /// A compressed array of more bytes than its header says.
    case overLimit(bytes: Int)
    /// A compressed array that takes too much of the memory.
    case compressed(bytes: Int, limit: Int)
    /// The archive holds no array of that name, or none at all, but these.
    case noArray(String?, there: [String])
  }

  public let file: String
  public let problem: Problem

  public init(_ file: String, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  public var failure: Failure { problem.failure }

  public var description: String { "\(file): \(message)" }

  private var message: String {
    switch problem {
    case .notAnArray(let foreign?): foreign.problem(expected: "an array of numpy (.npy, .npz)")
    case .notAnArray(nil): "expected an array of numpy (.npy, version 1 to 3), found something else"
    case .truncated: "ends within its header; get it again"
    case .headerLength(let length): "has a header of \(length) bytes; at most \(1 << 16) are accepted"
    case .header(let text): "the header cannot be read: \(text.count > 100 ? text.prefix(100) + "…" : text[...])"
    case .objects(let code):
      "expected numbers, found \(code), Python objects: they are stored as a pickle, and no pickle is executed; save numbers instead"
    case .structured: "expected plain numbers, found records of several fields; save each field as an array of its own"
    case .elementType(let code): "expected booleans, whole numbers, or floats of 2, 4 or 8 bytes, found \(code)"
    case .tooLarge(let shape): "the shape \(shape) has more elements than can be counted"
    case .byteCount(let shape, let expected, let found): "expected \(expected) bytes for the shape \(shape), found \(found)"
    case .columnMajor(let bytes):
      "is in column-major order (fortran_order), and \(bytes) bytes are too many to reorder in memory;"
        + " save it again with numpy.save(file, numpy.ascontiguousarray(array))"
    case .overLimit(let bytes):
      "is compressed and takes more than the \(bytes) bytes that its header says; get it again"
    case .compressed(let bytes, let limit):
      "is compressed and takes \(bytes) bytes in memory, at most \(limit) are accepted;"
        + " save it with numpy.savez, without compression, which is read where it lies"
    case .noArray(let name, let there):
      "expected an array\(name.map { " '\($0)'" } ?? ""), found \(there.isEmpty ? "no arrays" : there.joined(separator: ", "))"
    }
  }
}
