import Archives
import Checkpoints
import Datasets
import Diffusion
import Imaging
import RecipeKit
import Tensors
import Training

/// What kind of failure an error is: whoever shows it chooses an exit code or a status by this.
public enum Failure: Error, Sendable, Equatable {
  /// The request makes no sense.
  case usage
  /// A file or a recipe is not what it should be.
  case data
  /// A file is not there.
  case missing
  /// The program's own fault, or memory ran out.
  case `internal`
  /// The system refused to read or write.
  case io
  /// The user stopped it.
  case interrupted

  public static func category(of error: any Error) -> Failure {
    switch error {
    case let error as Failure: error
    case let error as WorkflowError: error.failure
    case let error as CheckpointError:
      switch error.kind {
      case .missing: .missing
      case .invalid: .data
      case .io: .io
      }
    case is RecipeError, is SafetensorsError, is DiffusionError: .data
    case let error as DatasetError: if case .missing = error.problem { .missing } else { .data }
    default: .internal
    }
  }
}

/// A request that cannot be met, in words for whoever made it.
public struct WorkflowError: Error, Sendable, Equatable, CustomStringConvertible {
  public let failure: Failure
  public let description: String

  public init(_ failure: Failure, _ description: String) {
    self.failure = failure
    self.description = description
  }
}
