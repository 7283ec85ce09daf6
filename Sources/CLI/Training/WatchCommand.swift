import ArgumentParser
import Failures
import Foundation
import Workflows

struct Watch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show how a training is coming along.",
    discussion: """
      The loss as a curve, its rate, the time left and the path of the last preview, again whenever the log grows, until the training \
      is finished. The folder may lie on another machine, mounted or copied: nothing but its files is needed. report.html in it has \
      more, for a browser.

      Examples:
        sfumato watch runs/pictures
        sfumato watch runs/pictures --once --json
      """)

  @Argument(help: "The run folder.")
  var folder: String

  @Flag(help: "Show it once and end.")
  var once = false

  @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "seconds"))
  var interval = 2.0

  @Flag(help: "Print results as JSON, an object for each look at which the log had grown.")
  var json = false

  func validate() throws {
    guard interval >= 0.1, interval <= 3600 else {
      throw ValidationError("--interval: expected 0.1 to 3600 seconds, found \(interval)")
    }
  }

  func run() throws {
    try Signals.enter(.computing)
    var shown: RunStatus?
    while true {
      let watch = try RunWatch(folder)
      if isNews(watch.status, after: shown) {
        try show(watch)
        shown = watch.status
      }
      if once || watch.status.state == .finished { return }
      try pause()
    }
  }

  /// What changes with the clock alone is none, but on a terminal.
  private func isNews(_ status: RunStatus, after shown: RunStatus?) -> Bool {
    guard var shown else { return true }
    if WatchView.isTerminal, !json { return true }
    shown.age = status.age
    return shown != status
  }

  /// Sleeps in slices, so that Control-C ends it at once.
  private func pause() throws {
    let end = ContinuousClock.now + .seconds(interval)
    while ContinuousClock.now < end {
      try Interruption.check()
      usleep(50_000)
    }
  }

  private func show(_ watch: RunWatch) throws {
    if json { return try Console.result(JSONText.of(watch.status)) }
    let clear = WatchView.isTerminal && !once ? "\u{1B}[H\u{1B}[2J" : ""
    try Console.result(WatchView(watch: watch).text, control: clear)
  }
}

/// A look at a run as lines.
struct WatchView {
  let watch: RunWatch

  static let isTerminal = isatty(STDOUT_FILENO) != 0

  var text: String { ([head] + watch.curve(columns: 60, rows: 10).map { "  " + $0 } + facts).joined(separator: "\n") }

  private var head: String {
    let status = watch.status
    let state =
      switch status.state {
      case .starting: "starting, nothing logged yet"
      case .training: "training"
      case .silent: "no news for \(Console.duration(status.age ?? 0))"
      case .finished: "finished"
      }
    let progress = status.progress.map { ", \(Int(100 * min($0, 1)))%" } ?? ""
    return "\(status.run): \(state)\(progress)"
  }

  private var facts: [String] {
    let status = watch.status, number = { (value: Double?) in value.map(Console.number) ?? "-" }
    guard status.state != .starting else { return [] }
    var lines = ["  step        \(status.step), \(status.images) images, \(Console.duration(status.seconds)) of training"]
    let heldOut = status.validationLoss.map { ", held out \(Console.number($0))" } ?? ""
    lines.append("  loss        \(number(status.loss))\(heldOut)")
    if let accuracy = status.accuracy {
      let heldOut = status.validationAccuracy.map { ", held out \(Console.number($0))" } ?? ""
      lines.append("  accuracy    \(Console.number(accuracy))\(heldOut)")
    }
    if let judged = status.lastEvaluation {
      let accuracy = judged.classAccuracy.map { ", class accuracy \(Console.number($0))" } ?? ""
      lines.append("  samples     Frechet distance \(Console.number(judged.frechetDistance))\(accuracy), at step \(judged.step)")
    }
    lines.append("  rate        \(number(status.learningRate)), \(number(status.imagesPerSecond)) images/s")
    if let left = status.secondsLeft, status.state != .finished { lines.append("  time left   \(Console.duration(left))") }
    if let preview = status.lastPreview { lines.append("  preview     \(preview)") }
    if let checkpoint = status.lastCheckpoint { lines.append("  checkpoint  \(checkpoint)") }
    if let best = status.bestCheckpoint { lines.append("  best        \(best)") }
    return lines + status.warnings.suffix(5).map { "  warning     \($0)" }
  }
}
