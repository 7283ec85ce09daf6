import Checkpoints
import Failures
import Foundation
import Synchronization

/// The folder that holds everything of the studio: pictures, data sets, jobs, runs. Names in it are made by the server alone, its size
/// is bounded, and one studio at a time uses it.
final class DataFolder: Sendable {
  let path: String
  let limit: Int
  private let lock: Mutex<Int32>
  private let usage: Mutex<(bytes: Int, at: Double)>

  /// Seconds for which a count of the folder's bytes is good; what is added meanwhile is added to it.
  private static let countedFor = 10.0

  /// - Throws: `SfumatoError` where it cannot be made or another studio uses it.
  init(_ path: String, limit: Int) throws {
    (self.path, self.limit) = (path.absolutePath, limit)
    for folder in ["", "/pictures", "/data", "/jobs", "/runs"] {
      if let problem = "\(self.path)\(folder)".makeFolder() {
        throw SfumatoError(.io, "\(self.path)\(folder) cannot be made: \(problem); give another folder with --data")
      }
    }
    let lock = open("\(self.path)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    self.lock = Mutex(lock)
    guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      if lock >= 0 { Foundation.close(lock) }
      throw SfumatoError(.io, "\(self.path) is used by another studio; stop it, or give another folder with --data")
    }
    usage = Mutex((Self.bytes(below: self.path), ReadinessPool.now))
  }

  /// Lets another studio use the folder.
  func close() {
    lock.withLock { descriptor in
      if descriptor >= 0 { Foundation.close(descriptor) }
      descriptor = -1
    }
  }

  func folder(_ kind: String, _ id: String) -> String { "\(path)/\(kind)/\(id)" }

  var bytes: Int {
    let (bytes, at) = usage.withLock { $0 }
    guard ReadinessPool.now - at > Self.countedFor else { return bytes }
    let counted = Self.bytes(below: path)
    usage.withLock { $0 = (counted, ReadinessPool.now) }
    return counted
  }

  /// Counts again at the next question.
  func changed() { usage.withLock { $0.at = -.infinity } }

  /// Adds bytes that are about to be written.
  /// - Throws: `Problem` 507 where the folder would become larger than its limit, or the disk has no room.
  func reserve(_ count: Int) throws {
    let used = bytes
    guard used + count <= limit else {
      throw Problem(
        507, "the data folder holds \(used) bytes of at most \(limit), and \(count) more are needed",
        hint: "remove finished jobs, pictures or data sets, or start the studio with a larger --data-limit")
    }
    var facts = statvfs()
    if statvfs(path, &facts) == 0,
      UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize)).partialValue < UInt64(count)
    {
      throw Problem(507, "the disk of \(path) has no room for \(count) bytes", hint: "make room")
    }
    usage.withLock { $0.bytes += count }
  }

  private static func bytes(below path: String) -> Int {
    guard let files = FileManager.default.enumerator(atPath: path) else { return 0 }
    var bytes = 0
    while let name = files.nextObject() as? String { bytes += FileFacts("\(path)/\(name)")?.size ?? 0 }
    return bytes
  }

  /// Streams a body into a new file.
  /// - Throws: `Problem`; the file is then gone.
  func receive(_ request: Request, to file: String, limit: Int = Limits.uploadBytes) async throws -> Int {
    guard request.head.contentLength > 0 else { throw Problem(422, "the body is empty; expected a picture") }
    guard request.head.contentLength <= limit else { throw Problem(413, "the body is larger than \(limit) bytes") }
    try reserve(request.head.contentLength)
    guard FileManager.default.createFile(atPath: file, contents: nil, attributes: [.posixPermissions: 0o600]),
      let handle = FileHandle(forWritingAtPath: file)
    else { throw Problem(507, "the picture cannot be written into the data folder") }
    do {
      while let piece = try await request.body.next() { try handle.write(contentsOf: piece) }
      try handle.close()
    } catch {
      try? handle.close()
      unlink(file)
      changed()
      throw error is Problem ? error : Problem(507, "the picture cannot be written into the data folder: \(error)")
    }
    return request.head.contentLength
  }

  /// Reads what `write` wrote; nil for what is missing or damaged.
  static func read<Value: Decodable>(_ type: Value.Type, _ file: String) -> Value? {
    guard let size = FileFacts(file)?.size, size <= 8 << 20, let data = FileManager.default.contents(atPath: file) else { return nil }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return try? decoder.decode(type, from: data)
  }

  static func write(_ value: some Encodable, to file: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.dateEncodingStrategy = .iso8601
    try AtomicFile.write(String(decoding: try encoder.encode(value), as: UTF8.self), to: file)
  }
}
