import Foundation

/// What a route answers.
struct Response: Sendable {
  enum Body: Sendable {
    case bytes(Data)
    /// A file of the data folder, sent piece by piece.
    case file(path: String, size: Int)
    /// Server-sent events, until the stream ends or the client goes away.
    case events(AsyncStream<String>)
  }

  var status = 200
  var headers: [String: String] = [:]
  var body: Body

  init(status: Int = 200, type: String, body: Body, headers: [String: String] = [:]) {
    self.status = status
    self.headers = headers
    self.headers["Content-Type"] = type
    self.body = body
  }

  static func json(_ value: JSON, status: Int = 200) -> Response {
    Response(status: status, type: "application/json", body: .bytes(value.data))
  }

  static let empty = Response(status: 204, type: "text/plain", body: .bytes(Data()))

  /// A file as it lies in the data folder.
  /// - Throws: `Problem` 404 where it is gone.
  static func file(_ path: String, type: String, download: String? = nil) throws -> Response {
    guard let size = FileFacts(path)?.size else { throw Problem(404, "the file is not there any more") }
    var response = Response(type: type, body: .file(path: path, size: size))
    if let download { response.headers["Content-Disposition"] = "attachment; filename=\"\(download)\"" }
    return response
  }
}
