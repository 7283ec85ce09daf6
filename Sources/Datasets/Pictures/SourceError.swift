import Failures
import Foundation

/// Why pictures in a folder or an archive cannot be used as a data set: the place, what was met, what was expected, what to do.
public struct SourceError: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// There is no such file or folder.
    case missing
    /// It is not what it should be.
    case invalid
    /// The system refused to read.
    case io
  }
  public let kind: Kind
  /// A path, or a path with a line: "labels.csv:12".
  public let place: String
  public let message: String

  public init(_ kind: Kind, _ place: String, _ message: String) {
    self.kind = kind
    self.place = place
    self.message = message
  }

  /// What the system refused, in its words.
  /// - Parameter code: its `errno`.
  static func system(_ place: String, _ code: Int32) -> SourceError {
    SourceError(code == ENOENT ? .missing : .io, place, "cannot be read: \(String(cString: strerror(code)).lowercased())")
  }

  public var failure: Failure {
    switch kind {
    case .missing: .missing
    case .invalid: .data
    case .io: .io
    }
  }

  public var description: String { "\(place): \(message)" }
}
