import Foundation

/// Data sets and recipes.
extension StudioServer {
  var dataRoutes: [Route] {
    [
      .post("/data", "Makes a data set, to which pictures are added", .json(Schemas.dataRequest), .json(Schemas.dataSet, status: 201)) {
        [self] request in
        let set = try library.data.make(await request.json(Schemas.dataRequest))
        return .json(try await library.data.report(set.id), status: 201)
      },
      .get("/data", "The data sets", .json(Schemas.dataSets)) { [self] _ in
        let sets = library.data.all.map { set -> JSON in
          ["id": .string(set.id), "name": .string(set.name), "count": .integer(set.count)]
        }
        return .json(["data": .array(sets)])
      },
      .get("/data/{id}", "What is in a data set, or in a folder given at start", .json(Schemas.dataSet)) { [self] request in
        .json(try await library.data.report(request["id"]))
      },
      .get("/data/{id}/sheet.png", "A contact sheet", .file("image/png")) { [self] request in
        Response(type: "image/png", body: .bytes(try await library.data.sheet(request["id"])))
      },
      .post(
        "/data/{id}/pictures", "Adds a picture", query: [Route.Query("class", .string(maximum: 40), "One of the set's classes.")], .picture,
        .json(Schemas.added, status: 201)
      ) { [self] request in .json(try await library.data.add(request, to: request["id"]), status: 201) },
      .delete("/data/{id}", "Removes a data set") { [self] request in
        let id = request["id"]
        guard !queue.hasUnfinished(where: { $0.settings["data"]?.string == id }) else {
          throw Problem(409, "a job that is not over yet uses the data set", hint: "cancel the job first")
        }
        try library.data.remove(id)
        return .empty
      },
      .get("/recipes", "The bundled recipes", .json(Schemas.recipes)) { _ in
        let recipes = try RecipeForm.bundled.keys.sorted().map { name -> JSON in
          let (title, text) = try RecipeForm(name).text()
          return ["name": .string(name), "title": .string(title), "text": .string(text)]
        }
        return .json(["recipes": .array(recipes)])
      },
      .get("/recipes/{name}/fields", "The values of a recipe, for a form", .json(Schemas.fields)) { request in
        .json(["fields": .array(try RecipeForm(request["name"]).fields())])
      },
      .post("/recipes/check", "Checks recipe, settings and data", .json(Schemas.recipeCheck), .json(Schemas.recipeFacts)) {
        [self] request in .json(try await planner.recipeCheck(request.json(Schemas.recipeCheck)))
      },
    ]
  }
}
