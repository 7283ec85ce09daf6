import Foundation

/// The control groups that Linux has put this process into, under a root that tests can change. On other systems there are none.
package struct ControlGroups {
  package let root: String

  package init(root: String = "/") { self.root = root }

  /// The folders of a controller's groups, relative to the root: from that of all processes down to the process's own. A limit of any of
  /// them binds.
  /// - Parameter controller: "memory" or "cpu".
  package func folders(of controller: String) -> [String] {
    let lines = text("proc/self/cgroup")?.split(separator: "\n") ?? []
    return lines.flatMap { line -> [String] in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[1].isEmpty || parts[1].split(separator: ",").contains(Substring(controller)) else { return [] }
      let base = parts[1].isEmpty ? "sys/fs/cgroup" : "sys/fs/cgroup/\(controller)"
      let names = parts[2].split(separator: "/")
      return (0...names.count).map { ([base] + names.prefix($0).map(String.init)).joined(separator: "/") }
    }
  }

  package func text(_ path: String) -> String? { try? String(contentsOfFile: "\(root)/\(path)", encoding: .utf8) }

  package func number(_ path: String) -> Int? { text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } }
}
