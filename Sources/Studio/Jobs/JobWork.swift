import Foundation

/// A job's work, made and pulled by the thread that computes.
protocol JobWork: AnyObject {
  /// Takes a step.
  /// - Returns: the completed share; nil when all is done.
  func next() throws -> Double?
  /// What there is to say beside the share.
  var message: String { get }
  /// Images a second.
  var rate: Double? { get }
  /// A picture of what there is so far as PNG; asked for at most once a second, nil where nothing is new.
  func preview() throws -> [UInt8]?
  /// The URL of a preview that the work wrote itself.
  var previewURL: String? { get }
  /// The lines of a log since the last call.
  func takeLog() -> [String]
  /// What is written so far, where it has changed since the last call.
  func takeResults() throws -> [JobResult]?
  /// Saves what can be resumed; called in place of further steps.
  func stop() throws
  /// Writes what is still to be written, and lists it.
  func finish() throws -> [JobResult]
}

extension JobWork {
  var rate: Double? { nil }
  var previewURL: String? { nil }
  func preview() throws -> [UInt8]? { nil }
  func takeLog() -> [String] { [] }
  func takeResults() throws -> [JobResult]? { nil }
  func stop() throws {}
}

/// A server-sent event.
enum ServerEvent {
  static let heartbeat = ": \n\n"

  static func text(_ name: String, _ data: String, id: Int? = nil) -> String {
    // Data of several lines would be several fields.
    let lines = data.split(separator: "\n", omittingEmptySubsequences: false).map { "data: \($0)\n" }.joined()
    return "event: \(name)\n\(id.map { "id: \($0)\n" } ?? "")\(lines)\n"
  }
}
