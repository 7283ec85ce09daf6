import Failures
import Foundation

/// Which of several processes that compute together this one is, and where they meet.
public struct ProcessRank: Sendable, Equatable {
  /// The number of this process, 0 ..< `size`, and its number among those of its machine.
  public var rank: Int, localRank: Int
  /// The number of processes.
  public var size: Int
  /// The host and port of the store through which they meet.
  public var address: String, port: Int
  /// Whether what started the processes holds the store; otherwise process 0 does.
  public var isStoreServed: Bool
  /// What the keys in the store begin with: an attempt of a restarted job must not find those of the one before.
  public var prefix: String

  public init(
    rank: Int, localRank: Int? = nil, size: Int, address: String, port: Int, isStoreServed: Bool = false, prefix: String = "sfumato"
  ) {
    (self.rank, self.localRank, self.size) = (rank, localRank ?? rank, size)
    (self.address, self.port, self.isStoreServed, self.prefix) = (address, port, isStoreServed, prefix)
  }

  /// The port of PyTorch's store where none is given.
  static let defaultPort = 29500

  /// The rank in the variables that torchrun and Kubernetes' training operator set (`RANK`, `WORLD_SIZE`, `LOCAL_RANK`, `MASTER_ADDR`,
  /// `MASTER_PORT`), or Slurm's (`SLURM_PROCID`, `SLURM_NTASKS`, `SLURM_LOCALID`), which need `MASTER_ADDR` beside them.
  /// - Returns: nil for a process of its own.
  /// - Throws: `SfumatoError` of the class `usage` for variables that are incomplete or contradict each other.
  public static func from(_ environment: [String: String]) throws(SfumatoError) -> ProcessRank? {
    let variables = Variables(values: environment.filter { !$0.value.isEmpty })
    if variables.values["WORLD_SIZE"] != nil { return try variables.rank("RANK", "WORLD_SIZE", "LOCAL_RANK") }
    // A batch script is a single process that sees the number of tasks of its job: only a step, which `srun` starts, has a number of its
    // own, and in other versions of Slurm MASTER_ADDR says that the tasks belong together.
    let size = variables.values["SLURM_STEP_NUM_TASKS"] == nil ? "SLURM_NTASKS" : "SLURM_STEP_NUM_TASKS"
    let belongs = size == "SLURM_STEP_NUM_TASKS" || variables.values["MASTER_ADDR"] != nil
    guard belongs, variables.values["SLURM_PROCID"] != nil, let tasks = variables.values[size], tasks != "1" else { return nil }
    guard variables.values["MASTER_ADDR"] != nil else {
      throw SfumatoError(
        .usage,
        "srun starts \(tasks) tasks, but MASTER_ADDR is not set; expected the host of the first: "
          + "export MASTER_ADDR=$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | head -n 1), or srun --ntasks=1")
    }
    return try variables.rank("SLURM_PROCID", size, "SLURM_LOCALID")
  }

  /// The environment of a process of this rank, from which `from` makes it again.
  public var variables: [String: String] {
    [
      "RANK": "\(rank)", "LOCAL_RANK": "\(localRank)", "WORLD_SIZE": "\(size)", "MASTER_ADDR": address, "MASTER_PORT": "\(port)",
      "TORCHELASTIC_USE_AGENT_STORE": isStoreServed ? "True" : "False",
    ]
  }
}

/// Variables of the environment, each checked when it is read.
private struct Variables {
  let values: [String: String]

  /// - Returns: nil for a single process.
  func rank(_ rank: String, _ size: String, _ local: String) throws(SfumatoError) -> ProcessRank? {
    let count = try number(size, 1...65536)
    let own = try number(rank, 0...count - 1)
    guard count > 1 else { return nil }
    guard let address = values["MASTER_ADDR"] else {
      throw SfumatoError(.usage, "\(rank) is set, but MASTER_ADDR is not; expected the host of process 0")
    }
    return ProcessRank(
      rank: own, localRank: values[local] == nil ? own : try number(local, 0...count - 1), size: count, address: address,
      port: values["MASTER_PORT"] == nil ? ProcessRank.defaultPort : try number("MASTER_PORT", 1...65535),
      isStoreServed: values["TORCHELASTIC_USE_AGENT_STORE"] == "True",
      prefix: "sfumato/\(values["TORCHELASTIC_RESTART_COUNT"] ?? "0")")
  }

  private func number(_ name: String, _ range: ClosedRange<Int>) throws(SfumatoError) -> Int {
    guard let text = values[name] else {
      throw SfumatoError(.usage, "\(name) is not set; expected \(range.lowerBound) to \(range.upperBound)")
    }
    guard let number = Int(text), range.contains(number) else {
      throw SfumatoError(.usage, "\(name) is \(text); expected \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
