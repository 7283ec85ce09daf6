import Failures
import Foundation

/// What people read: results go to standard output, everything else to standard error. Both can go away while a command runs
/// (`| head`, a closed terminal, a full disk).
enum Console {
  /// - Throws: `OutputClosed` when nobody reads any more, `SfumatoError` when the system refuses.
  static func result(_ text: String) throws {
    let code = write(text + "\n", to: STDOUT_FILENO)
    if code == EPIPE { throw OutputClosed() }
    guard code == 0 else {
      throw SfumatoError(.io, "standard output cannot be written: \(String(cString: strerror(code)).lowercased())")
    }
  }

  /// A line for people. When it cannot be written, the work goes on without it.
  static func note(_ text: String) { draw(text + "\n") }

  static func error(_ text: String) {
    note(standardErrorIsTerminal ? "\u{1B}[31merror:\u{1B}[0m \(text)" : "error: \(text)")
  }

  /// Text without a line break of its own, such as a progress bar.
  static func draw(_ text: String) { _ = write(text, to: STDERR_FILENO) }

  static let standardErrorIsTerminal = isatty(STDERR_FILENO) != 0

  /// - Returns: 0, or what the system refused by.
  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return count == 0 ? EIO : errno }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
      }
      return 0
    }
  }
}

/// The reader of standard output is gone, as with `| head`: the usual quiet end.
struct OutputClosed: ClassifiedError {
  var failure: Failure { .io }
  /// What a shell reports of a program that SIGPIPE ended.
  static let exitCode = 128 + SIGPIPE
}
