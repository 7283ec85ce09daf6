import Failures
import Foundation
import Workflows

/// Shows how far a long command is: one line drawn again and again on a terminal, a plain line now and then elsewhere.
struct ProgressBar {
  let title: String
  private let quiet: Bool
  private let start = ContinuousClock.now
  private var lastShown: ContinuousClock.Instant?
  private var drawn = false

  init(_ title: String, quiet: Bool) {
    self.title = title
    self.quiet = quiet
  }

  /// - Parameters:
  ///   - share: how much of the whole is done, 0 to 1.
  ///   - detail: what else to say, such as a rate or a loss.
  mutating func show(_ share: Double, _ detail: String = "") {
    guard !quiet else { return }
    let now = ContinuousClock.now
    let pause = Console.standardErrorIsTerminal ? Duration.milliseconds(100) : .seconds(10)
    if let lastShown, lastShown.duration(to: now) < pause, share < 1 { return }
    lastShown = now
    let elapsed = start.duration(to: now) / .seconds(1)
    let left = share > 0.001 ? ", \(Console.duration(elapsed / share - elapsed)) left" : ""
    let facts = "\(Int(share * 100))%\(share < 1 ? left : ", \(Console.duration(elapsed))")\(detail.isEmpty ? "" : ", \(detail)")"
    if Console.standardErrorIsTerminal {
      let filled = Int(share * 24)
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
      write("\r\u{1B}[K\(title) \(bar) \(facts)")
      drawn = true
    } else {
      write("\(title): \(facts)\n")
    }
  }

  /// Leaves the line as it is and goes to the next.
  mutating func finish() {
    if drawn { write("\n") }
    drawn = false
  }

  /// To be asked between two steps: ends the command when Control-C was pressed.
  mutating func stopIfInterrupted() throws {
    guard Interruption.isWanted else { return }
    finish()
    throw Failure.interrupted
  }

  /// Makes room for a line above.
  mutating func makeRoom() {
    if drawn { write("\r\u{1B}[K") }
    drawn = false
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
