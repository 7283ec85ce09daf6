import Foundation

/// Who may ask for what: no page of another site, no other name of this machine, and with a token only who has it.
struct Security: Sendable {
  /// The names and addresses by which the server may be called, with the port.
  let hosts: Set<String>
  let token: String?
  /// Whether it listens on every address of this machine, so that any address with the port may be meant. Names are none of these: what
  /// leads here by a foreign name server is a name.
  private let isEverywhere: Bool
  private let port: Int

  static let cookie = "sfumato_token"

  init(port: Int, listening: String?, token: String?) {
    var names = ["localhost", "127.0.0.1", "[::1]"]
    if let listening { names.append(listening.contains(":") ? "[\(listening)]" : listening) }
    hosts = Set(names.flatMap { port == 80 ? [$0, "\($0):80"] : ["\($0):\(port)"] })
    (self.token, self.port) = (token, port)
    isEverywhere = listening == "0.0.0.0" || listening == "::"
  }

  private func isAddress(_ host: String) -> Bool {
    guard isEverywhere, let name = host.hasSuffix(":\(port)") ? host.dropLast("\(port)".count + 1) : nil else { return false }
    var address = in6_addr(), short = in_addr()
    let isV6 = name.hasPrefix("[") && name.hasSuffix("]") && inet_pton(AF_INET6, String(name.dropFirst().dropLast()), &address) == 1
    return isV6 || inet_pton(AF_INET, String(name), &short) == 1
  }

  /// - Throws: `Problem` 400, 401, 403, 415 or 421.
  func check(_ head: RequestHead) throws {
    // A name that leads here by a foreign name server (DNS rebinding) shows in Host.
    guard let host = head.headers["host"] else { throw Problem(400, "there is no Host") }
    guard hosts.contains(host.lowercased()) || isAddress(host) else {
      throw Problem(421, "this server is not '\(host.prefix(80))'; expected \(hosts.sorted().joined(separator: ", "))")
    }
    let isPage = head.method != .post && head.method != .delete && head.path.isEmpty
    if !isPage { try checkOrigin(head, host) }
    if head.method == .post || head.method == .delete { try checkWriting(head) }
    if head.path.first == "api" { try checkToken(head) }
  }

  private func checkOrigin(_ head: RequestHead, _ host: String) throws {
    if let origin = head.headers["origin"], origin.lowercased() != "http://\(host.lowercased())" {
      throw Problem(403, "requests of the site '\(origin.prefix(80))' are refused; expected http://\(host)")
    }
    if let site = head.headers["sec-fetch-site"], !["same-origin", "none"].contains(site) {
      throw Problem(403, "requests of other sites are refused")
    }
  }

  /// What a form or an image of another page can send has neither of these types nor this header.
  private func checkWriting(_ head: RequestHead) throws {
    guard head.headers["x-sfumato"] == "1" else { throw Problem(403, "the header 'X-Sfumato: 1' is missing") }
    guard head.method == .post, head.contentLength > 0 else { return }
    let type = (head.headers["content-type"] ?? "").lowercased().split(separator: ";").first.map(String.init) ?? ""
    guard type == "application/json" || type == "application/octet-stream" || type.hasPrefix("image/") else {
      throw Problem(415, "the body is '\(type.prefix(60))'; expected application/json, a picture's type or application/octet-stream")
    }
  }

  private func checkToken(_ head: RequestHead) throws {
    guard let token else { return }
    let bearer = head.headers["authorization"].flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
    let cookies = (head.headers["cookie"] ?? "").split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces) }
    let cookie = cookies.lazy.compactMap { $0.hasPrefix("\(Self.cookie)=") ? String($0.dropFirst(Self.cookie.count + 1)) : nil }.first
    guard [bearer, cookie].contains(where: { $0.map { Self.areEqual($0, token) } ?? false }) else {
      throw Problem(401, "a token is needed", hint: "open the address that the program printed, or send 'Authorization: Bearer TOKEN'")
    }
  }

  /// What the page answers to `/?token=…`: the cookie, and the page without the token in its address.
  func login(_ head: RequestHead) -> Response? {
    guard let token, head.path.isEmpty, let given = head.query["token"], Self.areEqual(given, token) else { return nil }
    let cookie = "\(Self.cookie)=\(token); HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000"
    return Response(status: 302, type: "text/plain", body: .bytes(Data()), headers: ["Location": "/", "Set-Cookie": cookie])
  }

  /// In a time that does not depend on where they differ.
  static func areEqual(_ first: String, _ second: String) -> Bool {
    let (first, second) = (Array(first.utf8), Array(second.utf8))
    guard first.count == second.count else { return false }
    return zip(first, second).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// The headers of every response.
  static let headers: [String: String] = [
    "Content-Security-Policy": """
    default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'
    """,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
  ]
}
