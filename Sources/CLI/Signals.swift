import Failures
import Foundation

/// Signal handling. SIGINT, SIGTERM and SIGHUP stop a command, in a way that depends on its stage. SIGUSR1, which batch systems send
/// before the time limit, makes a training save without stopping. A second stopping signal always ends the process immediately.
enum Signals {
  enum Stage: sig_atomic_t {
    /// Files are read and the request is checked: a signal ends the process immediately.
    case planning
    /// Nothing has to be saved: the work stops between two steps or, when a step takes longer, after a second.
    case computing
    /// There is something to save, or a file is being written: the work stops between two steps only.
    case writing
  }

  private static let stopping = [SIGINT, SIGTERM, SIGHUP]
  nonisolated(unsafe) private static var received: sig_atomic_t = 0
  nonisolated(unsafe) private static var rawStage: sig_atomic_t = 0
  nonisolated(unsafe) private static var savesAsked: sig_atomic_t = 0

  /// The exit code of a command that was stopped by a signal: 130 for Control-C, 143 for SIGTERM, 129 for SIGHUP.
  static var exitCode: Int32 { 128 + (received == 0 ? SIGINT : Int32(received)) }

  /// Installs the handlers; call first.
  static func prepare() {
    // Static variables are initialised at first use, which must not happen in a handler.
    (received, rawStage, savesAsked) = (0, 0, 0)
    _ = Interruption.isRequested
    // A full disk or a closed pipe is an error to report, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    unblock(stopping + [SIGUSR1, SIGALRM])
    for number in stopping where !isIgnoredHangup(number) {
      signal(number) { number in
        if Signals.received != 0 || Signals.rawStage == Stage.planning.rawValue { _exit(128 + number) }
        if Signals.rawStage == Stage.computing.rawValue { alarm(1) }
        Signals.received = sig_atomic_t(number)
        Interruption.request()
      }
    }
    signal(SIGALRM) { _ in _exit(Signals.exitCode) }
    signal(SIGUSR1) { _ in Signals.savesAsked = 1 }
  }

  /// - Throws: `Failure.interrupted` if a signal arrived in the previous stage.
  static func enter(_ stage: Stage) throws {
    rawStage = stage.rawValue
    if stage == .writing { alarm(0) }
    try Interruption.check()
  }

  /// Whether SIGUSR1 arrived since the last call.
  static func takeSaveRequest() -> Bool {
    defer { savesAsked = 0 }
    return savesAsked != 0
  }

  /// The parent process may have blocked them, which is inherited.
  private static func unblock(_ numbers: [Int32]) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    sigprocmask(SIG_UNBLOCK, &set, nil)
  }

  /// `nohup` starts programs with SIGHUP ignored, which stays so.
  private static func isIgnoredHangup(_ number: Int32) -> Bool {
    guard number == SIGHUP else { return false }
    var before = sigaction()
    sigaction(SIGHUP, nil, &before)
    #if os(Linux)
      return before.__sigaction_handler.sa_handler.map { unsafeBitCast($0, to: Int.self) } == unsafeBitCast(SIG_IGN, to: Int.self)
    #else
      return before.__sigaction_u.__sa_handler.map { unsafeBitCast($0, to: Int.self) } == unsafeBitCast(SIG_IGN, to: Int.self)
    #endif
  }
}
