import ArgumentParser
import Failures
import Foundation
import Tensors

/// Flags of commands that several processes can do together.
struct ProcessOptions: ParsableArguments {
  @Option(
    name: .customLong("processes"),
    help: ArgumentHelp("Share the work and the cores of this machine among this many processes.", valueName: "count"))
  var count: Int?

  @Option(
    name: .customLong("peer-timeout"),
    help: ArgumentHelp(
      "End when another process does not answer for so long; more than what the first does alone, such as a preview, takes.",
      valueName: "seconds"))
  var timeout = 600.0

  func validate() throws {
    guard count.map({ (1...1024).contains($0) }) ?? true else { throw ValidationError("--processes \(count ?? 0): expected 1 to 1024") }
    guard timeout > 0, timeout <= 1e6 else { throw ValidationError("--peer-timeout \(timeout): expected more than 0 s, at most 1000000") }
  }

  /// Does the work: alone, as one of the processes that torchrun, Slurm or Kubernetes started, or in processes that are started here.
  /// - Throws: `ExitCode` when those have ended; errors of the work, which the other processes are told.
  func run(_ work: (ProcessGroup?) throws -> Void) throws {
    guard let place = try ProcessRank.from(ProcessInfo.processInfo.environment) else {
      guard let count, count > 1 else { return try work(nil) }
      try Torch.start()
      throw ExitCode(try LocalProcesses(count).run())
    }
    guard count == nil || count == place.size else {
      throw SfumatoError(.usage, "--processes \(count ?? 0), but \(place.size) processes were started together; leave the option out")
    }
    Console.processName = "process \(place.rank): "
    let group = try ProcessGroup(place, timeout: timeout) { try Interruption.check() }
    do { try work(group) } catch  where !(error is ExitCode) && Failure(of: error) != .interrupted {
      if group.fail(with: error) { throw ExitCode(Failure(of: error).exitCode) }
      throw error
    }
  }

  /// `cuda` with several GPUs in a machine is one for each of its processes.
  static func device(_ name: String, of group: ProcessGroup?) -> String {
    guard let group, name == "cuda", Torch.cudaDeviceCount > 1 else { return name }
    return "cuda:\(group.place.localRank % Torch.cudaDeviceCount)"
  }
}
