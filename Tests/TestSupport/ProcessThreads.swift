import Foundation
import Synchronization
import Tensors

/// Processes of a test, each a thread: their exchanges go through the same sockets.
package enum ProcessThreads {
  /// Runs `body` as each of `count` processes.
  /// - Returns: what each gave, in the order of the ranks.
  package static func results<Value: Sendable>(
    _ count: Int, timeout: Double = 60, _ body: @escaping @Sendable (ProcessGroup) throws -> Value
  ) throws -> [Result<Value, any Error>] {
    let store = try RendezvousStore()
    let results = Mutex<[Int: Result<Value, any Error>]>([:])
    let ended = DispatchSemaphore(value: 0)
    for rank in 0..<count {
      let place = ProcessRank(rank: rank, size: count, address: "127.0.0.1", port: store.port, isStoreServed: true)
      Thread {
        let result = Result { try body(ProcessGroup(place, timeout: timeout)) }
        results.withLock { $0[rank] = result }
        ended.signal()
      }.start()
    }
    for _ in 0..<count { ended.wait() }
    withExtendedLifetime(store) {}
    return results.withLock { all in (0..<count).map { all[$0]! } }
  }

  /// The same, without a group where there is but one.
  package static func run<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (ProcessGroup?) throws -> Value
  ) throws -> [Value] {
    guard count > 1 else { return [try body(nil)] }
    return try results(count) { try body($0) }.map { try $0.get() }
  }
}
