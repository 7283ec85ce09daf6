import Models

/// The OpenAPI 3.1 document of the routes.
enum OpenAPI {
  static func document(of routes: [Route]) -> JSON {
    var paths: [String: [String: JSON]] = [:]
    for route in routes { paths[route.path, default: [:]][route.method.rawValue.lowercased()] = operation(route) }
    let schemas = Dictionary(uniqueKeysWithValues: objects(of: routes).map { ($0.key, $0.value.document) })
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "Sfumato studio", "version": .string(sfumatoVersion),
        "description": "Restore, sample and train on this machine. POST and DELETE need the header 'X-Sfumato: 1'.",
      ],
      "paths": .object(paths.mapValues(JSON.object)),
      "components": [
        "schemas": .object(schemas), "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
      ],
    ]
  }

  /// Every named object of requests and responses.
  static func objects(of routes: [Route]) -> [String: ObjectSchema] {
    var objects = Schema.object(Schemas.problem).objects
    for route in routes {
      switch route.input {
      case .json(let schema): objects.merge(Schema.object(schema).objects) { first, _ in first }
      case .kinds(let schemas): for schema in schemas { objects.merge(Schema.object(schema).objects) { first, _ in first } }
      case .nothing, .picture: break
      }
      if case .json(let schema, _) = route.output { objects.merge(Schema.object(schema).objects) { first, _ in first } }
    }
    return objects
  }

  private static func operation(_ route: Route) -> JSON {
    let names = route.path.split(separator: "/").filter { $0.first == "{" }.map { String($0.dropFirst().dropLast()) }
    var parameters: [JSON] = names.map { ["name": .string($0), "in": "path", "required": true, "schema": Schema.id.document] }
    parameters += route.query.map {
      ["name": .string($0.name), "in": "query", "description": .string($0.documentation), "schema": $0.schema.document]
    }
    if route.method != .get {
      parameters.append([
        "name": "X-Sfumato", "in": "header", "required": true, "schema": ["type": "string", "enum": ["1"]],
        "description": "Shows that no other site's page asks.",
      ])
    }
    return .members([
      "summary": .string(route.summary), "operationId": .string(identifier(route)),
      "parameters": parameters.isEmpty ? nil : .array(parameters), "requestBody": body(route.input), "responses": responses(route),
    ])
  }

  /// `get_jobs_id_events`.
  private static func identifier(_ route: Route) -> String {
    let parts = route.path.split(separator: "/").dropFirst(2).map { $0.filter { $0.isLetter || $0.isNumber } }
    return ([route.method.rawValue.lowercased()] + parts).joined(separator: "_")
  }

  private static func body(_ input: Route.Input) -> JSON? {
    func json(_ schema: JSON) -> JSON { ["required": true, "content": ["application/json": ["schema": schema]]] }
    switch input {
    case .nothing: return nil
    case .json(let schema): return json(Schema.object(schema).document)
    case .kinds(let schemas): return json(["oneOf": .array(schemas.map { Schema.object($0).document })])
    case .picture:
      let binary: JSON = ["schema": ["type": "string", "format": "binary"]]
      return ["required": true, "content": ["application/octet-stream": binary, "image/*": binary]]
    }
  }

  private static func responses(_ route: Route) -> JSON {
    let problem: JSON = [
      "description": "What was found, what was expected, what to do.",
      "content": ["application/problem+json": ["schema": Schema.object(Schemas.problem).document]],
    ]
    func content(_ type: String, _ schema: JSON) -> JSON { ["description": "Done.", "content": .object([type: ["schema": schema]])] }
    var responses: [String: JSON] = ["default": problem]
    switch route.output {
    case .json(let schema, let status): responses["\(status)"] = content("application/json", Schema.object(schema).document)
    case .file(let type): responses["200"] = content(type, ["type": "string", "format": "binary"])
    case .events: responses["200"] = content("text/event-stream", ["type": "string"])
    case .document: responses["200"] = content("application/json", ["type": "object"])
    case .nothing: responses["204"] = ["description": "Done."]
    }
    return .object(responses)
  }
}
