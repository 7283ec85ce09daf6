import Foundation

/// The files of `Pages/`, which are part of the program.
struct PageFiles: Sendable {
  struct File: Sendable { let type: String, bytes: Data, tag: String }

  private let files: [String: File]

  init() {
    files = Self.embedded.reduce(into: [:]) { files, entry in
      let (name, bytes) = entry
      let type = Self.types[String(name.split(separator: ".").last ?? "")] ?? "application/octet-stream"
      files[name] = File(type: type, bytes: Data(bytes), tag: "\"\(String(Identifier.hash(bytes), radix: 36))\"")
    }
  }

  var names: [String] { files.keys.sorted() }

  private static let types = [
    "html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
  ]

  /// - Parameter path: of the request: none for the page, a name, or a name below `assets`.
  func response(_ head: RequestHead) -> Response? {
    let path = head.path.first == "assets" ? Array(head.path.dropFirst()) : head.path
    guard path.count <= 1, let file = files[path.first ?? "index.html"] else { return nil }
    let headers = ["ETag": file.tag, "Cache-Control": "no-cache"]
    guard head.headers["if-none-match"] != file.tag else {
      return Response(status: 304, type: file.type, body: .bytes(Data()), headers: headers)
    }
    return Response(type: file.type, body: .bytes(file.bytes), headers: headers)
  }
}
