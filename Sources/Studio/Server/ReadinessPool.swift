import FlyingSocks
import Foundation
import Synchronization

/// A client that took longer than its part of a request may take.
struct TimedOut: Error {}

/// Waits for sockets to become readable or writable, on a thread of its own, until a deadline.
///
/// Each wait is registered for one readiness and forgotten with it, so that a descriptor that is closed and given to the next connection
/// leaves nothing behind. FlyingSocks' own pool keeps registrations in the kernel, which such a descriptor can lose, and knows no deadline.
final class ReadinessPool: AsyncSocketPool {
  /// Seconds on `now`'s clock after which a wait of this task fails.
  @TaskLocal static var deadline = Double.infinity

  static var now: Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

  private struct Waiter {
    let descriptor: Int32, events: Int16, deadline: Double
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var waiters: [UInt64: Waiter] = [:]
    /// Waits that were cancelled before they were registered.
    var cancelled: Set<UInt64> = []
    var nextID: UInt64 = 0
    var isStopped = false
  }

  private let state = Mutex(State())
  private let wakeIn: Int32, wakeOut: Int32

  /// - Throws: `Problem` when the system gives no more descriptors.
  init() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Problem(503, "the system has no free file descriptors") }
    (wakeOut, wakeIn) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
    let thread = Thread { [self] in loop() }
    thread.name = "studio sockets"
    thread.start()
  }

  func prepare() async throws {}
  func run() async throws {}

  func suspendSocket(_ socket: Socket, untilReadyFor events: Socket.Events) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let wanted = Int16(truncatingIfNeeded: Int32(events.contains(.read) ? POLLIN : 0) | Int32(events.contains(.write) ? POLLOUT : 0))
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        add(Waiter(descriptor: socket.file.rawValue, events: wanted, deadline: Self.deadline, continuation: continuation), as: id)
      }
    } onCancel: {
      cancel(id)
    }
  }

  /// Ends all waits and the thread.
  func stop() {
    let waiters = state.withLock { state in
      state.isStopped = true
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.continuation.resume(throwing: CancellationError()) }
    wake()
  }

  private func add(_ waiter: Waiter, as id: UInt64) {
    let isWaiting = state.withLock { state in
      guard state.cancelled.remove(id) == nil, !state.isStopped else { return false }
      state.waiters[id] = waiter
      return true
    }
    isWaiting ? wake() : waiter.continuation.resume(throwing: CancellationError())
  }

  private func cancel(_ id: UInt64) {
    let waiter = state.withLock { state in
      let waiter = state.waiters.removeValue(forKey: id)
      // One that has ended already leaves a number behind, which the next line bounds.
      if waiter == nil, state.cancelled.count < 10_000 { state.cancelled.insert(id) }
      return waiter
    }
    // A socket that is closed while it is polled stays open until that ends.
    wake()
    waiter?.continuation.resume(throwing: CancellationError())
  }

  private func wake() { _ = write(wakeIn, [1], 1) }

  private func loop() {
    while true {
      let (waiters, isStopped) = state.withLock { ($0.waiters, $0.isStopped) }
      guard !isStopped else { break }
      var polled = [pollfd(fd: wakeOut, events: Int16(truncatingIfNeeded: Int32(POLLIN)), revents: 0)]
      var ids: [UInt64] = []
      for (id, waiter) in waiters {
        polled.append(pollfd(fd: waiter.descriptor, events: waiter.events, revents: 0))
        ids.append(id)
      }
      let left = (waiters.values.map(\.deadline).min() ?? .infinity) - Self.now
      _ = Foundation.poll(&polled, nfds_t(polled.count), left.isFinite ? Int32(min(max(left * 1000 + 1, 0), 60_000)) : -1)
      drain()
      resume(ids.enumerated().compactMap { polled[$0 + 1].revents != 0 ? $1 : nil })
    }
    close(wakeIn)
    close(wakeOut)
  }

  private func drain() {
    var bytes = [UInt8](repeating: 0, count: 256)
    while read(wakeOut, &bytes, bytes.count) == bytes.count {}
  }

  /// Ends the waits of sockets that are ready, and those that are over.
  private func resume(_ ready: [UInt64]) {
    let now = Self.now
    let (done, late) = state.withLock { state in
      let done = ready.compactMap { state.waiters.removeValue(forKey: $0) }
      let late = state.waiters.filter { $0.value.deadline <= now }
      for id in late.keys { state.waiters[id] = nil }
      return (done, late.values)
    }
    // Reading or writing says what is wrong with a broken connection.
    for waiter in done { waiter.continuation.resume() }
    for waiter in late { waiter.continuation.resume(throwing: TimedOut()) }
  }
}
