import Foundation
import Testing

@testable import Studio

@Suite("The studio's API") struct APITests {
  @Test func theDocumentDescribesEveryRoute() async throws {
    try await StudioFixture.with { studio in
      let document = await studio.get("/openapi.json").json
      let paths = document["paths"]?.object ?? [:], routes = studio.server.routes
      #expect(paths.values.map { $0.object?.count ?? 0 }.reduce(0, +) == routes.count)
      var names: Set<String> = []
      for route in routes {
        let operation = paths[route.path]?[route.method.rawValue.lowercased()]
        #expect(operation?["responses"]?["default"] != nil, "\(route.path)")
        let isNew = names.insert(operation?["operationId"]?.string ?? "").inserted
        #expect(isNew, "\(route.path) shares its name")
      }
      // Every reference leads somewhere.
      let schemas = document["components"]?["schemas"]?.object ?? [:]
      for reference in document.text.matches(of: /#\/components\/schemas\/([A-Za-z]+)/) { #expect(schemas[String(reference.1)] != nil) }
    }
  }

  /// Asks for everything that can be read, and holds the answers against their schemas: unknown and missing keys fail.
  @Test func answersFitTheirSchemas() async throws {
    let photos = FileManager.default.temporaryDirectory.appendingPathComponent("photos-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: "\(photos)/boats", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: photos) }
    try Pictures.png().write(to: URL(fileURLWithPath: "\(photos)/boats/1.png"))
    try Data("text".utf8).write(to: URL(fileURLWithPath: "\(photos)/boats/readme.txt"))
    try await StudioFixture.with({ $0.folders = [photos] }) { studio in
      var values: [String: String] = ["name": "glyphs", "images": "1"]
      values["pictures"] = await studio.upload("/pictures", Pictures.png()).json["id"]?.string
      values["data"] = await studio.post("/data", ["name": "set", "classes": ["a"]]).json["id"]?.string
      #expect(await studio.upload("/data/\(values["data"] ?? "")/pictures?class=a", Pictures.png()).status == 201)
      values["jobs"] = await studio.post("/jobs", ["kind": "sample", "model": "digits", "count": 1, "steps": 1]).json["id"]?.string
      _ = try await studio.ended(values["jobs"] ?? "")
      values["models"] = "digits"
      var checked = 0
      for route in studio.server.routes {
        guard route.method == .get, case .json(let schema, _) = route.output else { continue }
        let kind = String(route.path.split(separator: "/")[2])
        let path = route.path.replacing("{id}", with: values[kind] ?? "none").replacing("{name}", with: values["name"] ?? "")
        let answer = await studio.get(path)
        guard kind != "runs" || path.hasSuffix("/runs") else { continue }
        #expect(
          answer.status == 200 && schema.problem(with: answer.json) == nil, "\(path): \(schema.problem(with: answer.json) ?? answer.detail)"
        )
        checked += 1
      }
      #expect(checked >= 12)
      let folder = await studio.get("/status").json["folders"]?.array?.first?["id"]?.string ?? ""
      let report = await studio.get("/data/\(folder)").json
      #expect(Schemas.dataSet.problem(with: report) == nil && report["count"] == 1 && report["classes"]?.array?.first?["name"] == "boats")
      #expect(report["unreadable"]?.array?.isEmpty == false && !report.text.contains(photos))
      let check = await studio.post("/recipes/check", ["recipe": "glyphs", "settings": ["training.batch_size": 2]])
      #expect(check.status == 200 && Schemas.recipeFacts.problem(with: check.json) == nil, "\(check.detail)")
      let plan = await studio.post("/plans", ["kind": "sample", "model": "digits", "count": 2])
      #expect(plan.status == 200 && Schemas.plan.problem(with: plan.json) == nil, "\(plan.detail)")
    }
  }

  @Test func problemsAreDocuments() async throws {
    try await StudioFixture.with { studio in
      for (method, path, status) in [
        ("GET", "/nothing", 404), ("DELETE", "/status", 405), ("GET", "/jobs/x", 404), ("GET", "/pictures/x/view?size=1", 422),
      ] {
        let answer = await studio.send(method, path)
        #expect(answer.status == status && answer.headers["content-type"] == "application/problem+json", "\(path)")
        #expect(Schemas.problem.problem(with: answer.json) == nil && answer.json["status"]?.integer == status)
      }
    }
  }

  @Test func picturesAreStoredShownAndRemoved() async throws {
    try await StudioFixture.with { studio in
      let bytes = Pictures.png(width: 300, height: 200), answer = await studio.upload("/pictures", bytes, name: "a%20boat.png")
      #expect(answer.status == 201 && answer.json["name"] == "a boat.png" && answer.json["width"] == 300)
      let path = "/pictures/\(answer.json["id"]?.string ?? "")"
      #expect(await studio.get(path).body == bytes)
      let view = await studio.get("\(path)/view?size=100")
      #expect(view.status == 200 && view.headers["content-type"] == "image/png" && view.body.count < bytes.count * 4)
      #expect(await studio.send("HEAD", path).body.isEmpty)
      #expect(await studio.send("DELETE", path).status == 204)
      #expect(await studio.get(path).status == 404)
      let left = try FileManager.default.contentsOfDirectory(atPath: "\(studio.folder)/pictures")
      #expect(left.isEmpty)
    }
  }

  @Test func connectionsServeSeveralRequests() async throws {
    try await StudioFixture.with { studio in
      let one = "GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:\(studio.port)\r\n"
      let text = await studio.raw(Data("\(one)\r\n\(one)\r\n\(one)Connection: close\r\n\r\n".utf8))
      #expect(String(decoding: text, as: UTF8.self).components(separatedBy: "HTTP/1.1 200 OK").count == 4)
      let body = Data(#"{"name":"x"}"#.utf8)
      let waiting = studio.request(
        "POST", "/api/v1/data", headers: ["Content-Length": "\(body.count)", "Content-Type": "application/json", "Expect": "100-continue"])
      let answer = String(decoding: await studio.raw(waiting, pause: 0.2, then: body), as: UTF8.self)
      #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created"))
    }
  }
}
