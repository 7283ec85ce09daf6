/// Work on several pictures, pulled: those that cannot be processed are recorded, and the others are processed.
public protocol PictureJob: AnyObject {
  /// The number of pictures.
  var count: Int { get }
  /// The files written so far.
  var written: [String] { get }
  var failures: [FailedPicture] { get }
  /// Whether the next step writes a result; any other can be ended at any moment without leaving anything half written.
  var writesNext: Bool { get }
  /// - Returns: the completed fraction; nil when all pictures are done.
  func next() throws -> Double?
}
