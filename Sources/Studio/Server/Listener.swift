import Failures
import FlyingSocks
import Foundation
import Synchronization

/// Accepts connections on one or several addresses and serves each until its client leaves.
final class Listener: Sendable {
  typealias Serving = @Sendable (RequestHead, ConnectionBody, _ client: String) async -> Response

  let port: Int
  private let pool: ReadinessPool
  private let sockets: [AsyncSocket]
  private let admission: Admission
  private let times: Limits.Times
  private let tasks = Mutex<[Task<Void, Never>]>([])
  private let open = Mutex<[Int32: Task<Void, Never>]>([:])

  /// Binds to the loopback addresses, and to `address` if there is one.
  /// - Parameter port: 0 for a free one.
  /// - Throws: `SfumatoError` where the address is taken or is none of this machine.
  init(port: Int, address: String?, admission: Admission, times: Limits.Times) throws {
    signal(SIGPIPE, SIG_IGN)
    pool = try ReadinessPool()
    (self.admission, self.times) = (admission, times)
    let isAll4 = address == "0.0.0.0", isAll6 = address == "::"
    let first = try Self.listen(on: isAll4 ? "0.0.0.0" : "127.0.0.1", port: port, pool)
    guard case .ip4(_, let bound) = try first.socket.sockname() else { throw SfumatoError(.io, "the system gave no port") }
    self.port = Int(bound)
    var sockets = [first]
    // Machines without IPv6 have no ::1.
    if let second = try? Self.listen(on: isAll6 ? "::" : "::1", port: self.port, pool) { sockets.append(second) }
    if let address, !isAll4, !isAll6, address != "127.0.0.1", address != "::1" {
      sockets.append(try Self.listen(on: address, port: self.port, pool))
    }
    self.sockets = sockets
  }

  private static func listen(on address: String, port: Int, _ pool: ReadinessPool) throws -> AsyncSocket {
    let isV6 = address.contains(":")
    do {
      let socket = try Socket(domain: isV6 ? AF_INET6 : AF_INET)
      do {
        try socket.setValue(true, for: .localAddressReuse)
        if isV6 {
          var only: Int32 = 1
          setsockopt(socket.file.rawValue, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &only, socklen_t(MemoryLayout<Int32>.size))
          try socket.bind(to: sockaddr_in6.inet6(ip6: address, port: UInt16(port)))
        } else {
          try socket.bind(to: sockaddr_in.inet(ip4: address, port: UInt16(port)))
        }
        try socket.listen(maxPendingConnection: 128)
        return try AsyncSocket(socket: socket, pool: pool)
      } catch {
        try? socket.close()
        throw error
      }
    } catch {
      throw SfumatoError(
        .io, "cannot listen on \(address), port \(port): \(error.localizedDescription); another studio may run there: give another --port")
    }
  }

  func start(_ serve: @escaping Serving) {
    for socket in sockets {
      let task = Task.detached { [self] in
        while !Task.isCancelled {
          do { accept(try await socket.accept(), serve) } catch is CancellationError {
            return
          } catch {
            // No descriptor is free, or the client has left already.
            try? await Task.sleep(for: .milliseconds(50))
          }
        }
      }
      tasks.withLock { $0.append(task) }
    }
  }

  func stop() {
    for task in tasks.withLock({ $0 }) { task.cancel() }
    for task in open.withLock({ Array($0.values) }) { task.cancel() }
    pool.stop()
    for socket in sockets { try? socket.close() }
  }

  private func accept(_ socket: AsyncSocket, _ serve: @escaping Serving) {
    let descriptor = socket.socket.file.rawValue
    let address =
      switch try? socket.socket.remotePeer() {
      case .ip4(let address, _), .ip6(let address, _): address
      default: "unknown"
      }
    let isLocal = address.hasPrefix("127.") || address == "::1"
    guard admission.open(address, isLocal: isLocal) else {
      refuse(socket)
      return
    }
    let task = Task.detached { [self] in
      let connection = Connection(socket, times: times)
      await self.serve(connection, isLocal ? "\(address)#\(descriptor)" : address, serve)
      _ = open.withLock { $0.removeValue(forKey: descriptor) }
      try? socket.close()
      admission.close(address)
    }
    open.withLock { $0[descriptor] = task }
  }

  /// Says that there are too many connections, without a wait for a client that does not listen.
  private func refuse(_ socket: AsyncSocket) {
    let text = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    _ = try? socket.socket.write(Data(text.utf8))
    try? socket.close()
  }

  private func serve(_ connection: Connection, _ client: String, _ serve: Serving) async {
    do {
      while let head = try await connection.nextHead() {
        let response = await serve(head, ConnectionBody(connection: connection), client)
        let isWhole = await connection.finishBody()
        let closes = !isWhole || !head.keepsAlive || Task.isCancelled
        try await connection.send(response, headOnly: head.method == .head, closing: closes)
        if case .events = response.body { return }
        if !isWhole { await connection.linger() }
        if closes { return }
      }
    } catch let problem as Problem {
      try? await connection.send(problem.response, headOnly: false, closing: true)
      await connection.linger()
    } catch {
      // The client has left, or takes no more.
    }
  }
}
