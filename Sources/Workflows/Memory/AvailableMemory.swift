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
  let root: String

  /// The process's resident memory; nil if the kernel does not report it.
  var resident: Int? { number(after: "VmRSS:", in: "proc/self/status") }

  /// nil if the kernel does not report it.
  var bytes: Int? {
    guard let free = number(after: "MemAvailable:", in: "proc/meminfo"), let own = resident else { return nil }
    return own + ([free] + groups.compactMap { headroom(of: $0) }).min()!
  }

  /// The folders of the process's control groups and of all their visible ancestors.
  private var groups: [String] {
    let lines = text("proc/self/cgroup")?.split(separator: "\n") ?? []
    return lines.flatMap { line -> [String] in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[1].isEmpty || parts[1].split(separator: ",").contains("memory") else { return [] }
      let base = parts[1].isEmpty ? "sys/fs/cgroup" : "sys/fs/cgroup/memory"
      let names = parts[2].split(separator: "/")
      return (0...names.count).map { ([base] + names.prefix($0).map(String.init)).joined(separator: "/") }
    }
  }

  /// What a group's limit leaves, counting its inactive file pages, which are reclaimed on demand. nil without a limit.
  private func headroom(of group: String) -> Int? {
    for (limit, usage) in [("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")] {
      guard let limit = number("\(group)/\(limit)"), let usage = number("\(group)/\(usage)") else { continue }
      return max(0, limit - usage + (number(after: "inactive_file ", in: "\(group)/memory.stat", unit: 1) ?? 0))
    }
    return nil
  }

  private func text(_ path: String) -> String? { try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8) }

  private func number(_ path: String) -> Int? { text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } }

  /// The number in the line that starts with `key`, times its unit, by default 1024 bytes.
  private func number(after key: String, in path: String, unit: Int = 1024) -> Int? {
    guard let line = text(path)?.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return nil }
    let words = line.dropFirst(key.count).split(whereSeparator: \.isWhitespace)
    return words.first.flatMap { Int($0) }.map { $0 * unit }
  }
}
