import Failures
import Foundation
import Tensors

/// Processes on this machine that do the same command together: started, sent the signals that this one gets, and ended when one of
/// them fails.
struct LocalProcesses {
  private let store: RendezvousStore
  private var children: [Process] = []

  /// Seconds that processes have to end by themselves after one of them failed: the first saves what it can.
  private static let grace = 60.0

  /// - Throws: `SfumatoError` when the system starts no process.
  init(_ count: Int) throws {
    store = try RendezvousStore()
    let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    // From here on a signal is handed on.
    try Signals.enter(.writing)
    do {
      for rank in 0..<count { children.append(try Self.start(program, rank, of: count, at: store.port)) }
    } catch {
      children.forEach { kill($0.processIdentifier, SIGKILL) }
      throw SfumatoError(.io, "\(program) cannot be started \(count) times: \(error)")
    }
  }

  private static func start(_ program: String, _ rank: Int, of count: Int, at port: Int) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = Array(CommandLine.arguments.dropFirst())
    let place = ProcessRank(rank: rank, size: count, address: "127.0.0.1", port: port, isStoreServed: true)
    // The cores are shared out, unless the user says how many threads each has.
    let threads = ["OMP_NUM_THREADS": "\(max(1, Torch.threadCount / count))"]
    process.environment = threads.merging(ProcessInfo.processInfo.environment) { $1 }.merging(place.variables) { $1 }
    process.standardInput = FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Waits for all of them.
  /// - Returns: the exit code of the first that failed, or 0.
  func run() throws -> Int32 {
    var stopSent = false, firstFailure: (rank: Int, start: ContinuousClock.Instant)?
    while children.contains(where: \.isRunning) {
      usleep(20_000)
      if let number = Signals.stoppingSignal, !stopSent {
        stopSent = true
        signalAll(number)
      }
      if Signals.takeSaveRequest(), children[0].isRunning { kill(children[0].processIdentifier, SIGUSR1) }
      if firstFailure == nil, let rank = children.firstIndex(where: { !$0.isRunning && $0.terminationStatus != 0 }) {
        firstFailure = (rank, .now)
        if children[rank].terminationReason == .uncaughtSignal, !stopSent {
          Console.error("process \(rank) of \(children.count) was ended by signal \(children[rank].terminationStatus); the others end too")
        }
      }
      if let firstFailure, firstFailure.start.duration(to: .now) > .seconds(Self.grace) { signalAll(SIGKILL) }
    }
    return firstFailure.map { code(of: children[$0.rank]) } ?? children.lazy.map(code).first { $0 != 0 } ?? 0
  }

  private func signalAll(_ number: Int32) {
    for child in children where child.isRunning { kill(child.processIdentifier, number) }
  }

  private func code(of child: Process) -> Int32 {
    child.terminationReason == .uncaughtSignal ? 128 + child.terminationStatus : child.terminationStatus
  }
}
