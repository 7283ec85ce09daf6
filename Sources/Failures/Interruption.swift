import Synchronization

/// Whether the work under way should stop. The owner of the process asks for it (a signal handler, a server); every loop that can take
/// longer than a second checks it between two steps.
public enum Interruption {
  private static let flag = Atomic<Bool>(false)

  public static var isRequested: Bool { flag.load(ordering: .relaxed) }

  /// Safe in a signal handler.
  public static func request() { flag.store(true, ordering: .relaxed) }

  /// - Throws: `Failure.interrupted` once a stop was requested.
  public static func check() throws(Failure) {
    if isRequested { throw .interrupted }
  }
}
