import Failures
import Foundation

/// Memory that this process can use.
enum AvailableMemory {
  /// What the process holds in main memory now; nil on systems other than Linux.
  static var resident: Int? {
    #if os(Linux)
      return LinuxMemory(root: "/").resident
    #else
      return nil
    #endif
  }

  /// The process's resident memory plus what the machine and the process's control groups still allow.
  /// - Returns: on systems other than Linux, the machine's memory.
  static var bytes: Int {
    #if os(Linux)
      let proc = LinuxMemory(root: "/")
      return proc.bytes ?? Int(clamping: ProcessInfo.processInfo.physicalMemory)
    #else
      return Int(clamping: ProcessInfo.processInfo.physicalMemory)
    #endif
  }
}

/// Linux's memory information, under a root that tests can change.
struct LinuxMemory {
  private let groups: ControlGroups

  init(root: String) { groups = ControlGroups(root: root) }

  /// The process's resident memory; nil if the kernel does not report it.
  var resident: Int? { number(after: "VmRSS:", in: "proc/self/status") }

  /// nil if the kernel does not report it.
  var bytes: Int? {
    guard let free = number(after: "MemAvailable:", in: "proc/meminfo"), let own = resident else { return nil }
    return own + ([free] + groups.folders(of: "memory").compactMap { headroom(of: $0) }).min()!
  }

  /// What a group's limit leaves, counting its inactive file pages, which are reclaimed on demand. nil without a limit.
  private func headroom(of group: String) -> Int? {
    for (limit, usage) in [("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")] {
      guard let limit = groups.number("\(group)/\(limit)"), let usage = groups.number("\(group)/\(usage)") else { continue }
      return max(0, limit - usage + (number(after: "inactive_file ", in: "\(group)/memory.stat", unit: 1) ?? 0))
    }
    return nil
  }

  /// The number in the line that starts with `key`, times its unit, by default 1024 bytes.
  private func number(after key: String, in path: String, unit: Int = 1024) -> Int? {
    guard let line = groups.text(path)?.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return nil }
    let words = line.dropFirst(key.count).split(whereSeparator: \.isWhitespace)
    return words.first.flatMap { Int($0) }.map { $0 * unit }
  }
}
