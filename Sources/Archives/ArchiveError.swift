import Failures

/// Why an archive or a compressed file could not be read or written. Every message names the file.
public struct ArchiveError: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Problem: Equatable, Sendable {
    case notFound
    /// A directory, a socket, a device.
    case notAFile
    /// The system refused; its words.
    case unreadable(String)
    /// The system refused to write.
    case unwritable(String)
    /// The data end before the announced length, or before the requested count.
    case truncated(String)
    /// A checksum or the structure is wrong.
    case damaged(String)
    /// This many bytes, or at least that many, follow the end.
    case trailingBytes(Int)
    /// More bytes than the caller accepts.
    case overLimit(Int)
    /// An entry was read after its reader had moved on.
    case entryPassed
    /// The archive has no entry of that name, but these.
    case noEntry(there: [String])
    /// An archive that is hostile or of a kind that is not read, such as an encrypted entry or a name that leads elsewhere.
    case unsupported(String)
    /// More bytes than may be kept in memory, as those of a compressed tar must be.
    case tooMuchToHold(Int)
    /// A compressed file of so many bytes unpacks to more than is taken from one of that size.
    case expansion(packed: Int, limit: Int)
  }

  public let path: String
  /// The entry of the archive, where one is concerned.
  public let entry: String?
  public let problem: Problem

  init(_ path: String, _ problem: Problem, entry: String? = nil) {
    self.path = path
    self.problem = problem
    self.entry = entry
  }

  public var failure: Failure {
    switch problem {
    case .notFound, .noEntry: .missing
    case .unreadable, .unwritable: .io
    default: .data
    }
  }

  public var description: String {
    let place = entry.map { "\(path), entry '\($0)'" } ?? path
    switch problem {
    case .notFound: return "\(place): no such file"
    case .notAFile: return "\(place): is a folder, a pipe or a device; expected a file"
    case .unreadable(let reason): return "\(place): cannot be read: \(reason)"
    case .unwritable(let reason): return "\(place): cannot be written: \(reason)"
    case .truncated(let detail): return "\(place): the file is truncated: \(detail); get it again"
    case .damaged(let detail): return "\(place): the file is damaged: \(detail); get it again"
    case .trailingBytes(let count): return "\(place): \(count) or more bytes follow where the data should end; expected none"
    case .overLimit(let limit): return "\(place): holds more than the \(limit) bytes that are accepted here"
    case .noEntry(let names):
      let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", … (\(names.count))" : "")
      return "\(place): there is no such entry; the archive holds \(names.isEmpty ? "no files" : shown)"
    case .unsupported(let what): return "\(place): \(what)"
    case .tooMuchToHold(let limit):
      return "\(place): a compressed tar is kept in memory, and it holds more than the \(limit) bytes that are accepted;"
        + " unpack it, or make it a zip or an uncompressed tar"
    case .expansion(let packed, let limit):
      return "\(place): its \(packed) bytes unpack to more than \(limit), which is all that is taken from a compressed file of that size;"
        + " if that is meant, unpack it first, or save it without compression"
    case .entryPassed: return "\(place): read after the archive's reader had moved to the next entry"
    }
  }
}
