/// The class of an error: the exit code of a command and the status of an HTTP response follow from it.
public enum Failure: ClassifiedError, Equatable {
  /// The request makes no sense.
  case usage
  /// A file or a recipe is not what it should be.
  case data
  /// A file does not exist.
  case missing
  /// A bug in the program.
  case `internal`
  /// The machine has not enough memory.
  case memory
  /// The system refused to read or write.
  case io
  /// The user stopped the work.
  case interrupted

  public var failure: Failure { self }

  /// The class of any error. An error that does not classify itself counts as a bug.
  public init(of error: any Error) {
    self = (error as? any ClassifiedError)?.failure ?? .internal
  }

  /// The exit code of a program: those of BSD's sysexits.
  package var exitCode: Int32 {
    switch self {
    case .usage: 64
    case .data: 65
    case .missing: 66
    case .internal: 70
    case .memory: 71
    case .io: 74
    case .interrupted: 130
    }
  }
}

/// An error that says its own class. Every public error type of Sfumato is one; `ArchitectureTests` holds that.
public protocol ClassifiedError: Error {
  var failure: Failure { get }
}
