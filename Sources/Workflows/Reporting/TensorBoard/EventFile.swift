import Failures
import Foundation

/// An event file of TensorBoard: TFRecords of `TensorBoardEvent`. It grows by whole records, which a reader can follow.
final class EventFile {
  let path: String
  private let descriptor: Int32

  /// A new file in a folder, which begins with its version and the start of a session.
  /// - Parameter step: the step after which the session begins.
  /// - Throws: `SfumatoError` when the system refuses.
  init(in folder: String, step: Int, time: Double = Date().timeIntervalSince1970) throws {
    if let problem = folder.makeFolder() { throw SfumatoError(.io, "\(folder): cannot be made: \(problem)") }
    let name = String(format: "events.out.tfevents.%010d.sfumato", Int(time))
    (descriptor, path) = try Self.create("\(folder)/\(name)")
    try add(TensorBoardEvent(wallTime: time, step: step, content: .fileVersion))
    try add(TensorBoardEvent(wallTime: time, step: step, content: .sessionStart))
  }

  deinit { close(descriptor) }

  /// Two sessions may begin in the same second.
  private static func create(_ path: String) throws -> (Int32, String) {
    for number in 0..<1000 {
      let name = "\(path).\(number)"
      let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644)
      if descriptor >= 0 { return (descriptor, name) }
      guard errno == EEXIST else { throw error(name, errno) }
    }
    throw error(path, EEXIST)
  }

  private static func error(_ path: String, _ code: Int32) -> SfumatoError {
    SfumatoError(.io, "\(path) cannot be written: \(String(cString: strerror(code)).lowercased())")
  }

  /// - Throws: `SfumatoError` when the system refuses; the file then ends with a whole record all the same.
  func add(_ event: TensorBoardEvent) throws {
    let record = Self.record(try event.encoded()), end = lseek(descriptor, 0, SEEK_END)
    guard write(descriptor, record, record.count) == record.count else {
      let code = errno
      if end >= 0 { _ = ftruncate(descriptor, end) }
      throw Self.error(path, code)
    }
  }

  /// Length, its masked checksum, the data, their masked checksum; little-endian.
  static func record(_ data: [UInt8]) -> [UInt8] {
    func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    let length = bytes(UInt64(data.count))
    return length + bytes(CRC32C.masked(length)) + data + bytes(CRC32C.masked(data))
  }
}
