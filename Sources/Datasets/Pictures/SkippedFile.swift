/// Something that lies where a data set's pictures do and was left out of it.
public struct SkippedFile: Codable, Sendable, Equatable, CustomStringConvertible {
  /// Relative to the set's path; for a table of labels its name and line.
  public let name: String
  public let reason: String

  public init(name: String, reason: String) {
    self.name = name
    self.reason = reason
  }

  public var description: String { "\(name): \(reason)" }
}
