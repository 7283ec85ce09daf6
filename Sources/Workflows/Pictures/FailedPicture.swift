import Failures
import Imaging

/// A picture that could not be processed, among others that were.
public struct FailedPicture: Encodable, Sendable, Equatable {
  public let file: String, problem: String

  /// Nil for an error that concerns more than this picture, such as a disk that cannot be written: it ends the work.
  init?(_ file: String, _ error: any Error) {
    switch error {
    case let error as ImagingError:
      if case .unwritable = error.problem { return nil }
    case let error as SfumatoError:
      if error.failure != .data { return nil }
    default: return nil
    }
    (self.file, problem) = (file, "\(error)")
  }
}
