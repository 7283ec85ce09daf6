import Failures
import Foundation
import RecipeKit

/// One thing that can be asked for. The OpenAPI document is written from the same values that serve requests.
struct Route: Sendable {
  enum Input: Sendable {
    case nothing
    case json(ObjectSchema)
    /// One of several objects, told apart by their key `kind`.
    case kinds([ObjectSchema])
    case picture
  }
  enum Output: Sendable {
    case json(ObjectSchema, status: Int = 200)
    case file(String)
    case events
    case nothing
    /// The OpenAPI document, whose form is given elsewhere.
    case document
  }
  struct Query: Sendable {
    let name: String, schema: Schema, documentation: String
    init(_ name: String, _ schema: Schema, _ documentation: String) {
      (self.name, self.schema, self.documentation) = (name, schema, documentation)
    }
  }
  typealias Handler = @Sendable (Request) async throws -> Response

  let method: HTTPMethod, path: String, summary: String
  let query: [Query], input: Input, output: Output
  let handler: Handler
  fileprivate let parts: [Substring]

  private init(
    _ method: HTTPMethod, _ path: String, _ summary: String, query: [Query], input: Input, output: Output, _ handler: @escaping Handler
  ) {
    (self.method, self.path, self.summary, self.query) = (method, "/api/v1\(path)", summary, query)
    (self.input, self.output, self.handler) = (input, output, handler)
    parts = self.path.split(separator: "/")
  }

  static func get(_ path: String, _ summary: String, query: [Query] = [], _ output: Output, _ handler: @escaping Handler) -> Route {
    Route(.get, path, summary, query: query, input: .nothing, output: output, handler)
  }
  static func post(
    _ path: String, _ summary: String, query: [Query] = [], _ input: Input, _ output: Output, _ handler: @escaping Handler
  ) -> Route {
    Route(.post, path, summary, query: query, input: input, output: output, handler)
  }
  static func delete(_ path: String, _ summary: String, _ handler: @escaping Handler) -> Route {
    Route(.delete, path, summary, query: [], input: .nothing, output: .nothing, handler)
  }

  /// The values of the names in the path; nil where it is another path.
  fileprivate func match(_ path: [String]) -> [String: String]? {
    guard path.count == parts.count else { return nil }
    var values: [String: String] = [:]
    for (part, given) in zip(parts, path) {
      if part.first == "{" { values[String(part.dropFirst().dropLast())] = given } else if part != given { return nil }
    }
    return values
  }
}

/// Leads requests to routes.
struct Router: Sendable {
  let routes: [Route]

  func response(to request: Request) async -> Response {
    do {
      let method = request.head.method == .head ? .get : request.head.method
      let matching = routes.compactMap { route in route.match(request.head.path).map { (route, $0) } }
      guard !matching.isEmpty else {
        throw Problem(404, "there is nothing at this path", hint: "GET /api/v1/openapi.json lists what there is")
      }
      guard let (route, parameters) = matching.first(where: { $0.0.method == method }) else {
        let allowed = matching.map(\.0.method.rawValue).joined(separator: ", ")
        throw Problem(405, "\(request.head.method.rawValue) is not possible here; expected \(allowed)")
      }
      try Self.checkQuery(of: request.head, route)
      var request = request
      request.parameters = parameters
      return try await route.handler(request)
    } catch {
      return Problem(error).response
    }
  }

  private static func checkQuery(of head: RequestHead, _ route: Route) throws {
    let known = route.query.map(\.name)
    for name in head.query.keys.sorted() where !known.contains(name) {
      throw Problem(422, "unknown parameter '\(name.prefix(60))'; \(Suggestion.phrase(for: String(name.prefix(60)), among: known))")
    }
  }
}
