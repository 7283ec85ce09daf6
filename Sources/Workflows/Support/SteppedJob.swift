/// Work that its caller pulls, a step at a time, and that writes files in some of its steps.
public protocol SteppedJob: AnyObject {
  /// Whether the next step writes a result; any other can be ended at any moment without leaving anything half written.
  var writesNext: Bool { get }
  /// - Returns: the completed fraction; nil when all is done.
  func next() throws -> Double?
}
