import Foundation
import Testing

@testable import Studio

@Suite("Jobs of the studio", .serialized) struct JobTests {
  private static let sample: JSON = ["kind": "sample", "model": "digits", "count": 3, "steps": 2, "seed": 5, "classes": ["7", "3"]]
  /// Long enough to be found running.
  private static let long: JSON = ["kind": "sample", "model": "digits", "count": 64, "steps": 990, "sampler": "ddim"]

  @Test func samplesImages() async throws {
    try await StudioFixture.with { studio in
      let answer = await studio.post("/jobs", Self.sample), id = answer.json["id"]?.string ?? ""
      #expect(answer.status == 202 && answer.headers["location"] == "/api/v1/jobs/\(id)")
      let job = try await studio.ended(id)
      #expect(job["state"] == "finished" && job["share"]?.number == 1 && job["settings"] == Self.sample)
      let results = job["results"]?.array ?? []
      #expect(results.map { $0["name"]?.string } == ["samples-00.png", "samples-01.png", "samples-02.png", "grid.png"])
      #expect(results.map { $0["class"]?.string } == ["7", "3", "7", nil] && results[0]["seed"] == 5)
      for result in results {
        let file = await studio.get(result["url"]?.string ?? "")
        #expect(file.status == 200 && file.headers["content-type"] == "image/png" && file.body.count == result["bytes"]?.integer)
      }
      #expect(await studio.get("/jobs/\(id)/results/job.json").status == 404)
      #expect(await studio.send("DELETE", "/jobs/\(id)").status == 204)
      #expect(await studio.get("/jobs/\(id)").status == 404)
      #expect(!FileManager.default.fileExists(atPath: "\(studio.folder)/jobs/\(id)"))
    }
  }

  @Test func theSameSeedGivesTheSameImages() async throws {
    try await StudioFixture.with { studio in
      var images: [Data] = []
      for _ in 0..<2 {
        let id = await studio.post("/jobs", Self.sample).json["id"]?.string ?? ""
        _ = try await studio.ended(id)
        images.append(await studio.get("/jobs/\(id)/results/samples-01.png").body)
      }
      #expect(images[0] == images[1] && !images[0].isEmpty)
    }
  }

  @Test func jobsWaitTheirTurnAndCanBeCancelled() async throws {
    try await StudioFixture.with { studio in
      let first = await studio.post("/jobs", Self.long).json["id"]?.string ?? ""
      _ = try await studio.job(first) { $0["state"] == "running" && ($0["share"]?.number ?? 0) > 0 }
      let second = await studio.post("/jobs", Self.sample).json, third = await studio.post("/jobs", Self.sample).json
      #expect(second["place"] == 1 && third["place"] == 2)
      #expect(await studio.send("DELETE", "/jobs/\(first)").status == 409)
      let cancelled = await studio.send("POST", "/jobs/\(second["id"]?.string ?? "")/cancel").json
      #expect(cancelled["state"] == "cancelled")
      #expect(await studio.get("/jobs/\(third["id"]?.string ?? "")").json["place"] == 1)
      #expect(await studio.send("POST", "/jobs/\(first)/cancel").status == 200)
      let state1 = try await studio.ended(first)["state"]
      #expect(state1 == "cancelled")
      let state2 = try await studio.ended(third["id"]?.string ?? "")["state"]
      #expect(state2 == "finished")
      #expect(await studio.send("POST", "/jobs/\(first)/cancel").status == 409)
      #expect(await studio.send("POST", "/jobs/\(first)/resume").status == 409)
      #expect(await studio.get("/jobs").json["jobs"]?.array?.count == 3)
    }
  }

  @Test func streamsProgressPreviewsAndTheEnd() async throws {
    try await StudioFixture.with { studio in
      var settings = Self.sample.object ?? [:]
      settings["steps"] = 60
      let id = await studio.post("/jobs", .object(settings)).json["id"]?.string ?? ""
      // The stream ends with the job, and the connection with the stream.
      let start = ReadinessPool.now
      let text = String(decoding: await studio.raw(studio.request("GET", "/api/v1/jobs/\(id)/events")), as: UTF8.self)
      // The client gives up after a minute.
      #expect(ReadinessPool.now - start < 50)
      #expect(text.contains("Content-Type: text/event-stream"))
      let events = text.components(separatedBy: "\r\n\r\n").last?.components(separatedBy: "\n\n").filter { !$0.isEmpty } ?? []
      #expect(events.first?.hasPrefix("event: state\n") == true)
      #expect(events.last?.contains("\"state\":\"finished\"") == true, "\(events.last ?? "")")
      #expect(events.contains { $0.hasPrefix("event: progress\n") && $0.contains("\"share\":") })
      #expect(events.contains { $0.hasPrefix("event: preview\n") && $0.contains("/api/v1/jobs/\(id)/preview?number=1") })
      // One who comes late is told the present state.
      let late = String(
        decoding: await studio.raw(studio.request("GET", "/api/v1/jobs/\(id)/events", headers: ["Last-Event-ID": "3"])), as: UTF8.self)
      #expect(late.contains("event: state\n") && late.contains("\"state\":\"finished\""))
      #expect(await studio.get("/jobs/aaaaaaaaaaaaaaaa/events").status == 404)
      #expect(await studio.get("/status").json["streams"] == 0)
    }
  }

