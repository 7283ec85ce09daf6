import Failures
import Foundation

/// Signal handling. SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGXCPU (the limit of processor time) stop a command, in a way that depends on its
/// stage. SIGUSR1 and SIGUSR2, which batch systems send before the time limit, make a training save without stopping; other commands ignore
/// them. While something is saved or written, a second stopping signal ends the process at once only if it is the same one, two seconds after the first or later: terminals and batch systems
/// send several together. A third always does.
enum Signals {
  enum Stage: sig_atomic_t {
    /// Files are read and the request is checked: a signal ends the process immediately.
    case planning
    /// Nothing has to be saved: the work stops between two steps or, when a step takes longer, after a second.
    case computing
    /// There is something to save, or a file is being written: the work stops between two steps only.
    case writing
  }

  private static let stopping = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU]
  private static let saving = [SIGUSR1, SIGUSR2]
  nonisolated(unsafe) private static var received: sig_atomic_t = 0
  nonisolated(unsafe) private static var rawStage: sig_atomic_t = 0
  nonisolated(unsafe) private static var savesAsked: sig_atomic_t = 0
  nonisolated(unsafe) private static var repeats: sig_atomic_t = 0
  /// When the first stopping signal came, in seconds of the system's monotonic clock.
  nonisolated(unsafe) private static var firstSecond = timespec()
  nonisolated(unsafe) private static var announces: sig_atomic_t = 0

  /// Printed by the handler, which may call nothing that allocates.
  private static let announcement: StaticString =
    "\nstopping: what is unfinished is saved first; to end at once without saving, signal again in 2 seconds or later\n"

  /// The exit code of a command that was stopped by a signal: 130 for Control-C, 143 for SIGTERM, 129 for SIGHUP, 131 for SIGQUIT, 152 for SIGXCPU.
  static var exitCode: Int32 { 128 + (received == 0 ? SIGINT : Int32(received)) }

  /// The first stopping signal that arrived.
  static var stoppingSignal: Int32? { received == 0 ? nil : Int32(received) }

  /// Installs the handlers; call first.
  static func prepare() {
    // Static variables are initialised at first use, which must not happen in a handler.
    (received, rawStage, savesAsked, repeats, announces, firstSecond) = (0, 0, 0, 0, 0, timespec())
    _ = announcement.utf8CodeUnitCount
    _ = Interruption.isRequested
    // A full disk or a closed pipe is an error to report, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    unblock(stopping + saving + [SIGALRM])
    for number in stopping where !isIgnoredHangup(number) {
      signal(number) { number in
        Signals.stop(number)
      }
    }
    signal(SIGALRM) { _ in _exit(Signals.exitCode) }
    for number in saving { signal(number) { _ in Signals.savesAsked = 1 } }
  }

  /// What the handlers of the stopping signals do.
  private static func stop(_ number: Int32) {
    if rawStage == Stage.planning.rawValue { _exit(128 + number) }
    guard received == 0 else {
      repeats += 1
      if rawStage == Stage.writing.rawValue, repeats == 1, received != sig_atomic_t(number) || isRecent { return }
      _exit(128 + number)
    }
    if rawStage == Stage.computing.rawValue { alarm(1) }
    clock_gettime(CLOCK_MONOTONIC, &firstSecond)
    received = sig_atomic_t(number)
    Interruption.request()
    guard announces != 0 else { return }
    let error = errno
    _ = write(STDERR_FILENO, announcement.utf8Start, announcement.utf8CodeUnitCount)
    errno = error
  }

  /// Whether the first signal came less than two seconds ago.
  private static var isRecent: Bool {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let (seconds, nanoseconds) = (now.tv_sec - firstSecond.tv_sec, now.tv_nsec - firstSecond.tv_nsec)
    return seconds < 2 || seconds == 2 && nanoseconds < 0
  }

  /// Sets whether the first stopping signal prints what happens next.
  static func announce(_ isOn: Bool) { announces = isOn ? 1 : 0 }

  /// - Throws: `Failure.interrupted` if a signal arrived in the previous stage.
  static func enter(_ stage: Stage) throws {
    change(to: stage)
    try Interruption.check()
  }

  static func change(to stage: Stage) {
    rawStage = stage.rawValue
    if stage == .writing { alarm(0) }
  }

  /// Whether SIGUSR1 or SIGUSR2 arrived since the last call.
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
