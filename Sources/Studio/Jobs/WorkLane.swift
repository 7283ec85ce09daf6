import Foundation
import Synchronization

/// Runs work that blocks, one piece at a time, away from the threads that serve connections.
final class WorkLane: Sendable {
  private let queue: DispatchQueue
  private let waiting = Atomic<Int>(0)
  private let limit: Int

  init(_ name: String, limit: Int) {
    queue = DispatchQueue(label: "studio \(name)")
    self.limit = limit
  }

  /// - Throws: `Problem` 503 where too much waits already; errors of the work.
  func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    guard waiting.wrappingAdd(1, ordering: .relaxed).newValue <= limit else {
      waiting.wrappingSubtract(1, ordering: .relaxed)
      throw Problem(503, "\(limit) requests wait for the processor", hint: "ask again", retryAfter: 2)
    }
    defer { waiting.wrappingSubtract(1, ordering: .relaxed) }
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result(catching: work)) }
    }
  }
}
