import Failures
import Workflows

/// Drives long-running work: pulls one step at a time, shows progress, lets the command print or write after each step, and stops between
/// two steps after a signal.
struct LongWork {
  let title: String
  let quiet: Bool
  /// `.writing` if steps write files or `onStop` saves.
  var stage = Signals.Stage.computing
  /// Whether to stop before the next step.
  var isStopping: () -> Bool = { Interruption.isRequested }

  /// - Parameters:
  ///   - next: takes a step; returns the fraction that is done, nil at the end.
  ///   - detail: text for the progress bar beside the fraction, such as a rate or a loss.
  ///   - afterStep: called after each step, with the bar, which can make room for a line above it.
  ///   - onStop: called after a signal has stopped the work, also one that came before its first step; saves what has to be saved.
  /// - Throws: `Failure.interrupted` if a signal stopped the work; errors of the closures.
  func run(
    _ next: () throws -> Double?, detail: () -> String = { "" }, afterStep: (inout ProgressBar) throws -> Void = { _ in },
    onStop: () throws -> Void = {}
  ) throws {
    Signals.change(to: stage)
    Signals.announce(stage == .writing && !quiet)
    defer { Signals.announce(false) }
    var bar = ProgressBar(title, quiet: quiet)
    defer { bar.finish() }
    while !isStopping() {
      guard let fraction = try next() else { return }
      bar.show(fraction, detail())
      try afterStep(&bar)
    }
    bar.finish()
    try onStop()
    throw Failure.interrupted
  }
}

extension LongWork {
  /// Pulls a job. A step can take long: only those that write are waited for.
  static func run(
    _ title: String, pulling job: some SteppedJob, quiet: Bool, detail: () -> String = { "" },
    afterStep: (inout ProgressBar) throws -> Void = { _ in }
  ) throws {
    try LongWork(title: title, quiet: quiet).run(
      {
        try Signals.enter(job.writesNext ? .writing : .computing)
        return try job.next()
      }, detail: detail, afterStep: afterStep)
  }

  /// Processes pictures, and prints each failure once.
  static func run(_ title: String, _ job: some PictureJob, quiet: Bool) throws {
    var reported = 0
    func report() {
      for failure in job.failures[reported...] { Console.error(failure.problem) }
      reported = job.failures.count
    }
    report()
    try run(title, pulling: job, quiet: quiet) {
      "\(job.written.count) of \(job.count) pictures"
    } afterStep: { bar in
      guard job.failures.count > reported else { return }
      bar.makeRoom()
      report()
    }
  }
}
