import Failures
import Foundation

/// Why a checkpoint could not be read or written.
public struct CheckpointError: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Problem: Sendable, Equatable {
    /// There is no such file.
    case missing
    /// The file is not what it should be.
    case invalid
    /// The file holds several candidates, and no rule decides.
    case ambiguous
    /// The file holds no member of the name that was asked for.
    case noMember
    /// The file holds the state of an optimizer, not a model.
    case optimizerState
    /// The system refused to read or write.
    case io
  }
  public let problem: Problem
  public let path: String
  public let message: String

  public init(_ problem: Problem, _ path: String, _ message: String) {
    self.problem = problem
    self.path = path
    self.message = message
  }

  /// What the system refused, in its words.
  /// - Parameter code: its `errno`.
  public static func io(_ path: String, _ what: String, _ code: Int32) -> CheckpointError {
    let hint = code == ENOSPC || code == EDQUOT || code == EFBIG ? "; what was there before is untouched, free some space and resume" : ""
    return CheckpointError(code == ENOENT ? .missing : .io, path, "\(what): \(String(cString: strerror(code)))\(hint)")
  }

  public var failure: Failure {
    switch problem {
    case .missing: .missing
    case .invalid, .noMember, .optimizerState: .data
    case .ambiguous: .usage
    case .io: .io
    }
  }

  public var description: String { "\(path): \(message)" }
}
