import Failures
import Foundation

/// Output: results go to standard output, everything else to standard error. Writing to either can fail while a command runs (`| head`, a
/// closed terminal, a full disk).
enum Console {
  /// What errors begin with, in one of several processes; set once, before there are other threads.
  nonisolated(unsafe) static var processName = ""

  /// Opens standard streams that the parent process has closed (`>&-`); call first. Otherwise the next file to be opened, such as a
  /// log or a checkpoint, would take the number of the stream, and what is printed would be written into it. Writing results still fails.
  static func prepare() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
      // The lowest free number is taken, which is this one, for those before it are open.
      _ = open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// - Parameter control: a control sequence for the terminal, before the text.
  /// - Throws: `OutputClosed` if the reader is gone, `SfumatoError` for other write errors.
  static func result(_ text: String, control: String = "") throws {
    let code = write(control + text.printable + "\n", to: STDOUT_FILENO)
    if code == EPIPE { throw OutputClosed() }
    guard code == 0 else {
      throw SfumatoError(.io, "standard output cannot be written: \(String(cString: strerror(code)).lowercased())")
    }
  }

  /// Prints a line to standard error. Write errors are ignored.
  static func note(_ text: String) { draw(text.printable + "\n") }

  static func error(_ text: String) {
    draw((standardErrorIsTerminal ? "\u{1B}[31merror:\u{1B}[0m " : "error: ") + processName + text.printable + "\n")
  }

  /// Prints text as it is, without adding a line break, such as a progress bar: text from files goes through `note`.
  static func draw(_ text: String) { _ = write(text, to: STDERR_FILENO) }

  static let standardErrorIsTerminal = isatty(STDERR_FILENO) != 0

  /// - Returns: 0, or the `errno` of the failed write.
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

extension String {
  /// This text with its control characters but line breaks and tabs written out, as `\u001B`: names in a hostile file could otherwise
  /// move a terminal's cursor or retitle its window. In JSON, where they stand in texts only, the meaning stays.
  var printable: String {
    guard unicodeScalars.contains(where: Self.controls) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      guard Self.controls(scalar) else { return text.unicodeScalars.append(scalar) }
      let digits = String(scalar.value, radix: 16, uppercase: true)
      text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
  }

  /// Whether a terminal acts on it, or shows what follows in another order (Unicode's bidirectional overrides and isolates).
  private static func controls(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A: false
    case 0..<0x20, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

/// The reader of standard output is gone, as with `| head`; the program ends without a message.
struct OutputClosed: ClassifiedError {
  var failure: Failure { .io }
  /// The exit code that shells report for a program ended by SIGPIPE.
  static let exitCode = 128 + SIGPIPE
}
