import Foundation

enum HTTPMethod: String, Sendable { case get = "GET", head = "HEAD", post = "POST", delete = "DELETE" }

/// The head of a request, parsed strictly: what a proxy or browser may read otherwise is refused.
struct RequestHead: Sendable {
  let method: HTTPMethod
  /// The decoded parts of the path, without empty ones.
  let path: [String]
  let query: [String: String]
  /// By names in small letters.
  let headers: [String: String]
  let isHTTP10: Bool

  /// Bytes of the body.
  let contentLength: Int

  var keepsAlive: Bool {
    let tokens = (headers["connection"] ?? "").lowercased()
    return isHTTP10 ? tokens.contains("keep-alive") : !tokens.contains("close")
  }

  /// - Parameter bytes: up to and without the empty line.
  /// - Throws: `Problem` 400, 405, 411, 413, 414, 431 or 505.
  init(_ bytes: some Collection<UInt8>) throws {
    guard bytes.allSatisfy({ $0 == 13 || $0 == 10 || $0 == 9 || (0x20...0x7E).contains($0) || $0 >= 0x80 }) else {
      throw Problem(400, "the head of the request contains control characters")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    var lines = text.components(separatedBy: "\r\n")
    guard lines.allSatisfy({ !$0.unicodeScalars.contains("\n") && !$0.unicodeScalars.contains("\r") }) else {
      throw Problem(400, "lines of the head must end with CR LF")
    }
    let start = lines.removeFirst().split(separator: " ", omittingEmptySubsequences: false)
    guard start.count == 3, start[2].hasPrefix("HTTP/") else { throw Problem(400, "the request line is no METHOD TARGET HTTP/1.1") }
    guard start[2] == "HTTP/1.1" || start[2] == "HTTP/1.0" else { throw Problem(505, "expected HTTP/1.1") }
    isHTTP10 = start[2] == "HTTP/1.0"
    guard let method = HTTPMethod(rawValue: String(start[0])) else {
      throw Problem(405, "the method is unknown; expected GET, HEAD, POST or DELETE")
    }
    self.method = method
    (path, query) = try Self.target(String(start[1]))
    headers = try Self.headers(lines)
    contentLength = try Self.length(headers)
  }

  private static func target(_ target: String) throws -> ([String], [String: String]) {
    guard target.utf8.count <= Limits.urlBytes else { throw Problem(414, "the URL has more than \(Limits.urlBytes) bytes") }
    guard target.hasPrefix("/") else { throw Problem(400, "the target of the request must begin with '/'") }
    let sides = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = try sides[0].split(separator: "/", omittingEmptySubsequences: true).map { part -> String in
      guard let decoded = String(part).removingPercentEncoding, !decoded.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
        throw Problem(400, "the path is not percent-encoded UTF-8")
      }
      return decoded
    }
    guard sides.count == 2 else { return (path, [:]) }
    var query: [String: String] = [:]
    for pair in sides[1].split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
        $0.replacingOccurrences(of: "+", with: " ").removingPercentEncoding
      }
      guard let key = parts[0], let value = parts.count == 2 ? parts[1] : "" else {
        throw Problem(400, "the query is not percent-encoded UTF-8")
      }
      query[key] = value
    }
    return (path, query)
  }

  private static func headers(_ lines: [String]) throws -> [String: String] {
    guard lines.count <= Limits.headerCount else { throw Problem(431, "there are more than \(Limits.headerCount) header fields") }
    var headers: [String: String] = [:]
    for line in lines {
      let sides = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      // A space before the colon, or at the beginning, continues or hides a field.
      guard sides.count == 2, !sides[0].isEmpty, sides[0].utf8.allSatisfy(isTokenByte) else {
        throw Problem(400, "a header field is no NAME: VALUE")
      }
      let name = sides[0].lowercased(), value = sides[1].trimmingCharacters(in: .whitespaces)
      guard headers[name] == nil || !singular.contains(name) else { throw Problem(400, "the header field \(name) occurs twice") }
      headers[name] = headers[name].map { "\($0), \(value)" } ?? value
    }
    return headers
  }

  private static let singular: Set = [
    "host", "content-length", "content-type", "transfer-encoding", "authorization", "origin", "cookie", "sec-fetch-site", "x-sfumato",
  ]

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func length(_ headers: [String: String]) throws -> Int {
    // One way of framing a body leaves nothing to smuggle.
    guard headers["transfer-encoding"] == nil else { throw Problem(411, "bodies in chunks are not taken; send Content-Length") }
    guard let text = headers["content-length"] else { return 0 }
    guard !text.isEmpty, text.utf8.count <= 15, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(text) else {
      throw Problem(400, "Content-Length is no number")
    }
    guard length <= Limits.uploadBytes else {
      throw Problem(413, "the body has \(length) bytes; expected at most \(Limits.uploadBytes)")
    }
    return length
  }
}

/// A request on its way to a route.
struct Request: Sendable {
  let head: RequestHead
  let body: RequestBody
  /// Who is asking: an address; of programs on this machine, a connection.
  let client: String
  /// The values of the route's `{names}`.
  var parameters: [String: String] = [:]

  subscript(parameter: String) -> String { parameters[parameter] ?? "" }

  /// A whole number in the query.
  /// - Throws: `Problem` 422.
  func integer(_ name: String, in range: ClosedRange<Int>, default value: Int) throws -> Int {
    guard let text = head.query[name] else { return value }
    guard let number = Int(text), range.contains(number) else {
      throw Problem(422, "'\(name)' is '\(text.prefix(40))'; expected a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  /// The body as JSON that fits a schema.
  /// - Throws: `Problem` 400, 413 or 422.
  func json(_ schema: ObjectSchema) async throws -> JSON {
    let value = try await json()
    if let problem = schema.problem(with: value) { throw Problem(422, problem) }
    return value
  }

  func json() async throws -> JSON {
    guard head.contentLength <= Limits.jsonBytes else {
      throw Problem(413, "the body has \(head.contentLength) bytes; expected at most \(Limits.jsonBytes)")
    }
    let data = try await body.all()
    do { return try JSON(parsing: data) } catch { throw Problem(400, "the body is not JSON") }
  }
}

/// The body of a request, which is read from the connection when a route asks for it.
protocol RequestBody: Sendable {
  /// - Returns: some bytes; nil at the end.
  func next() async throws -> Data?
}

extension RequestBody {
  func all() async throws -> Data {
    var data = Data()
    while let piece = try await next() { data += piece }
    return data
  }
}
