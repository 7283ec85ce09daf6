import Failures
import Foundation
import Tensors

/// What the studio is started with.
public struct StudioOptions: Sendable {
  /// 0 for a free port.
  public var port = 8471
  /// The folder that holds everything.
  public var data: String
  /// The most bytes of that folder.
  public var dataLimit = 20 << 30
  /// Folders whose pictures may be trained on.
  public var folders: [String] = []
  /// An address beside those of this machine alone; it needs a token.
  public var address: String?
  public var token: String?
  public var device = "cpu"
  /// How long clients may take; tests set shorter times.
  var times = Limits.Times()

  public init(data: String) { self.data = data }
}

/// The studio: pages and an API for restoring, sampling and training on this machine.
public final class StudioServer: Sendable {
  let library: Library
  let queue: JobQueue
  let planner: Planner
  let admission = Admission()
  /// What blocks and is neither picture nor model.
  let lane = WorkLane("facts", limit: 16)
  private let pages = PageFiles()
  private let listener: Listener
  private let security: Security
  private let heart: Task<Void, Never>

  /// The port, and the token that is needed if any.
  public var port: Int { listener.port }
  public let token: String?
  let address: String?

  /// Opens the data folder and binds the port; `start()` serves.
  /// - Throws: `SfumatoError` for options that cannot be met.
  public init(_ options: StudioOptions) throws {
    try Torch.start()
    let loopback: Set = ["127.0.0.1", "::1", "localhost"]
    address = options.address.flatMap { loopback.contains($0) ? nil : $0 }
    token = options.token ?? (address == nil ? nil : Identifier.make() + Identifier.make())
    if let token, token.wholeMatch(of: /[A-Za-z0-9_-]{16,200}/) == nil {
      throw SfumatoError(.usage, "the token must be 16 to 200 letters, digits, '-' and '_'; leave --token out and one is made")
    }
    for folder in options.folders {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
        throw SfumatoError(.missing, "\(folder): there is no such folder; expected a folder of pictures")
      }
    }
    let folder = try DataFolder(options.data, limit: options.dataLimit)
    let library = Library(folder, folders: options.folders.map(\.absolutePath), device: try Device(named: options.device))
    self.library = library
    listener = try Listener(port: options.port, address: address, admission: admission, times: options.times)
    security = Security(port: listener.port, listening: address, token: token)
    let jobs = "\(folder.path)/jobs"
    // What an earlier session planned.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: jobs)) ?? [] where name.hasPrefix(".plan-") {
      try? FileManager.default.removeItem(atPath: "\(jobs)/\(name)")
    }
    queue = JobQueue(folder) { record in try library.work(record, results: "\(jobs)/\(record.id)/results") }
    planner = Planner(library)
    heart = Task.detached { [queue] in
      while (try? await Task.sleep(for: .seconds(15))) != nil { queue.heartbeat() }
    }
  }

  /// Every route of the API.
  var routes: [Route] { systemRoutes + pictureRoutes + jobRoutes + dataRoutes + runRoutes }

  public func start() {
    let routes = routes
    let document = OpenAPI.document(of: routes).data
    let description = Route.get("/openapi.json", "This document", .document) { _ in
      Response(type: "application/json", body: .bytes(document))
    }
    let router = Router(routes: routes + [description])
    listener.start { [self] head, body, client in await respond(head, body, client, router) }
  }

  private func respond(_ head: RequestHead, _ body: ConnectionBody, _ client: String, _ router: Router) async -> Response {
    do {
      try admission.ask(client)
      try security.check(head)
    } catch { return Problem(error).response }
    if let login = security.login(head) { return login }
    guard head.path.first == "api" else {
      guard head.method == .get || head.method == .head else { return Problem(405, "expected GET").response }
      return pages.response(head) ?? Problem(404, "there is no such page").response
    }
    return await router.response(to: Request(head: head, body: body, client: client))
  }

  /// Stops serving, saves what computes, and waits for that.
  public func stop() {
    heart.cancel()
    queue.stop()
    listener.stop()
    library.folder.close()
  }
}
