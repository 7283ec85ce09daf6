import Foundation

/// Trainings in the data folder.
extension StudioServer {
  var runRoutes: [Route] {
    [
      .get("/runs", "The runs, newest first", .json(Schemas.runs)) { [self] _ in
        .json(["runs": .array(library.runs.all.map(json))])
      },
      .get("/runs/{id}", "A run", .json(Schemas.run)) { [self] request in .json(json(try library.runs.run(request["id"]))) },
      .get(
        "/runs/{id}/log", "The lines of a run's log", query: [Route.Query("after", .natural, "Only lines of later steps.")],
        .json(Schemas.log)
      ) { [self] request in
        .json(["lines": .array(try library.runs.log(request["id"], after: request.integer("after", in: 0...Int.max, default: -1)))])
      },
      .get("/runs/{id}/previews", "The previews of a run, oldest first", .json(Schemas.previews)) { [self] request in
        let id = request["id"]
        let previews = try library.runs.previews(id).map { preview -> JSON in
          ["step": .integer(preview.images), "url": .string("/api/v1/runs/\(id)/previews/\(preview.images)")]
        }
        return .json(["previews": .array(previews)])
      },
      .get("/runs/{id}/previews/{images}", "A preview of a run", .file("image/png")) { [self] request in
        guard let preview = try library.runs.previews(request["id"]).first(where: { "\($0.images)" == request["images"] }) else {
          throw Problem(404, "the run has no such preview")
        }
        var response = try Response.file(preview.path, type: "image/png")
        response.headers["Cache-Control"] = PictureStore.lasting["Cache-Control"]
        return response
      },
      .get("/runs/{id}/report", "The report of a run, a page", .file("text/html")) { [self] request in
        let path = "\(library.runs.path(try library.runs.run(request["id"]).id))/report.html"
        var response = try Response.file(path, type: "text/html; charset=utf-8")
        // The page is one file with its styles and pictures in it, and runs nothing.
        response.headers["Content-Security-Policy"] =
          "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response
      },
      .delete("/runs/{id}", "Removes a run and its model") { [self] request in
        let id = request["id"]
        guard !queue.hasUnfinished(where: { $0.run == id }) else { throw Problem(409, "a job trains this run", hint: "cancel it first") }
        try library.runs.remove(id)
        return .empty
      },
    ]
  }

  private func json(_ run: RunStore.Run) -> JSON { library.runs.json(run, isTraining: queue.hasUnfinished { $0.run == run.id }) }
}