  @Test func settingsThatCannotBeMetAreRefusedBeforeTheyWait() async throws {
    try await StudioFixture.with { studio in
      let refused: [(JSON, String)] = [
        (["kind": "sample", "model": "digit"], "did you mean 'digits'?"),
        (["kind": "sample", "model": "digits", "classes": ["x"]], "no class 'x'"),
        (["kind": "sample", "model": "restore"], "restores"), (["kind": "restore"], "'picture' is missing"),
        (["kind": "sample", "model": "digits", "sampler": "ddmi"], "did you mean 'ddim'?"), (["kind": "train"], "'recipe' is missing"),
        (["kind": "train", "recipe": "pictures"], "pictures"),
        (["kind": "train", "recipe": "glyphs", "settings": ["training.batch_size": 0]], "batch_size"),
        (["kind": "train", "recipe": "glyphs", "settings": ["training.bach_size": 2]], "did you mean 'training.batch_size'?"),
      ]
      for (settings, words) in refused {
        let answer = await studio.post("/jobs", settings)
        #expect([404, 422].contains(answer.status) && answer.detail.contains(words), "\(answer.status) \(answer.detail)")
        #expect(!answer.detail.contains("/models/") && !answer.detail.contains(studio.folder), "\(answer.detail)")
      }
      #expect(await studio.get("/jobs").json["jobs"] == [])
    }
  }

  @Test func aTrainingThatDoesNotFitIntoMemoryIsRefusedWithFigures() async throws {
    try await StudioFixture.with { studio in
      let answer = await studio.post(
        "/jobs", ["kind": "train", "recipe": "glyphs", "settings": ["training.batch_size": 65536, "network.model_channels": 256]])
      #expect(answer.status == 422 && answer.detail.contains("B of memory, and "), "\(answer.detail)")
    }
  }

  @Test func inpaintsAndVariesPictures() async throws {
    try await StudioFixture.with { studio in
      let picture = await studio.upload("/pictures", Pictures.png(width: 28, height: 28)).json["id"] ?? .null
      let mask = await studio.upload("/pictures", Pictures.mask(side: 28)).json["id"] ?? .null
      let varied = await studio.post(
        "/jobs", ["kind": "sample", "model": "digits", "count": 1, "init": ["picture": picture, "strength": 0.4]])
      let painted = await studio.post(
        "/jobs",
        ["kind": "sample", "model": "digits", "count": 1, "steps": 4, "inpaint": ["picture": picture, "mask": mask, "method": "mask"]])
      for job in [varied, painted] {
        #expect(job.status == 202, "\(job.detail)")
        let state3 = try await studio.ended(job.json["id"]?.string ?? "")["state"]
        #expect(state3 == "finished")
      }
    }
  }

  @Test func restoresPicturesAndShowsADetail() async throws {
    try await StudioFixture.with { studio in
      let id = await studio.upload("/pictures", Pictures.png(width: 40, height: 30), name: "boat.png").json["id"] ?? .null
      let settings: JSON = ["kind": "restore", "picture": id, "scale": 2, "strengths": ["noise": 0.2], "detail": 0]
      let plan = await studio.post("/plans", settings)
      #expect(plan.status == 200 && plan.json["pictures"]?.array?.first?["result_width"] == 80, "\(plan.detail)")
      let detail = await studio.post(
        "/details", ["picture": id, "scale": 2, "strengths": "auto", "detail": 0, "x": 30, "y": 20, "size": 32, "client": "window"])
      #expect(detail.status == 200 && detail.body.starts(with: [0x89, 0x50]), "\(detail.detail)")
      let job = try await studio.ended(await studio.post("/jobs", settings).json["id"]?.string ?? "")
      #expect(job["state"] == "finished", "\(job.text)")
      let result = job["results"]?.array?.first
      #expect(result?["width"] == 80 && result?["height"] == 60 && result?["picture"] == id)
      #expect(await studio.get((result?["url"]?.string ?? "") + "/view?size=20").status == 200)
      let wrong = await studio.post("/plans", ["kind": "restore", "picture": id, "strengths": ["smoke": 0.2]])
      #expect(wrong.status == 422 && wrong.detail.contains("smoke"))
    }
  }

