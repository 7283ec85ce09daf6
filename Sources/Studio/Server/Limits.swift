import Foundation
import Synchronization

/// What a client may ask for.
enum Limits {
  static let uploadBytes = 64 << 20, jsonBytes = 1 << 20
  static let headBytes = 32 << 10, urlBytes = 4096, headerCount = 64
  /// Connections in all and of an address, streams of events in all.
  static let connections = 256, connectionsOfAClient = 64, streams = 64
  /// Requests a second and at once: of a client, and of all together, because on this machine every connection is a client.
  static let clientRate = Rate(perSecond: 50, burst: 200), serverRate = Rate(perSecond: 500, burst: 2000)
  static let jobsWaiting = 100, jobsKept = 500
  /// Plans, details and checks that wait for the thread that computes them.
  static let requestsComputing = 16

  struct Rate: Sendable { let perSecond: Double, burst: Double }

  /// How long a client may take, in seconds.
  struct Times: Sendable {
    var head = 10.0, body = 60.0, idle = 75.0, writing = 60.0
  }
}

/// A bucket of permissions that fills with time.
struct TokenBucket: Sendable {
  private let rate: Limits.Rate
  private var tokens: Double, last: Double

  init(_ rate: Limits.Rate, now: Double) { (self.rate, tokens, last) = (rate, rate.burst, now) }

  /// - Returns: nil if the request may pass, else the seconds until one may.
  mutating func take(now: Double) -> Double? {
    tokens = min(rate.burst, tokens + max(0, now - last) * rate.perSecond)
    last = now
    guard tokens < 1 else {
      tokens -= 1
      return nil
    }
    return (1 - tokens) / rate.perSecond
  }

  var isFull: Bool { tokens >= rate.burst - 1 }
}

/// Counts what clients hold and how fast they ask.
final class Admission: Sendable {
  private struct State {
    var connections = 0, streams = 0
    var ofClients: [String: Int] = [:]
    var buckets: [String: TokenBucket] = [:]
    var all: TokenBucket
  }

  private let state: Mutex<State>
  private let start = ContinuousClock.now

  init() { state = Mutex(State(all: TokenBucket(Limits.serverRate, now: 0))) }

  private var now: Double { start.duration(to: .now) / .seconds(1) }

  /// - Parameter isLocal: programs on this machine share an address, so that only the number of all connections bounds them.
  /// - Returns: whether one more connection may be opened.
  func open(_ client: String, isLocal: Bool) -> Bool {
    state.withLock { state in
      guard state.connections < Limits.connections,
        isLocal || state.ofClients[client, default: 0] < Limits.connectionsOfAClient
      else { return false }
      state.connections += 1
      state.ofClients[client, default: 0] += 1
      return true
    }
  }

  func close(_ client: String) {
    state.withLock { state in
      state.connections -= 1
      let left = (state.ofClients[client] ?? 1) - 1
      state.ofClients[client] = left > 0 ? left : nil
      if left <= 0, state.buckets.count > Limits.connections { state.buckets = state.buckets.filter { !$0.value.isFull } }
      if left <= 0, state.buckets.count > 8 * Limits.connections { state.buckets = [:] }
    }
  }

  /// - Throws: `Problem` 429.
  func ask(_ client: String) throws {
    let wait = state.withLock { state -> Double? in
      let now = now
      if let wait = state.all.take(now: now) { return wait }
      return state.buckets[client, default: TokenBucket(Limits.clientRate, now: now)].take(now: now)
    }
    guard let wait else { return }
    throw Problem(429, "too many requests", hint: "ask less often", retryAfter: max(1, Int(wait.rounded(.up))))
  }

  /// - Throws: `Problem` 503.
  func openStream() throws {
    let isFree = state.withLock { state in
      guard state.streams < Limits.streams else { return false }
      state.streams += 1
      return true
    }
    guard isFree else {
      throw Problem(503, "\(Limits.streams) streams of events are open", hint: "close other windows of the studio", retryAfter: 5)
    }
  }

  func closeStream() { state.withLock { $0.streams -= 1 } }

  var counts: (connections: Int, streams: Int) { state.withLock { ($0.connections, $0.streams) } }
}
