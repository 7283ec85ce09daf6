import Foundation

@testable import Studio

/// A studio on a free port with a data folder of its own, and a client that sends exactly what a test says.
final class StudioFixture: Sendable {
  let server: StudioServer
  let folder: String
  var port: Int { server.port }

  init(folder: String? = nil, _ change: (inout StudioOptions) -> Void = { _ in }) throws {
    self.folder = folder ?? FileManager.default.temporaryDirectory.appendingPathComponent("studio-\(UUID().uuidString)").path
    var options = StudioOptions(data: self.folder)
    options.port = 0
    change(&options)
    server = try StudioServer(options)
    server.start()
  }

  /// Runs a test's body with a studio, which is gone afterwards.
  static func with(
    _ change: (inout StudioOptions) -> Void = { _ in }, _ body: (StudioFixture) async throws -> Void
  ) async throws {
    let studio = try StudioFixture(change)
    do { try await body(studio) } catch {
      await studio.stop()
      studio.removeFolder()
      throw error
    }
    await studio.stop()
    studio.removeFolder()
  }

  func stop() async { await Self.off { [server] in server.stop() } }
  func removeFolder() { try? FileManager.default.removeItem(atPath: folder) }

  /// Runs what blocks away from the threads that the server needs.
  static func off<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: body()) }
    }
  }

  // MARK: The client

  struct Answer: Sendable {
    var status = 0, headers: [String: String] = [:], body = Data()
    var json: JSON { (try? JSON(parsing: body)) ?? .null }
    var detail: String { json["detail"]?.string ?? "" }

    init(_ bytes: Data) {
      guard let end = bytes.range(of: Data("\r\n\r\n".utf8)) else { return }
      let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
      status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
      for line in lines.dropFirst() {
        let sides = line.split(separator: ":", maxSplits: 1)
        headers[sides[0].lowercased()] = sides[1].trimmingCharacters(in: .whitespaces)
      }
      body = Data(bytes[end.upperBound...])
    }
  }

  /// Sends bytes, and gives what comes until the server closes or so many seconds are over.
  /// - Parameter pause: seconds before the second part is sent.
  func raw(_ first: Data, pause: Double = 0, then second: Data = Data(), seconds: Int = 60) async -> Data {
    let port = port
    return await Self.off {
      let client = RawSocket(port: port, seconds: seconds)
      client.send(first)
      if !second.isEmpty {
        Thread.sleep(forTimeInterval: pause)
        client.send(second)
      }
      return client.readAll()
    }
  }

  func raw(_ text: String) async -> Answer { Answer(await raw(Data(text.utf8))) }

  /// A well-formed request, with headers replaced (nil removes one).
  func request(_ method: String, _ path: String, body: Data? = nil, headers: [String: String?] = [:]) -> Data {
    var all: [String: String] = ["Host": "127.0.0.1:\(port)", "Connection": "close"]
    if method != "GET" { all["X-Sfumato"] = "1" }
    if method == "POST" {
      all["Content-Length"] = "\(body?.count ?? 0)"
      if body != nil { all["Content-Type"] = "application/json" }
    }
    for (name, value) in headers { all[name] = value }
    let lines = all.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
    return Data("\(method) \(path) HTTP/1.1\r\n\(lines)\r\n".utf8) + (body ?? Data())
  }

  func send(_ method: String, _ path: String, body: Data? = nil, headers: [String: String?] = [:]) async -> Answer {
    Answer(
      await raw(
        request(
          method, path.hasPrefix("/api") || !path.hasPrefix("/") || path == "/" ? path : "/api/v1\(path)", body: body, headers: headers)))
  }

  func get(_ path: String) async -> Answer { await send("GET", path) }
  func post(_ path: String, _ json: JSON) async -> Answer { await send("POST", path, body: json.data) }
  func upload(_ path: String, _ bytes: Data, name: String = "picture.png") async -> Answer {
    await send("POST", path, body: bytes, headers: ["Content-Type": "application/octet-stream", "X-Filename": name])
  }

  /// The job once it has a state, or after so many seconds.
  func job(_ id: String, seconds: Double = 120, until condition: (JSON) -> Bool) async throws -> JSON {
    let end = ReadinessPool.now + seconds
    while true {
      let job = await get("/jobs/\(id)").json
      if condition(job) || ReadinessPool.now > end { return job }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  func ended(_ id: String) async throws -> JSON {
    try await job(id) { !["waiting", "running"].contains($0["state"]?.string ?? "") }
  }
}

/// A blocking socket.
final class RawSocket {
  private let descriptor: Int32

  init(port: Int, seconds: Int) {
    #if canImport(Glibc)
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    signal(SIGPIPE, SIG_IGN)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }

  deinit { close(descriptor) }

  /// - Returns: whether all was taken.
  @discardableResult func send(_ data: Data) -> Bool {
    var rest = [UInt8](data)[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard sent > 0 else { return false }
      rest = rest.dropFirst(sent)
    }
    return true
  }

  /// Some bytes; none at the end or after the time limit.
  func readSome() -> Data {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(descriptor, &buffer, buffer.count)
    return count > 0 ? Data(buffer[..<count]) : Data()
  }

  func readAll() -> Data {
    var all = Data()
    while case let piece = readSome(), !piece.isEmpty { all += piece }
    return all
  }
}
