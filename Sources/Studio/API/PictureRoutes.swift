import Foundation

/// Uploaded pictures.
extension StudioServer {
  var pictureRoutes: [Route] {
    [
      .post("/pictures", "Uploads a picture; X-Filename is its name for display", .picture, .json(Schemas.picture, status: 201)) {
        [self] request in
        let picture = try await library.pictures.add(request)
        var response = Response.json(picture.json, status: 201)
        response.headers["Location"] = "/api/v1/pictures/\(picture.id)"
        return response
      },
      .get("/pictures/{id}", "A picture as it was uploaded", .file("image/*")) { [self] request in
        let picture = try library.pictures.picture(request["id"])
        var response = try Response.file(library.pictures.path(of: picture), type: picture.type)
        response.headers["Cache-Control"] = PictureStore.lasting["Cache-Control"]
        return response
      },
      .get("/pictures/{id}/facts", "What is known of a picture", .json(Schemas.picture)) { [self] request in
        .json(try library.pictures.picture(request["id"]).json)
      },
      .get(
        "/pictures/{id}/view", "A picture made small, upright",
        query: [Route.Query("size", .integer(16...4096), "The larger side at most; 1600 if it is not given.")], .file("image/*")
      ) { [self] request in
        try await library.pictures.view(request["id"], size: request.integer("size", in: 16...4096, default: 1600))
      },
      .delete("/pictures/{id}", "Removes a picture") { [self] request in
        let id = request["id"]
        guard !queue.hasUnfinished(where: { $0.settings.text.contains(id) }) else {
          throw Problem(409, "a job that is not over yet uses the picture", hint: "cancel the job first")
        }
        try library.pictures.remove(id)
        return .empty
      },
    ]
  }
}
