internal import CTorch
import Failures
import Foundation

/// Processes that compute together, by libtorch's c10d with gloo. Each of them calls the same operations in the same order.
///
/// When one dies, or does not take part within the timeout, the operation of every other one throws an error that names it.
public final class ProcessGroup {
  public let place: ProcessRank
  public var rank: Int { place.rank }
  public var size: Int { place.size }
  /// Seconds after which an exchange fails in which a process does not take part.
  public let timeout: Double
  private let raw: OpaquePointer

  /// Bytes in one exchange: enough to fill the line, few enough that copying and sending overlap.
  static let bucket = 25 << 20
  /// Bytes in one exchange of gradients, the last of which is sent when nothing is left to be computed.
  static let gradientBucket = 4 << 20

  /// Whether this program was built with what it takes.
  public static var isSupported: Bool { ct_has_process_groups() }

  /// Meets the other processes.
  /// - Parameters:
  ///   - timeout: seconds to wait for them, here and in every later exchange.
  ///   - check: called several times a second while some are awaited; what it throws ends the waiting.
  /// - Throws: `ProcessGroupError` that names those that did not come.
  public init(_ place: ProcessRank, timeout: Double = 600, check: () throws -> Void = {}) throws {
    (self.place, self.timeout) = (place, timeout)
    let serves = place.rank == 0 && !place.isStoreServed
    guard
      let raw = ct_group_meet(
        place.address, Int32(place.port), place.prefix, Int32(place.rank), Int32(place.size), serves, timeout)
    else {
      let action = serves ? "cannot be served" : "does not answer within \(Self.seconds(timeout))"
      throw ProcessGroupError(
        "the store at \(place.address):\(place.port) \(action): \(Self.reason())\n  MASTER_ADDR and MASTER_PORT name the host of process 0, "
          + "which must run, and a free port of it that the others reach")
    }
    self.raw = raw
    try awaitOthers(check)
    guard ct_group_connect(raw) == 0 else {
      throw ProcessGroupError(
        "process \(place.rank) cannot connect to the others: \(Self.reason())\n  GLOO_SOCKET_IFNAME names the network interface to use")
    }
  }

  deinit { ct_group_free(raw) }

  private func awaitOthers(_ check: () throws -> Void) throws {
    let start = ContinuousClock.now
    while true {
      try check()
      let missing = try (0..<size).filter { try !hasMet($0) }
      if missing.isEmpty { return }
      guard start.duration(to: .now) < .seconds(timeout) else {
        throw ProcessGroupError(
          "\(Self.phrase(missing)) of \(size) did not start within \(Self.seconds(timeout)); look at what they print, and whether they reach "
            + "\(place.address):\(place.port)")
      }
      usleep(50_000)
    }
  }

  private func hasMet(_ rank: Int) throws -> Bool {
    var result = false
    guard ct_group_has_met(raw, Int32(rank), &result) == 0 else {
      throw ProcessGroupError("the store at \(place.address):\(place.port) has ended: \(Self.reason())")
    }
    return result
  }

  // MARK: Exchanges

  /// The sum over all processes of each of these numbers; every process gets the same bytes.
  public func sum(_ values: [Double]) throws -> [Double] {
    guard !values.isEmpty else { return [] }
    let tensor = Tensor(values)
    try sum([tensor])
    return try tensor.doubles()
  }

  /// Overwrites tensors with their sums over all processes.
  package func sum(_ tensors: [Tensor]) throws {
    try exchange("sum", tensors) { handles in
      var raws = handles
      return ct_group_sum(raw, &raws, raws.count, Int64(Self.bucket))
    }
  }

  /// Begins to sum the gradients of parameters over all processes: call it before the last backward pass that adds to them.
  package func beginSum(ofGradients parameters: [Tensor]) throws -> GradientSum {
    var sums: OpaquePointer?
    try exchange("sumGradients", parameters) { handles in
      var raws = handles
      sums = ct_group_begin_grads(raw, &raws, raws.count, Int64(Self.gradientBucket))
      return sums == nil ? -1 : 0
    }
    return GradientSum(raw: sums!, parameters: parameters, group: self)
  }

  /// The bytes that process `root` gives.
  /// - Parameter data: ignored in the other processes.
  public func broadcast(_ data: Data?, from root: Int = 0) throws -> Data {
    let own = rank == root ? data ?? Data() : Data()
    let count = Int(try sum([Double(own.count)])[0])
    let tensor = own.withUnsafeBytes { rank == root ? Tensor(bytes: $0, [count], .uint8) : .zeros([count], dtype: .uint8) }
    try broadcast(tensor, from: root)
    return Data(try tensor.bytes())
  }

  /// Overwrites a tensor with that of process `root`, which has the same shape.
  package func broadcast(_ tensor: Tensor, from root: Int = 0) throws {
    try exchange("broadcast", [tensor]) { ct_group_broadcast(raw, $0[0], Int32(root)) }
  }

  /// The named tensors that process `root` gives.
  /// - Parameter state: ignored in the other processes.
  package func broadcast(_ state: StateDict?, from root: Int = 0) throws -> StateDict {
    struct Entry: Codable { let name: String, shape: [Int], dtype: String }
    let entries = (state ?? StateDict()).entries.map { Entry(name: $0.name, shape: $0.tensor.shape, dtype: $0.tensor.dtype.rawValue) }
    let list = try JSONDecoder().decode([Entry].self, from: broadcast(JSONEncoder().encode(entries), from: root))
    return StateDict(
      try list.map { entry in
        let own = rank == root ? state?[entry.name] : nil
        let tensor = own ?? .zeros(entry.shape, dtype: DType(rawValue: entry.dtype) ?? .float32)
        try broadcast(tensor, from: root)
        return (entry.name, tensor)
      })
  }

