import Checkpoints
import Failures
import Foundation

extension RunFolder {
  /// Adds a line of JSON to the log.
  /// - Throws: `CheckpointError` when the system refuses; the log ends with a whole line all the same.
  public func log(_ entry: some Encodable) throws {
    let line = Array((try Self.json(entry) + "\n").utf8)
    let descriptor = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw CheckpointError.io(logPath, "cannot be written", errno) }
    defer { close(descriptor) }
    let end = lseek(descriptor, 0, SEEK_END)
    guard Foundation.write(descriptor, line, line.count) == line.count else {
      let code = errno
      if end >= 0 { _ = ftruncate(descriptor, end) }
      throw CheckpointError.io(logPath, "cannot be written", code)
    }
  }

  /// Cuts the log back to a step: the lines of later steps, which a training that is resumed takes again, and a torn
  /// last line.
  /// - Throws: `CheckpointError` when the system refuses.
  public func cutLog(to step: Int) throws {
    guard FileManager.default.fileExists(atPath: logPath) else { return }
    if let problem = WritingTarget(logPath).problem { throw CheckpointError(.io, logPath, "cannot be read: \(problem); expected a file") }
    let length: Int, kept: Int
    do {
      let text = try Data(contentsOf: URL(fileURLWithPath: logPath.urlPath), options: .alwaysMapped)
      (length, kept) = (text.count, Self.end(of: text, to: step))
    } catch { throw CheckpointError(.io, logPath, "cannot be read: \(error.systemMessage)") }
    guard kept < length else { return }
    guard truncate(logPath, off_t(kept)) == 0 else { throw CheckpointError.io(logPath, "cannot be cut back to step \(step)", errno) }
  }

  /// Where the last line ends that is whole and of no later step.
  private static func end(of log: Data, to step: Int) -> Int {
    struct Line: Decodable { let step: Int? }
    let newline = UInt8(ascii: "\n"), decoder = JSONDecoder()
    // Each round looks at the last line that is left, which ends with a newline.
    var end = log.lastIndex(of: newline).map { $0 + 1 } ?? 0
    while end > 0 {
      let start = log[..<(end - 1)].lastIndex(of: newline).map { $0 + 1 } ?? 0
      if let line = try? decoder.decode(Line.self, from: log[start..<(end - 1)]), line.step ?? 0 <= step { return end }
      end = start
    }
    return 0
  }
}
