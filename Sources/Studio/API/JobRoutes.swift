import Foundation

/// Jobs, plans and details.
extension StudioServer {
  var jobRoutes: [Route] {
    [
      .post("/jobs", "Starts a job: sample, restore or train", .kinds(JobSchemas.all), .json(JobSchemas.job, status: 202)) {
        [self] request in try await submit(request)
      },
      .get("/jobs", "All jobs, newest first", .json(JobSchemas.jobs)) { [self] _ in .json(["jobs": .array(queue.list())]) },
      .get("/jobs/{id}", "A job", .json(JobSchemas.job)) { [self] request in .json(try queue.json(request["id"])) },
      .post("/jobs/{id}/cancel", "Stops a job between two steps", .nothing, .json(JobSchemas.job)) { [self] request in
        .json(try queue.cancel(request["id"]))
      },
      .post("/jobs/{id}/resume", "Resumes an interrupted or cancelled job", .nothing, .json(JobSchemas.job)) { [self] request in
        .json(try queue.resume(request["id"]))
      },
      .delete("/jobs/{id}", "Removes a job that is over, and its results") { [self] request in
        try queue.remove(request["id"])
        return .empty
      },
      .get("/jobs/{id}/events", "Progress, previews, log and state as they come", .events) { [self] request in try events(request) },
      .get(
        "/jobs/{id}/preview", "The newest preview of a running job",
        query: [Route.Query("number", .natural, "Makes each preview's URL another one; not read.")], .file("image/png")
      ) { [self] request in
        guard let preview = try queue.view(request["id"]).preview else { throw Problem(404, "the job has no preview") }
        return Response(type: "image/png", body: .bytes(preview))
      },
      .get("/jobs/{id}/results/{name}", "A result by its name in the job's list", .file("image/*")) { [self] request in
        let (path, type) = try queue.result(request["name"], of: request["id"])
        return try .file(path, type: type)
      },
      .get(
        "/jobs/{id}/results/{name}/view", "A result made small",
        query: [Route.Query("size", .integer(16...4096), "The larger side at most; 1600 if it is not given.")], .file("image/*")
      ) { [self] request in
        let (path, _) = try queue.result(request["name"], of: request["id"])
        let size = try request.integer("size", in: 16...4096, default: 1600)
        return try await library.pictures.view(of: path, key: "\(request["id"]) \(request["name"]) \(size)", size: size)
      },
      .post(
        "/plans", "What a job would take; nothing is computed", .kinds([JobSchemas.sample, JobSchemas.restore]), .json(Schemas.plan)
      ) { [self] request in
        .json(try await planner.plan(JobSchemas.checked(await request.json(), among: [JobSchemas.sample, JobSchemas.restore])))
      },
      .post("/details", "A detail of a picture, restored", .json(Schemas.detail), .file("image/png")) { [self] request in
        let body = try await request.json(Schemas.detail)
        return Response(type: "image/png", body: .bytes(try await planner.detail(body, client: request.client)))
      },
    ]
  }

  private func submit(_ request: Request) async throws -> Response {
    var settings = try JobSchemas.checked(await request.json())
    let kind = settings["kind"]?.string ?? "", run = settings["run"]?.string
    if kind == "train", let run {
      guard settings["recipe"] == nil, settings["data"] == nil, settings["settings"] == nil else {
        throw Problem(422, "'run' resumes a run as it is; expected no recipe, data or settings beside it")
      }
      _ = try library.runs.run(run)
      guard library.runs.hasBegun(run) else { throw Problem(409, "the run has no checkpoint yet") }
      guard !queue.hasUnfinished(where: { $0.run == run }) else { throw Problem(409, "a job trains this run already") }
    } else {
      try await planner.check(settings)
      // Nulls mean the default, which is what is missing.
      settings = .object((settings.object ?? [:]).filter { $0.value != .null })
    }
    // Room for the results; a training's checkpoints are counted as they are written.
    try library.folder.reserve(1 << 20)
    let job = try queue.submit(kind: kind, settings: settings, run: run)
    var response = Response.json(job, status: 202)
    response.headers["Location"] = "/api/v1/jobs/\(job["id"]?.string ?? "")"
    return response
  }

  private func events(_ request: Request) throws -> Response {
    _ = try queue.view(request["id"])
    try admission.openStream()
    let admission = admission
    do {
      let events = try queue.events(of: request["id"]) { admission.closeStream() }
      return Response(type: "text/event-stream", body: .events(events))
    } catch {
      admission.closeStream()
      throw error
    }
  }
}
