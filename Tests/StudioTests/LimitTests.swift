import Foundation
import Testing

@testable import Studio

@Suite("Limits of the studio") struct LimitTests {
  @Test func refusesABodyThatIsTooLargeBeforeItIsRead() async throws {
    try await StudioFixture.with { studio in
      let head = { (length: String) in
        Data(
          "POST /api/v1/pictures HTTP/1.1\r\nHost: 127.0.0.1:\(studio.port)\r\nX-Sfumato: 1\r\nContent-Type: image/png\r\nContent-Length: \(length)\r\n\r\n"
            .utf8)
      }
      #expect(StudioFixture.Answer(await studio.raw(head("67108865"))).status == 413)
      #expect(StudioFixture.Answer(await studio.raw(head("99999999999999999999"))).status == 400)
      #expect(StudioFixture.Answer(await studio.raw(head("-1"))).status == 400)
      let json = Data(repeating: UInt8(ascii: " "), count: Limits.jsonBytes + 1)
      #expect(await studio.send("POST", "/jobs", body: json).status == 413)
      #expect(studio.server.library.folder.bytes < 10_000)
    }
  }

  @Test func refusesWhatCanBeFramedInTwoWays() async throws {
    try await StudioFixture.with { studio in
      let start = "POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:\(studio.port)\r\nX-Sfumato: 1\r\nContent-Type: application/json\r\n"
      #expect(await studio.raw(start + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n").status == 411)
      #expect(await studio.raw(start + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}").status == 400)
      #expect(await studio.raw(start + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}").status == 411)
      #expect(await studio.raw(start + "\r\n").status == 400)
      #expect(await studio.raw(start + " Content-Length: 2\r\n\r\n{}").status == 400)
      #expect(await studio.raw(start + "Content-Length : 2\r\n\r\n{}").status == 400)
    }
  }

  @Test(arguments: [
    "GET / HTTP/1.1\nHost: x\n\n\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET http://x/ HTTP/1.1\r\n\r\n", "NONSENSE\r\n\r\n",
    "GET / HTTP/9\r\n\r\n",
    "BREW / HTTP/1.1\r\n\r\n", "GET /%zz HTTP/1.1\r\n\r\n", "GET /a%00b HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA\u{0}: b\r\n\r\n",
    "\u{16}\u{3}\u{1}\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n",
  ])
  func refusesMalformedHeads(text: String) async throws {
    try await StudioFixture.with { studio in
      #expect((400...505).contains(await studio.raw(text).status))
      #expect(await studio.get("/status").status == 200)
    }
  }

  @Test func boundsTheHead() async throws {
    try await StudioFixture.with { studio in
      let start = "GET / HTTP/1.1\r\nHost: 127.0.0.1:\(studio.port)\r\n"
      let long = String(repeating: "x", count: Limits.headBytes)
      #expect(await studio.raw(start + "A: \(long)\r\n\r\n").status == 431)
      let many = (0...Limits.headerCount).map { "A\($0): b\r\n" }.joined()
      #expect(await studio.raw(start + many + "\r\n").status == 431)
      #expect(await studio.raw("GET /\(String(repeating: "x", count: Limits.urlBytes)) HTTP/1.1\r\n\r\n").status == 414)
      // One that never ends is refused at the limit, not when it is over.
      let flood = await studio.raw(Data((start + String(repeating: "B: \(String(repeating: "y", count: 1000))\r\n", count: 200)).utf8))
      #expect(flood.isEmpty || StudioFixture.Answer(flood).status == 431)
    }
  }

  @Test func clientsMayNotBeSlow() async throws {
    try await StudioFixture.with({ $0.times = Limits.Times(head: 0.3, body: 0.4, idle: 0.5, writing: 5) }) { studio in
      let head = await studio.raw(Data("GET / HTTP/1.1\r\nHo".utf8))
      #expect(StudioFixture.Answer(head).status == 408)
      let body = await studio.raw(
        studio.request("POST", "/api/v1/jobs", headers: ["Content-Length": "100", "Content-Type": "application/json"]) + Data("{".utf8))
      #expect(StudioFixture.Answer(body).status == 408)
      // A client that says nothing is let go without a word.
      #expect(await studio.raw(Data()).isEmpty)
      // A drop at a time does not help.
      let port = studio.port
      let status = await StudioFixture.off {
        let socket = RawSocket(port: port, seconds: 10)
        for byte in "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: bcdefghijklmnop\r\n".utf8 {
          guard socket.send(Data([byte])) else { break }
          Thread.sleep(forTimeInterval: 0.02)
        }
        return StudioFixture.Answer(socket.readAll()).status
      }
      #expect(status == 408 || status == 0)
      #expect(await studio.get("/status").status == 200)
    }
  }

  @Test func aClientThatLeavesFreesWhatItHeld() async throws {
    try await StudioFixture.with { studio in
      let slow = await studio.post("/jobs", ["kind": "sample", "model": "digits", "count": 64, "steps": 900, "sampler": "ddim"])
      let id = slow.json["id"]?.string ?? ""
      let port = studio.port, request = studio.request("GET", "/api/v1/jobs/\(id)/events", headers: ["Connection": "keep-alive"])
      let first = await StudioFixture.off {
        let sockets = (0..<5).map { _ in RawSocket(port: port, seconds: 10) }
        for socket in sockets { socket.send(request) }
        return sockets.map { String(decoding: $0.readSome(), as: UTF8.self) }
      }
      #expect(first.allSatisfy { $0.hasPrefix("HTTP/1.1 200") })
      // The sockets are closed now, and nothing was written to them since.
      var streams = 5
      for _ in 0..<50 where streams > 0 {
        try await Task.sleep(for: .milliseconds(50))
        streams = await studio.get("/status").json["streams"]?.integer ?? -1
      }
      #expect(streams == 0)
      #expect(await studio.send("POST", "/jobs/\(id)/cancel").status == 200)
    }
  }

