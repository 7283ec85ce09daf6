import Failures
import TestSupport
import Testing

@testable import Tensors

@Suite("The share of the processors that control groups allow") struct ProcessorQuotaTests {
  private func threads(_ files: [String: String]) throws -> Int? {
    let folder = try ScratchFolder()
    for (path, text) in files { _ = try folder.write(text, to: path) }
    return ProcessorQuota.threads(ControlGroups(root: folder.path))
  }

  @Test(
    arguments: [
      ("100000 100000", 1), ("50000 100000", 1), ("150000 100000", 2), ("400000 100000", 4), ("max 100000", nil), ("100000", nil),
      ("-1 100000", nil), ("0 100000", nil), ("x y", nil), ("100000 0", nil), ("1e300 1", nil),
    ] as [(String, Int?)])
  func versionTwoSaysQuotaAndPeriod(text: String, expected: Int?) throws {
    #expect(try threads(["proc/self/cgroup": "0::/job\n", "sys/fs/cgroup/job/cpu.max": text + "\n"]) == expected)
  }

  @Test func theLeastOfAllGroupsBinds() throws {
    let files = [
      "proc/self/cgroup": "0::/user/job\n", "sys/fs/cgroup/user/cpu.max": "200000 100000",
      "sys/fs/cgroup/user/job/cpu.max": "300000 100000",
    ]
    #expect(try threads(files) == 2)
  }

  @Test func versionOneSaysThemInTwoFiles() throws {
    let group = "3:cpu,cpuacct:/box\n1:memory:/other\n", place = "sys/fs/cgroup/cpu/box"
    #expect(try threads(["proc/self/cgroup": group, "\(place)/cpu.cfs_quota_us": "300000", "\(place)/cpu.cfs_period_us": "100000"]) == 3)
    #expect(try threads(["proc/self/cgroup": group, "\(place)/cpu.cfs_quota_us": "-1", "\(place)/cpu.cfs_period_us": "100000"]) == nil)
  }

  @Test func withoutGroupsThereIsNoLimit() throws { #expect(try threads([:]) == nil) }
}