  // MARK: Restarts

  @Test func jobsSurviveARestart() async throws {
    let first = try StudioFixture()
    let finished = await first.post("/jobs", Self.sample).json["id"]?.string ?? ""
    _ = try await first.ended(finished)
    let running = await first.post("/jobs", Self.long).json["id"]?.string ?? ""
    _ = try await first.job(running) { $0["state"] == "running" && ($0["share"]?.number ?? 0) > 0 }
    let waiting = await first.post("/jobs", Self.sample).json["id"]?.string ?? ""
    await first.stop()
    let second = try StudioFixture(folder: first.folder)
    #expect(await second.get("/jobs/\(finished)/results/grid.png").status == 200)
    #expect(await second.get("/jobs/\(running)").json["state"] == "interrupted")
    let last = try await second.ended(waiting)["state"]
    #expect(last == "finished")
    await second.stop()
    second.removeFolder()
  }

  @Test func aJobOfAServerThatWasKilledIsInterrupted() async throws {
    let first = try StudioFixture()
    let id = await first.post("/jobs", Self.sample).json["id"]?.string ?? ""
    _ = try await first.ended(id)
    await first.stop()
    let file = "\(first.folder)/jobs/\(id)/job.json"
    let text = try String(contentsOfFile: file, encoding: .utf8).replacing("\"finished\"", with: "\"running\"")
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    // What is damaged or none of ours is passed over.
    let other = "\(first.folder)/jobs/aaaaaaaaaaaaaaaa"
    try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
    try "{".write(toFile: "\(other)/job.json", atomically: true, encoding: .utf8)
    let second = try StudioFixture(folder: first.folder)
    #expect(await second.get("/jobs/\(id)").json["state"] == "interrupted")
    #expect(await second.get("/jobs").json["jobs"]?.array?.count == 1)
    await second.stop()
    second.removeFolder()
  }

  private static let training: JSON = [
    "kind": "train", "recipe": "glyphs", "name": "letters",
    "settings": [
      "network.model_channels": 32, "network.channel_mult": "[1]", "network.attention_resolutions": "[]", "training.batch_size": 2,
      "training.duration": "400", "training.log_every": 2, "training.checkpoint_every": 4, "training.preview_every": 1000,
      "training.warmup_images": 2, "training.tensorboard": false,
    ],
  ]

  @Test func aTrainingIsStoppedAndResumed() async throws {
    try await StudioFixture.with { studio in
      let answer = await studio.post("/jobs", Self.training), id = answer.json["id"]?.string ?? ""
      #expect(answer.status == 202, "\(answer.detail)")
      _ = try await studio.job(id) { $0["message"]?.string?.contains("step") == true }
      _ = await studio.send("POST", "/jobs/\(id)/cancel")
      let stopped = try await studio.ended(id)
      #expect(stopped["state"] == "cancelled" && stopped["can_resume"] == true, "\(stopped.text)")
      let run = await studio.get("/runs").json["runs"]?.array?.first
      #expect(run?["id"]?.string == id && run?["state"] == "stopped" && run?["name"] == "letters" && (run?["step"]?.integer ?? 0) > 0)
      #expect(await studio.get("/models").json["models"]?.array?.contains { $0["id"]?.string == id && $0["origin"] == "run" } == true)
      let log = await studio.get("/runs/\(id)/log?after=0").json["lines"]?.array ?? []
      #expect(log.first?["loss"]?.number != nil)
      #expect(await studio.get("/runs/\(id)/report").headers["content-security-policy"]?.contains("sandbox") == true)
      #expect(await studio.send("POST", "/jobs/\(id)/resume").status == 200)
      _ = try await studio.job(id) { $0["state"] == "running" && $0["message"]?.string != stopped["message"]?.string }
      #expect(await studio.send("DELETE", "/runs/\(id)").status == 409)
      _ = await studio.send("POST", "/jobs/\(id)/cancel")
      _ = try await studio.ended(id)
      let again = await studio.post("/jobs", ["kind": "train", "run": .string(id)])
      #expect(again.status == 202 && again.json["run"]?.string == id)
      _ = await studio.send("POST", "/jobs/\(again.json["id"]?.string ?? "")/cancel")
      _ = try await studio.ended(again.json["id"]?.string ?? "")
      #expect(await studio.send("DELETE", "/runs/\(id)").status == 204)
      #expect(await studio.get("/runs").json["runs"] == [])
    }
  }
}
