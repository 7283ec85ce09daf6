import Foundation
import Testing

@testable import Studio

@Suite("Security of the studio") struct SecurityTests {
  @Test(arguments: ["evil.example", "evil.example:80", "127.0.0.1:1", "localhost.evil.example:8471", ""])
  func refusesOtherNamesOfThisMachine(host: String) async throws {
    try await StudioFixture.with { studio in
      let answer = await studio.send("GET", "/status", headers: ["Host": host])
      #expect(answer.status == 421)
      #expect(answer.headers["content-type"] == "application/problem+json")
    }
  }

  @Test func takesTheNamesOfThisMachineWithThePort() async throws {
    try await StudioFixture.with { studio in
      for name in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
        #expect(await studio.send("GET", "/status", headers: ["Host": "\(name):\(studio.port)"]).status == 200)
      }
      #expect(await studio.send("GET", "/status", headers: ["Host": nil]).status == 400)
    }
  }

  @Test func whereItListensEverywhereAnyAddressIsItsName() throws {
    let security = Security(port: 8471, listening: "0.0.0.0", token: nil)
    func head(_ host: String) throws -> RequestHead { try RequestHead(Array("GET / HTTP/1.1\r\nHost: \(host)".utf8)) }
    for host in ["192.168.1.20:8471", "[fe80::1]:8471", "localhost:8471"] { #expect(throws: Never.self) { try security.check(head(host)) } }
    for host in ["evil.example:8471", "192.168.1.20", "192.168.1.20:80", "[evil]:8471"] {
      #expect { try security.check(head(host)) } throws: { ($0 as? Problem)?.status == 421 }
    }
  }

  @Test(arguments: ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1"])
  func refusesOtherOrigins(origin: String) async throws {
    try await StudioFixture.with { studio in
      #expect(await studio.send("GET", "/status", headers: ["Origin": origin]).status == 403)
      #expect(await studio.send("POST", "/jobs", body: Data("{}".utf8), headers: ["Origin": origin]).status == 403)
      #expect(await studio.send("GET", "/status", headers: ["Origin": "http://127.0.0.1:\(studio.port)"]).status == 200)
    }
  }

  @Test func refusesWhatBrowsersMarkAsCrossSite() async throws {
    try await StudioFixture.with { studio in
      for site in ["cross-site", "same-site"] {
        #expect(await studio.send("GET", "/models", headers: ["Sec-Fetch-Site": site]).status == 403)
      }
      #expect(await studio.send("GET", "/models", headers: ["Sec-Fetch-Site": "same-origin"]).status == 200)
      // A link on another page may lead to the page.
      #expect(await studio.send("GET", "/", headers: ["Sec-Fetch-Site": "cross-site"]).status == 200)
    }
  }

  @Test func refusesWhatAFormOfAnotherPageCanSend() async throws {
    try await StudioFixture.with { studio in
      let body = Data(#"{"kind":"sample","model":"digits"}"#.utf8)
      for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        #expect(await studio.send("POST", "/jobs", body: body, headers: ["Content-Type": type]).status == 415)
      }
      #expect(await studio.send("POST", "/jobs", body: body, headers: ["X-Sfumato": nil]).status == 403)
      #expect(await studio.send("DELETE", "/jobs/aaaaaaaaaaaaaaaa", headers: ["X-Sfumato": nil]).status == 403)
      #expect(await studio.get("/jobs").json["jobs"] == [])
    }
  }

  @Test func needsTheTokenForTheAPI() async throws {
    let token = "abcdefghijklmnop0123"
    try await StudioFixture.with({ $0.token = token }) { studio in
      #expect(await studio.get("/status").status == 401)
      #expect(await studio.send("GET", "/status", headers: ["Authorization": "Bearer abcdefghijklmnop0124"]).status == 401)
      #expect(await studio.send("GET", "/status", headers: ["Authorization": "Bearer \(token)"]).status == 200)
      #expect(await studio.send("GET", "/status", headers: ["Cookie": "a=b; sfumato_token=\(token)"]).status == 200)
      #expect(await studio.send("GET", "/status", headers: ["Cookie": "sfumato_token=\(token)x"]).status == 401)
      let login = await studio.raw("GET /?token=\(token) HTTP/1.1\r\nHost: 127.0.0.1:\(studio.port)\r\nConnection: close\r\n\r\n")
      #expect(login.status == 302 && login.headers["location"] == "/")
      #expect(login.headers["set-cookie"]?.contains("HttpOnly; SameSite=Strict") == true)
      let wrong = await studio.raw("GET /?token=\(token)x HTTP/1.1\r\nHost: 127.0.0.1:\(studio.port)\r\nConnection: close\r\n\r\n")
      #expect(wrong.status == 200 && wrong.headers["set-cookie"] == nil)
    }
  }

  @Test func makesATokenForAnotherAddress() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("studio-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var options = StudioOptions(data: folder)
    (options.port, options.address) = (0, "127.0.0.2")
    let server = try StudioServer(options)
    defer { server.stop() }
    #expect(server.token?.count == 32)
  }

  @Test func aSecondStudioDoesNotShareTheFolder() async throws {
    try await StudioFixture.with { studio in
      #expect { try StudioFixture(folder: studio.folder) } throws: { "\($0)".contains("another studio") }
    }
  }

  /// Ids and names that lead elsewhere where they become parts of paths.
  static let hostile = [
    "..%2f..%2fetc%2fpasswd", "%2e%2e", "....//", "..%5c..", "%00", "aaaaaaaaaaaaaaaa%2f..", "job.json", "%2Fetc%2Fpasswd", "~root", "con",
    "a%0d%0aX: y", "%ff%fe", String(repeating: "a", count: 3000),
  ]

  @Test(arguments: hostile) func noPathOfARequestReachesTheFiles(id: String) async throws {
    try await StudioFixture.with { studio in
      let job = await studio.post("/jobs", ["kind": "sample", "model": "digits", "count": 1, "steps": 1]).json["id"]?.string ?? ""
      _ = try await studio.ended(job)
      for path in [
        "/pictures/\(id)", "/pictures/\(id)/view", "/jobs/\(id)", "/jobs/\(id)/events", "/jobs/\(id)/results/grid.png",
        "/jobs/\(job)/results/\(id)", "/models/\(id)", "/models/\(id)/file", "/data/\(id)", "/data/\(id)/sheet.png", "/runs/\(id)/log",
        "/runs/\(id)/report", "/runs/\(id)/previews/\(id)", "/recipes/\(id)/fields",
      ] {
        let answer = await studio.get(path)
        #expect((400..<500).contains(answer.status), "\(path): \(answer.status)")
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("root:"))
      }
      for path in ["/pictures/\(id)", "/jobs/\(id)", "/data/\(id)", "/runs/\(id)"] {
        #expect((400..<500).contains(await studio.send("DELETE", path).status))
      }
      for path in ["/../../etc/passwd", "/assets/../index.html", "/assets/\(id)", "/\(id)"] {
        let answer = Answer(await studio.raw(studio.request("GET", path)))
        #expect(answer.status >= 400 || answer.body.starts(with: Data("<!doctype".utf8)), "\(path)")
      }
    }
  }
  private typealias Answer = StudioFixture.Answer

  @Test func idsInBodiesAreThoseOfTheServer() async throws {
    try await StudioFixture.with { studio in
      for id in ["../../etc/passwd", "/etc/passwd", "a\u{0}b"] {
        let text = JSON.string(id)
        #expect(await studio.post("/jobs", ["kind": "sample", "model": text]).status == 404)
        #expect(await studio.post("/jobs", ["kind": "restore", "picture": text]).status == 404)
        #expect(await studio.post("/jobs", ["kind": "train", "recipe": text]).status == 404)
        #expect(await studio.post("/jobs", ["kind": "train", "recipe": "glyphs", "data": text]).status == 404)
        #expect(await studio.post("/jobs", ["kind": "train", "run": text]).status == 404)
        #expect(
          await studio.post("/jobs", ["kind": "sample", "model": "digits", "init": ["picture": text, "strength": 0.5]]).status == 404)
      }
    }
  }

  @Test(arguments: [
    ("data.path", "/etc"), ("data", "/etc"), ("training.initial_weights", "/etc/passwd"), ("guides", "/etc/passwd"),
    ("distillation.teacher", "/etc/passwd"),
    ("training", "{initial_weights: /etc/passwd}"), ("training.learning_rate", "1\n  initial_weights: /etc/passwd"),
    ("training.learning_rate", "{a: b}"), ("network", "{type: x}"), ("training.seed", "!!binary x"), ("training.seed=1 --x", "1"),
  ])
  func settingsOfATrainingNameNoFiles(path: String, value: String) async throws {
    try await StudioFixture.with { studio in
      let answer = await studio.post("/jobs", ["kind": "train", "recipe": "glyphs", "settings": .object([path: .string(value)])])
      #expect(answer.status == 422, "\(answer.detail)")
    }
  }

  @Test func classesOfDataAreNoPaths() async throws {
    try await StudioFixture.with { studio in
      for name in ["..", "a/b", ".hidden", "", "a\\b", "a\u{0}", "x\ny"] {
        #expect(await studio.post("/data", ["name": "set", "classes": [.string(name)]]).status == 422)
      }
      let id = await studio.post("/data", ["name": "../../x", "classes": ["cats"]]).json["id"]?.string ?? ""
      #expect(await studio.upload("/data/\(id)/pictures?class=..", Pictures.png()).status == 422)
      #expect(await studio.upload("/data/\(id)/pictures", Pictures.png()).status == 422)
      #expect(await studio.upload("/data/\(id)/pictures?class=cats", Pictures.png()).status == 201)
    }
  }

  @Test func everyAnswerHasThePolicies() async throws {
    try await StudioFixture.with { studio in
      for answer in [await studio.get("/"), await studio.get("/status"), await studio.get("/nothing")] {
        #expect(answer.headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self'") == true)
        #expect(answer.headers["x-content-type-options"] == "nosniff" && answer.headers["referrer-policy"] == "no-referrer")
        #expect(answer.headers["cross-origin-resource-policy"] == "same-origin")
        #expect(answer.headers["access-control-allow-origin"] == nil)
      }
    }
  }
}
