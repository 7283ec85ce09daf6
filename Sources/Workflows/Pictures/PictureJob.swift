/// Work on several pictures, pulled: those that cannot be processed are recorded, and the others are processed.
public protocol PictureJob: SteppedJob {
  /// The number of pictures.
  var count: Int { get }
  /// The files written so far.
  var written: [String] { get }
  var failures: [FailedPicture] { get }
}
