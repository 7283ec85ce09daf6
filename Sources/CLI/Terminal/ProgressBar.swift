import Workflows

/// Shows the progress of a long command: one line that is redrawn on a terminal, a plain line every ten seconds elsewhere.
struct ProgressBar {
  let title: String
  private let quiet: Bool
  private let start = ContinuousClock.now
  private var left = TimeLeft()
  private var lastShown: ContinuousClock.Instant?
  private var drawn = false

  init(_ title: String, quiet: Bool) {
    self.title = title
    self.quiet = quiet
  }

  /// - Parameters:
  ///   - fraction: the completed fraction, 0 to 1.
  ///   - detail: further text, such as a rate or a loss.
  mutating func show(_ fraction: Double, _ detail: @autoclosure () -> String = "") {
    guard !quiet else { return }
    let now = ContinuousClock.now
    let seconds = left.seconds(at: fraction, now: start.duration(to: now) / .seconds(1))
    let pause = Console.standardErrorIsTerminal ? Duration.milliseconds(100) : .seconds(10)
    if let lastShown, lastShown.duration(to: now) < pause, fraction < 1 { return }
    lastShown = now
    let elapsed = start.duration(to: now) / .seconds(1), detail = detail()
    let left = seconds.map { ", \(Console.duration($0)) left" } ?? ""
    let facts = "\(Int(fraction * 100))%\(fraction < 1 ? left : ", \(Console.duration(elapsed))")\(detail.isEmpty ? "" : ", \(detail)")"
    if Console.standardErrorIsTerminal {
      let filled = Int(fraction * 24)
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
      Console.draw("\r\u{1B}[K\(title) \(bar) \(facts)")
      drawn = true
    } else {
      Console.draw("\(title): \(facts)\n")
    }
  }

  /// Ends the line.
  mutating func finish() {
    if drawn { Console.draw("\n") }
    drawn = false
  }

  /// Clears the line, so that a message can be printed above the bar.
  mutating func makeRoom() {
    if drawn { Console.draw("\r\u{1B}[K") }
    drawn = false
  }
}
