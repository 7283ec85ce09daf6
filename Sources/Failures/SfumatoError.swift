/// A request that cannot be met, in words for the user: what was found, what was expected, what to do.
public struct SfumatoError: ClassifiedError, Equatable, CustomStringConvertible {
  public let failure: Failure
  public let description: String

  public init(_ failure: Failure, _ description: String) {
    self.failure = failure
    self.description = description
  }
}
