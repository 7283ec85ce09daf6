import Foundation

/// Control-C and a polite kill ask for an end; a long command finishes its step, saves and stops. A second one ends at once.
enum Interruption {
  nonisolated(unsafe) private static var signals: sig_atomic_t = 0

  static var isWanted: Bool { signals > 0 }

  /// Call once at the start of a program.
  static func prepare() {
    signals = 0  // so that no handler is the first to touch it
    // A full disk or a closed pipe is an error to report, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    // Whoever started the program may have had them blocked, which is inherited.
    var wanted = sigset_t()
    sigemptyset(&wanted)
    for number in [SIGINT, SIGTERM] { sigaddset(&wanted, number) }
    sigprocmask(SIG_UNBLOCK, &wanted, nil)
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        if Interruption.signals > 0 { _exit(130) }
        Interruption.signals += 1
      }
    }
  }
}
