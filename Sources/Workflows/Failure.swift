import Archives
import Checkpoints
import Datasets
import Diffusion
import Imaging
import NN
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
    case let error as CheckpointError: category(error.kind)
    case let error as DatasetError: category(error.problem)
    case let error as SourceError: category(error.kind)
    case let error as ArchiveError: category(error.problem)
    case let error as ImagingError: category(error.reason)
    case let error as RecipeError where error.isMissingFile: .missing
    case let error as RecognitionError: if case .unreadable = error.problem { .io } else { .data }
    case is NPYError, is ArrayError, is CIFARError: .data
    case is RecipeError, is SafetensorsError, is DiffusionError, is StateMismatch, is TrainingError: .data
    default: .internal
    }
  }

  private static func category(_ kind: CheckpointError.Kind) -> Failure {
    switch kind {
    case .missing: .missing
    case .invalid, .optimizerState: .data
    case .ambiguous: .usage
    case .io: .io
    }
  }

  private static func category(_ kind: SourceError.Kind) -> Failure {
    switch kind {
    case .missing: .missing
    case .invalid: .data
    case .io: .io
    }
  }

  private static func category(_ problem: DatasetError.Problem) -> Failure {
    switch problem {
    case .missing: .missing
    case .unreadable(let error): category(error.problem)
    default: .data
    }
  }

  private static func category(_ problem: ArchiveError.Problem) -> Failure {
    switch problem {
    case .notFound, .noEntry: .missing
    case .unreadable, .unwritable: .io
    default: .data
    }
  }

  private static func category(_ reason: ImagingError.Reason) -> Failure {
    switch reason {
    case .libraryMissing, .missing: .missing
    case .unreadable, .unwritable: .io
    default: .data
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

  /// A checkpoint that is not of the network that a recipe describes.
  /// - Parameters:
  ///   - network: the recipe, for messages: `network adm_unet`, `preset adm-lsun-cat`.
  ///   - evidence: what the checkpoint's shapes say of the recipe.
  ///   - witness: what says otherwise.
  init(
    _ mismatch: StateMismatch, checkpoint: String, network: String, evidence: RecipeEvidence? = nil, against witness: String = "its recipe"
  ) {
    let reasons = (evidence?.contradictions ?? []).map {
      "\n  by its shapes the checkpoint has \($0.field): \($0.checkpoint); \(witness) says \($0.recipe)"
    }
    self.init(.data, "checkpoint \(checkpoint) does not fit \(network)\n  \(mismatch)" + reasons.joined())
  }
}
