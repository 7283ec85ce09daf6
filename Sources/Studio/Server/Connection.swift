import FlyingSocks
import Foundation

/// A client's connection: requests one after the other, each within its limits of size and time.
actor Connection {
  private let socket: AsyncSocket
  private let times: Limits.Times
  /// Bytes that were read and not used.
  private var buffer: [UInt8] = []
  private var bodyLeft = 0, bodyDeadline = Double.infinity
  private var expectsContinue = false

  init(_ socket: AsyncSocket, times: Limits.Times) { (self.socket, self.times) = (socket, times) }

  // MARK: Reading

  /// The head of the next request.
  /// - Returns: nil where the client closed the connection, or sent nothing for long.
  /// - Throws: `Problem` for a head that is malformed, too large or too slow.
  func nextHead() async throws -> RequestHead? {
    var searched = 0, deadline = ReadinessPool.now + times.idle, begun = false
    while true {
      // Empty lines before a request are allowed.
      while buffer.starts(with: [13, 10]) { buffer.removeFirst(2) }
      if let end = Self.headEnd(in: buffer, from: searched) {
        guard end <= Limits.headBytes else { throw Self.tooLarge }
        let head = try RequestHead(buffer[..<end])
        buffer.removeFirst(end + 4)
        (bodyLeft, bodyDeadline) = (head.contentLength, ReadinessPool.now + times.body)
        expectsContinue = head.headers["expect"]?.lowercased() == "100-continue"
        return head
      }
      guard buffer.count <= Limits.headBytes else { throw Self.tooLarge }
      searched = max(0, buffer.count - 3)
      if !begun, !buffer.isEmpty { (begun, deadline) = (true, ReadinessPool.now + times.head) }
      do {
        buffer += try await read(until: deadline)
      } catch is TimedOut {
        guard begun else { return nil }
        throw Problem(408, "the head of the request did not arrive within \(Int(times.head)) s")
      } catch SocketError.disconnected {
        return nil
      }
    }
  }

  private static let tooLarge = Problem(431, "the head of the request has more than \(Limits.headBytes) bytes")

  private static func headEnd(in bytes: [UInt8], from start: Int) -> Int? {
    guard bytes.count >= 4 else { return nil }
    return bytes.withUnsafeBufferPointer { bytes in
      (start..<max(start, bytes.count - 3)).first { bytes[$0] == 13 && bytes[$0 + 1] == 10 && bytes[$0 + 2] == 13 && bytes[$0 + 3] == 10 }
    }
  }

  private func read(until deadline: Double) async throws -> [UInt8] {
    // One that never waits because it sends without pause has a deadline, too.
    guard deadline > ReadinessPool.now else { throw TimedOut() }
    return try await ReadinessPool.$deadline.withValue(deadline) { try await socket.read(atMost: 4096) }
  }

  /// Bytes of the body; nil at its end.
  /// - Throws: `Problem` where it does not arrive.
  func nextOfBody() async throws -> Data? {
    guard bodyLeft > 0 else { return nil }
    if expectsContinue {
      expectsContinue = false
      try await write(Data("HTTP/1.1 100 Continue\r\n\r\n".utf8))
    }
    if buffer.isEmpty {
      do { buffer = try await read(until: bodyDeadline) } catch is TimedOut {
        throw Problem(408, "the body did not arrive within \(Int(times.body)) s")
      } catch SocketError.disconnected {
        throw Problem(400, "the connection ended before the body did")
      }
    }
    let piece = Data(buffer.prefix(bodyLeft))
    buffer.removeFirst(piece.count)
    bodyLeft -= piece.count
    return piece
  }

  /// Whether the body was read to its end, so that the next request can follow. What is small is read now.
  func finishBody() async -> Bool {
    guard bodyLeft <= Limits.headBytes, !expectsContinue || bodyLeft == 0 else { return false }
    while bodyLeft > 0 { guard let _ = try? await nextOfBody() else { return false } }
    return true
  }

  /// Takes what a client still sends of a request that was refused, for a moment: closing before would reset the connection, and the client
  /// might not see the answer.
  func linger() async {
    shutdown(socket.socket.file.rawValue, Int32(SHUT_WR))
    let deadline = ReadinessPool.now + 2
    while case .some = try? await read(until: deadline) {}
  }

  // MARK: Writing

  func write(_ data: Data) async throws {
    try await ReadinessPool.$deadline.withValue(ReadinessPool.now + times.writing) { try await socket.write(data) }
  }

  func send(_ response: Response, headOnly: Bool, closing: Bool) async throws {
    var headers = response.headers.merging(Security.headers) { own, _ in own }
    headers["Connection"] = closing ? "close" : "keep-alive"
    switch response.body {
    case .bytes(let data): if response.status != 304 { headers["Content-Length"] = "\(data.count)" }
    case .file(_, let size): headers["Content-Length"] = "\(size)"
    case .events: headers["Connection"] = "close"
    }
    var head = "HTTP/1.1 \(response.status) \(HTTPStatus.phrase(response.status))\r\n"
    for (name, value) in headers.sorted(by: { $0.key < $1.key }) { head += "\(name): \(value)\r\n" }
    var bytes = Data((head + "\r\n").utf8)
    guard !headOnly else { return try await write(bytes) }
    switch response.body {
    case .bytes(let data):
      // One packet where there is little.
      bytes += data
      try await write(bytes)
    case .file(let path, let size):
      try await write(bytes)
      try await send(path, size)
    case .events(let events):
      try await write(bytes)
      await send(events)
    }
  }

  private func send(_ path: String, _ size: Int) async throws {
    guard let file = FileHandle(forReadingAtPath: path) else { throw SocketError.disconnected }
    defer { try? file.close() }
    var left = size
    while left > 0 {
      // A file that became shorter ends the connection: its length has been sent.
      guard let piece = try file.read(upToCount: min(left, 1 << 18)), !piece.isEmpty else { throw SocketError.disconnected }
      try await write(piece)
      left -= piece.count
    }
  }

  /// Sends events until there are no more or the client goes away.
  private func send(_ events: AsyncStream<String>) async {
    let socket = socket, writing = times.writing
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for await event in events {
          let isSent: Void? = try? await ReadinessPool.$deadline.withValue(ReadinessPool.now + writing) {
            try await socket.write(Data(event.utf8))
          }
          guard isSent != nil else { return }
        }
      }
      // Nothing more is expected of the client: what arrives, or ends, ends the stream.
      group.addTask { _ = try? await socket.read(atMost: 1) }
      await group.next()
      group.cancelAll()
    }
  }
}

/// The body of the request that a connection is at.
struct ConnectionBody: RequestBody {
  let connection: Connection
  func next() async throws -> Data? { try await connection.nextOfBody() }
}
