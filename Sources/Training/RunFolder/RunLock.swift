import Checkpoints
import Failures
import Foundation
import Synchronization

/// Ownership of a run folder, for as long as the value lives and no longer than the process: the system lifts the lock of a process
/// that ends in any way. A process may hold it more than once.
///
/// The lock is `flock` on the folder itself and on the file `lock` in it, whose contents are for messages: so deleting the file opens the
/// folder to nobody, and programs of version 0.1.0, which lock the file alone, are seen.
public final class RunLock: Sendable {
  private let key: String
  /// Whether this value is the first of its process.
  let isFirst: Bool

  private struct Held {
    /// The descriptors of the folder and of the file.
    let descriptors: [Int32]
    var count: Int
  }
  private static let held = Mutex<[String: Held]>([:])

  /// - Parameter path: of the lock file.
  /// - Throws: `CheckpointError` that names the process that holds it.
  init(_ path: String) throws {
    let folder = open(path.parentFolder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw CheckpointError.io(path, "cannot be opened to lock the run", errno) }
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      let code = errno
      close(folder)
      throw CheckpointError.io(path, "cannot be opened to lock the run", code)
    }
    let key = Self.key(folder), descriptors = [folder, file]
    self.key = key
    // Put together before the lock is taken: another process that is refused reads it at once.
    let holder = LockHolder.current.text
    do {
      isFirst = try Self.held.withLock { held in
        if held[key] != nil {
          held[key]?.count += 1
          return false
        }
        for descriptor in descriptors { try Self.take(descriptor, path) }
        holder.write(to: file)
        held[key] = Held(descriptors: descriptors, count: 1)
        return true
      }
    } catch {
      for descriptor in descriptors { close(descriptor) }
      throw error
    }
    if !isFirst { for descriptor in descriptors { close(descriptor) } }
  }

  deinit {
    Self.held.withLock { held in
      guard var own = held[key] else { return }
      own.count -= 1
      held[key] = own.count > 0 ? own : nil
      // Closing it lifts the lock.
      if own.count == 0 { for descriptor in own.descriptors { close(descriptor) } }
    }
  }

  private static func take(_ descriptor: Int32, _ path: String) throws {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: throw problem(path)
      // A file system without locks: training there is as unprotected as before.
      case ENOTSUP, EOPNOTSUPP, ENOSYS, ENOLCK: return
      default: throw CheckpointError.io(path, "cannot be locked", errno)
      }
    }
  }

  /// Refuses a folder that another process owns, without taking it.
  static func check(_ path: String) throws {
    for place in [path.parentFolder, path] {
      let descriptor = open(place, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      if place != path, held.withLock({ $0[key(descriptor)] != nil }) { return }
      if flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK { throw problem(path) }
    }
  }

  private static func problem(_ path: String) -> CheckpointError {
    let folder = path.parentFolder
    return CheckpointError(
      .io, folder, "is in use: \(LockHolder(file: path)?.description ?? "another process") trains in it; wait until it ends, or stop it")
  }

  /// The folder itself, whatever path leads to it.
  private static func key(_ descriptor: Int32) -> String {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? "\(status.st_dev):\(status.st_ino)" : "\(descriptor)"
  }
}

/// Who owns a run folder.
private struct LockHolder: Codable, CustomStringConvertible {
  let pid: Int32, host: String
  /// When it took the lock, ISO 8601.
  let since: String

  static var current: LockHolder {
    LockHolder(pid: getpid(), host: hostName, since: Date().formatted(.iso8601))
  }

  /// The machine's own name, without asking a name server.
  private static var hostName: String {
    var name = [UInt8](repeating: 0, count: 256)
    let failed = name.withUnsafeMutableBytes { gethostname($0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count - 1) } != 0
    return failed ? "this machine" : String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
  }

  init(pid: Int32, host: String, since: String) {
    (self.pid, self.host, self.since) = (pid, host, since)
  }

  init?(file path: String) {
    guard let file = FileHandle(forReadingAtPath: path), let data = try? file.read(upToCount: 4096) else { return nil }
    guard let holder = try? JSONDecoder().decode(LockHolder.self, from: data), holder.isAlive else { return nil }
    self = holder
  }

  var text: Data { (try? JSONEncoder().encode(self)) ?? Data() }

  /// Whether it may hold the lock: what stands in the file may be of a process that ended.
  var isAlive: Bool { host != Self.hostName || kill(pid, 0) == 0 || errno != ESRCH }

  var description: String { "process \(pid) on \(host.filter { !$0.isNewline }), since \(since.filter { !$0.isNewline })," }
}

extension Data {
  /// Replaces the contents of the lock file. A failure only costs a message its details.
  fileprivate func write(to descriptor: Int32) {
    _ = ftruncate(descriptor, 0)
    _ = withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
  }
}

extension RunFolder {
  var lockPath: String { "\(path)/lock" }

  /// Makes this process the owner of the folder, and clears away what processes that ended left half written.
  /// - Throws: `CheckpointError` of the class `io` when another process trains in it, which it names.
  public func lock() throws -> RunLock {
    let lock = try RunLock(lockPath)
    if lock.isFirst { clearUnfinished() }
    return lock
  }
}
