import Failures

/// Drives everything that takes long: pulls a step, shows how far the work is, lets the command say or write what is due, and stops
/// between two steps when a signal asks for it.
struct LongWork {
  let title: String
  let quiet: Bool
  /// `.writing` where a step writes, or where `onStop` saves.
  var stage = Signals.Stage.computing

  /// - Parameters:
  ///   - next: takes a step; returns the fraction that is done, nil at the end.
  ///   - detail: what the progress bar says beside the fraction, such as a rate or a loss.
  ///   - afterStep: called after each step, with the bar for making room for a line above it.
  ///   - onStop: called when a signal stops the work, before the bar's line is left: what has to be saved is saved here.
  /// - Throws: `Failure.interrupted` when a signal stopped the work; what the closures throw.
  func run(
    _ next: () throws -> Double?, detail: () -> String = { "" }, afterStep: (inout ProgressBar) throws -> Void = { _ in },
    onStop: () throws -> Void = {}
  ) throws {
    try Signals.enter(stage)
    var bar = ProgressBar(title, quiet: quiet)
    defer { bar.finish() }
    while !Interruption.isRequested {
      guard let fraction = try next() else { return }
      bar.show(fraction, detail())
      try afterStep(&bar)
    }
    bar.finish()
    try onStop()
    throw Failure.interrupted
  }
}