  /// Returns when every process has called it.
  public func barrier() throws {
    try exchange("barrier", []) { _ in ct_group_barrier(raw) }
  }

  fileprivate func exchange(_ operation: String, _ tensors: [Tensor], _ body: ([OpaquePointer?]) -> Int32) throws {
    // Processes whose store is gone would train on without anything that stops them.
    guard ct_group_rounds(raw) >= 0 else { throw storeLost() }
    do { try Tensor.run(operation, tensors, body) } catch {
      // A fault of a tensor is this process's own.
      if let fault = tensors.lazy.compactMap(\.fault).first { throw fault }
      let problem = blame(error)
      announce(problem.description)
      throw problem
    }
  }

  // MARK: Failures

  /// Tells the other processes why this one ends, so that they can say so. Call it before an error ends the process.
  /// - Returns: whether process 0 fails for the same reason, as with a recipe that all of them refuse: one message is enough then.
  @discardableResult public func fail(with error: any Error) -> Bool {
    guard !(error is ProcessGroupError) else { return false }
    announce("process \(rank) failed: \(error)")
    guard rank > 0 else { return false }
    for _ in 0..<40 where sign(of: 0).failure == nil && ct_group_rounds(raw) >= 0 { usleep(50_000) }
    return sign(of: 0).failure == "process 0 failed: \(error)"
  }

  private func announce(_ text: String) {
    ct_group_fail(raw, text)
    // The store ends with this process: the others need a moment to read it.
    if rank == 0, !place.isStoreServed { usleep(1_200_000) }
  }

  /// Which process made an exchange fail. One that lives is heard of every half second.
  private func blame(_ fault: TorchFault) -> ProcessGroupError {
    let rounds = ct_group_rounds(raw)
    // What a process that died wrote last may still be read now; in the five rounds after that, two seconds and a half, it is silent.
    if let told = waitForRounds(rounds + 2) { return ProcessGroupError(told) }
    let before = (0..<size).map { sign(of: $0).beats }
    if let told = waitForRounds(rounds + 7) { return ProcessGroupError(told) }
    guard ct_group_rounds(raw) > rounds else { return storeLost() }
    let signs = (0..<size).map(sign(of:)), own = signs[rank].exchanges
    let silent = (0..<size).filter { $0 != rank && signs[$0].beats == before[$0] }
    if !silent.isEmpty { return ProcessGroupError("\(Self.phrase(silent)) of \(size) has ended or hangs (\(fault.message))") }
    let late = (0..<size).filter { signs[$0].exchanges < own }
    guard late.isEmpty else {
      return ProcessGroupError("\(Self.phrase(late)) of \(size) did not take part in an exchange within \(Self.seconds(timeout))")
    }
    return ProcessGroupError("an exchange between the \(size) processes failed: \(fault.message)")
  }

  /// Waits until the signs of all processes have been read so often, or for as long as that takes where the store answers.
  /// - Returns: what another process said before it ended, if it did.
  private func waitForRounds(_ count: Int64) -> String? {
    for _ in 0..<80 where (0..<count).contains(ct_group_rounds(raw)) {
      if let told = reportedFailure() { return told }
      usleep(50_000)
    }
    return reportedFailure()
  }

  private func storeLost() -> ProcessGroupError {
    ProcessGroupError(
      "\(place.isStoreServed ? "the program that started the processes" : "process 0"), which holds the store at "
        + "\(place.address):\(place.port), has ended or hangs")
  }

  /// What another process said before it ended.
  private func reportedFailure() -> String? {
    (0..<size).lazy.compactMap { $0 == self.rank ? nil : self.sign(of: $0).failure }.first
  }

  private func sign(of rank: Int) -> (beats: Int64, exchanges: Int64, failure: String?) {
    let sign = ct_group_sign(raw, Int32(rank))
    defer { free(sign.failure) }
    return (sign.beats, sign.exchanges, sign.failure.map { String(cString: $0) })
  }

  private static func reason() -> String { Tensor.takeFault("connect", []).message }
  private static func seconds(_ count: Double) -> String { "\(count == count.rounded() ? "\(Int(count))" : "\(count)") s" }
  /// `process 1`, `processes 1, 2`.
  private static func phrase(_ ranks: [Int]) -> String {
    "\(ranks.count == 1 ? "process" : "processes") \(ranks.map(String.init).joined(separator: ", "))"
  }
}

/// A sum of gradients over all processes, exchanged while the backward pass goes on.
package final class GradientSum {
  private let raw: OpaquePointer, parameters: [Tensor], group: ProcessGroup

  fileprivate init(raw: OpaquePointer, parameters: [Tensor], group: ProcessGroup) {
    (self.raw, self.parameters, self.group) = (raw, parameters, group)
  }

  deinit { ct_sums_free(raw) }

  /// Exchanges what the backward pass has not, before any other exchange. A process without gradients counts as zeros.
  package func send() throws { try group.exchange("sumGradients", parameters) { _ in ct_sums_send(raw) } }

  /// Waits for the sums, which overwrite the gradients that there are.
  package func finish() throws { try group.exchange("sumGradients", parameters) { _ in ct_sums_finish(raw) } }
}

extension ProcessGroup? {
  /// Whether this process shows and writes results: one alone does, and of several the first.
  public var isFirst: Bool { self?.rank ?? 0 == 0 }
}

/// Another process died, hangs or failed, or cannot be reached.
public struct ProcessGroupError: ClassifiedError, Equatable, CustomStringConvertible {
  public var failure: Failure { .io }
  public let description: String
  public init(_ description: String) { self.description = description }
}