  @Test func boundsRates() {
    var bucket = TokenBucket(Limits.Rate(perSecond: 10, burst: 3), now: 0)
    #expect([bucket.take(now: 0), bucket.take(now: 0), bucket.take(now: 0)] == [nil, nil, nil])
    #expect(bucket.take(now: 0).map { abs($0 - 0.1) < 1e-9 } == true)
    #expect(bucket.take(now: 0.1) == nil)
    #expect(bucket.take(now: 0.1) != nil)
  }

  @Test func tooManyRequestsAreTold() async throws {
    try await StudioFixture.with { studio in
      let line = "GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:\(studio.port)\r\n"
      let count = Int(Limits.clientRate.burst) + 60
      let text = String(repeating: line + "\r\n", count: count - 1) + line + "Connection: close\r\n\r\n"
      let answers = String(decoding: await studio.raw(Data(text.utf8)), as: UTF8.self)
      #expect(answers.components(separatedBy: "HTTP/1.1 429").count > 10)
      #expect(answers.contains("Retry-After: 1"))
      #expect(await studio.get("/status").status == 200)
    }
  }

  @Test func boundsConnections() {
    let admission = Admission()
    #expect((0..<Limits.connectionsOfAClient).allSatisfy { _ in admission.open("10.0.0.1", isLocal: false) })
    #expect(!admission.open("10.0.0.1", isLocal: false) && admission.open("10.0.0.2", isLocal: false))
    admission.close("10.0.0.1")
    #expect(admission.open("10.0.0.1", isLocal: false))
    while admission.counts.connections < Limits.connections { #expect(admission.open("127.0.0.1", isLocal: true)) }
    #expect(!admission.open("127.0.0.1", isLocal: true))
    for _ in 0..<Limits.streams { #expect(throws: Never.self) { try admission.openStream() } }
    #expect { try admission.openStream() } throws: { ($0 as? Problem)?.status == 503 && ($0 as? Problem)?.retryAfter == 5 }
  }

  @Test func theDataFolderIsBounded() async throws {
    try await StudioFixture.with({ $0.dataLimit = 1500 }) { studio in
      let answer = await studio.upload("/pictures", Data(repeating: 7, count: 2000))
      #expect(answer.status == 507 && answer.json["hint"]?.string?.contains("--data-limit") == true)
      #expect(await studio.post("/jobs", ["kind": "sample", "model": "digits", "count": 1]).status == 507)
    }
  }

  // MARK: Pictures

  @Test func refusesPictureBombs() async throws {
    try await StudioFixture.with { studio in
      for (width, height) in [(UInt32(100_000), UInt32(100_000)), (0x7FFF_FFFF, 0x7FFF_FFFF), (30_000, 30_000), (0, 0)] {
        let answer = await studio.upload("/pictures", Pictures.bomb(width: width, height: height))
        #expect(answer.status == 422, "\(width) x \(height): \(answer.status)")
      }
      #expect(await studio.upload("/pictures", Data("<svg xmlns='http://www.w3.org/2000/svg'/>".utf8)).status == 422)
      #expect(await studio.upload("/pictures", Data("no picture".utf8)).status == 422)
      #expect(await studio.upload("/pictures", Data()).status == 422)
      let left = try FileManager.default.contentsOfDirectory(atPath: "\(studio.folder)/pictures")
      #expect(left.isEmpty, "\(left)")
    }
  }

  @Test func aTruncatedPictureIsRefusedWhenItIsShown() async throws {
    try await StudioFixture.with { studio in
      let whole = Pictures.png(width: 200, height: 200), answer = await studio.upload("/pictures", whole.prefix(whole.count / 2))
      if answer.status == 201 {
        #expect(await studio.get("/pictures/\(answer.json["id"]?.string ?? "")/view").status == 422)
      } else {
        #expect(answer.status == 422)
      }
    }
  }

  @Test func theNameOfAPictureIsForDisplayOnly() async throws {
    try await StudioFixture.with { studio in
      let answer = await studio.upload("/pictures", Pictures.png(), name: "..%2F..%2Fetc%2Fpass%00wd%0d%0a.png")
      #expect(answer.status == 201 && answer.json["name"] == "passwd.png")
      let names = try FileManager.default.contentsOfDirectory(atPath: "\(studio.folder)/pictures")
      #expect(names.allSatisfy { Identifier.isOne(String($0.split(separator: ".")[0])) })
    }
  }

  @Test func unknownKeysAreRefusedWithTheNearest() async throws {
    try await StudioFixture.with { studio in
      let answer = await studio.post("/jobs", ["kind": "sample", "model": "digits", "sede": 1])
      #expect(answer.status == 422 && answer.detail.contains("did you mean 'seed'?"))
      #expect(await studio.post("/jobs", ["kind": "smaple"]).detail.contains("did you mean 'sample'?"))
      #expect(await studio.get("/runs?afer=1").status == 422)
      #expect(await studio.send("POST", "/jobs", body: Data("{".utf8)).status == 400)
      let deep = Data((String(repeating: "[", count: 200_000)).utf8)
      #expect(await studio.send("POST", "/jobs", body: deep).status == 400)
    }
  }
}
