import Failures
import Foundation

/// What the process's control groups allow it of the machine's processors, as containers and batch systems set it.
enum ProcessorQuota {
  /// The processors' time that the process may use, rounded up to whole threads; nil without a limit. More threads would only wait
  /// for each other once the quota of a period is used up.
  static func threads(_ groups: ControlGroups = ControlGroups()) -> Int? {
    groups.folders(of: "cpu").compactMap { quota(of: $0, groups) }.min().map { max(1, Int($0.rounded(.up))) }
  }

  /// Quota over period: of version 2 both in `cpu.max`, of version 1 in a file each. nil without a limit.
  private static func quota(of folder: String, _ groups: ControlGroups) -> Double? {
    let both = groups.text("\(folder)/cpu.max")?.split(whereSeparator: \.isWhitespace).map { Double($0) } ?? []
    let pair = both.count == 2 ? both : ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map { groups.number("\(folder)/\($0)").map(Double.init) }
    guard let quota = pair[0], let period = pair[1], quota > 0, period > 0, quota / period < 1e6 else { return nil }
    return quota / period
  }
}
