import Failures
import Foundation

/// Why a request was refused: a problem document (RFC 9457).
struct Problem: Error, Sendable, Equatable {
  var status: Int
  /// What was found and what was expected, as the command line says it.
  var detail: String
  /// What to do.
  var hint: String?
  /// Seconds after which the same request may succeed.
  var retryAfter: Int?

  init(_ status: Int, _ detail: String, hint: String? = nil, retryAfter: Int? = nil) {
    (self.status, self.detail, self.hint, self.retryAfter) = (status, detail, hint, retryAfter)
  }

  /// The problem document of an error of the libraries.
  init(_ error: any Error) {
    if let problem = error as? Problem {
      self = problem
      return
    }
    let status =
      switch Failure(of: error) {
      case .usage, .data, .memory: 422
      case .missing: 404
      case .io: 507
      case .interrupted: 503
      case .internal: 500
      }
    self.init(status, "\(error)")
  }

  var title: String { HTTPStatus.phrase(status) }

  var json: JSON {
    .members([
      "type": "about:blank", "title": .string(title), "status": .integer(status), "detail": .string(detail), "hint": .optional(hint),
    ])
  }

  var response: Response {
    var response = Response(status: status, type: "application/problem+json", body: .bytes(json.data))
    if let retryAfter { response.headers["Retry-After"] = "\(retryAfter)" }
    return response
  }
}

enum HTTPStatus {
  static func phrase(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 302: "Found"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 411: "Length Required"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Status \(status)"
    }
  }
}
