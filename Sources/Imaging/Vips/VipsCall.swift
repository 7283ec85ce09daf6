internal import CVips
import Foundation

/// An image of libvips, released at the end. libvips lets any thread use it, one at a time.
struct VipsHandle: ~Copyable, @unchecked Sendable {
  let raw: OpaquePointer

  init?(_ raw: OpaquePointer?) {
    guard let raw else { return nil }
    self.raw = raw
  }

  deinit { cv_release(raw) }
}

/// Calls libvips for many pictures at a time, and gives every failure its own message.
enum VipsCall {
  /// What libvips said about a failure.
  struct Failure: Error { let message: String }

  /// libvips keeps one buffer of messages for the whole process, so a failure's message may be mixed with that of another
  /// picture that fails at the same time. Hence a failure is repeated alone, so that the messages in the buffer are its own.
  /// - Parameter work: a whole job from opening to result; nil when any part of it failed.
  static func run<Value: ~Copyable>(_ work: () -> Value?) throws -> Value {
    _ = try VipsLibrary.loaded()
    if let value = lock.shared(work) { return value }
    return try lock.exclusive {
      cv_clear_messages()
      if let value = work() { return value }
      throw Failure(message: takeMessage())
    }
  }

  private static let lock = ReadersWriterLock()

  /// The lines of the buffer, joined, each once.
  private static func takeMessage() -> String {
    guard let text = cv_take_message() else { return "no reason given" }
    defer { free(text) }
    var seen: Set<Substring> = []
    let lines = String(cString: text).split(separator: "\n").filter { seen.insert($0).inserted }
    return lines.isEmpty ? "no reason given" : lines.joined(separator: ", ")
  }
}

/// Any number of readers, or one writer.
private final class ReadersWriterLock: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)

  init() { pthread_rwlock_init(lock, nil) }

  func shared<Value: ~Copyable>(_ body: () -> Value) -> Value {
    pthread_rwlock_rdlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    return body()
  }

  func exclusive<Value: ~Copyable>(_ body: () throws -> Value) rethrows -> Value {
    pthread_rwlock_wrlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    return try body()
  }

  deinit {
    pthread_rwlock_destroy(lock)
    lock.deallocate()
  }
}
