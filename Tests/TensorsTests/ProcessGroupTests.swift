import Failures
import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite("Process group", .enabled(if: ProcessGroup.isSupported)) struct ProcessGroupTests {
  @Test(arguments: [2, 3]) func sumsAreEqualToTheByteInEveryProcess(size: Int) throws {
    let found = try ProcessThreads.results(size) { group in
      // More than a bucket, and a tensor of another type and layout between.
      let tensors = [
        Tensor.randn([3, 1 << 20], using: Generator(seed: UInt64(group.rank))), Tensor.full(1, [2, 3], dtype: .float64).transpose(0, 1),
        Tensor.randn([5 << 20], using: Generator(seed: UInt64(10 + group.rank))),
      ]
      try group.sum(tensors)
      return try tensors.map { try $0.bytes() }
    }.map { try $0.get() }
    for other in found.dropFirst() { #expect(other == found[0]) }
    let expected = (0..<size).map { Tensor.randn([3, 1 << 20], using: Generator(seed: UInt64($0))) }.reduce(.zeros([])) { $0 + $1 }
    let sum = found[0][0].withUnsafeBytes { Tensor(bytes: $0, [3, 1 << 20], .float32) }
    // Up to three numbers of size 1 are added in any order.
    #expect(try (sum - expected).abs().max().item() < 1e-6)
    #expect(found[0][1] == Tensor.full(Double(size), [3, 2], dtype: .float64).contiguousBytes)
  }

  @Test func gradientsAreSummedAndParametersWithoutOneStayWithout() throws {
    let found = try ProcessThreads.results(2) { group in
      // Two pieces: the larger one is more than one piece holds.
      let large = Tensor.ones([3 << 20]).requiringGradient(), used = Tensor([1, 2] as [Float]).requiringGradient()
      let unused = Tensor([3] as [Float]).requiringGradient()
      let loss = (used * Double(group.rank + 1)).sum() + large.mean()
      let sum = try group.beginSum(ofGradients: [large, used, unused])
      try loss.backward()
      try sum.send()
      _ = try group.sum([1])  // another exchange between
      try sum.finish()
      // Later passes are not exchanged.
      try used.sum().backward()
      return (
        try #require(used.gradient).floats(), unused.gradient == nil, try #require(large.gradient).sum().item()
      )
    }.map { try $0.get() }
    #expect(found.allSatisfy { $0.0 == [4, 4] && $0.1 && abs($0.2 - 2) < 1e-6 })
  }

  /// As when the loss of one process is not finite.
  @Test func aProcessWithoutABackwardPassCountsAsZeros() throws {
    let found = try ProcessThreads.results(2) { group in
      let first = Tensor([1, 2] as [Float]).requiringGradient(), second = Tensor([3] as [Float]).requiringGradient()
      let sum = try group.beginSum(ofGradients: [first, second])
      if group.rank == 0 { try (first.sum() + 5 * second.sum()).backward() }
      try sum.send()
      try sum.finish()
      return (try first.gradient?.floats(), try second.gradient?.floats())
    }.map { try $0.get() }
    #expect(found[0].0 == [1, 1] && found[0].1 == [5])
    #expect(found[1].0 == nil && found[1].1 == nil)
  }

  @Test func stateAndBytesComeFromProcessZero() throws {
    let found = try ProcessThreads.results(2) { group in
      let own = StateDict([("a", Tensor([1.5, Double(group.rank)])), ("empty", Tensor([] as [Float])), ("n", Tensor([7]))])
      let state = try group.broadcast(group.rank == 0 ? own : nil)
      let text = try group.broadcast(group.rank == 0 ? Data("one".utf8) : nil)
      try group.barrier()
      return (state.names, try state["a"]!.doubles(), state["n"]!.dtype, String(decoding: text, as: UTF8.self))
    }.map { try $0.get() }
    for (names, a, dtype, text) in found {
      #expect(names == ["a", "empty", "n"] && a == [1.5, 0] && dtype == .int64 && text == "one")
    }
  }

  /// What process 0 is told when process 1 does `act` where it should take part in an exchange.
  private func failure(timeout: Double, _ act: @escaping @Sendable (ProcessGroup) throws -> Void) throws -> any Error {
    let found = try ProcessThreads.results(2, timeout: timeout) { group in
      _ = try group.sum([1])
      if group.rank == 1 { try act(group) } else { _ = try group.sum([2]) }
    }
    return try #require(throws: ProcessGroupError.self) { try found[0].get() }
  }

  @Test func aProcessThatEndsIsNamed() throws {
    let error = try failure(timeout: 20) { _ in }
    #expect("\(error)".contains("process 1 of 2 has ended or hangs"), "\(error)")
    #expect(Failure(of: error) == .io)
  }

  @Test func aProcessThatDoesNotTakePartIsNamedAfterTheTimeout() throws {
    let error = try failure(timeout: 2) { _ in usleep(9_000_000) }
    #expect("\(error)".contains("process 1 of 2 did not take part in an exchange within 2 s"), "\(error)")
  }

  @Test func aProcessThatFailsSaysWhy() throws {
    let error = try failure(timeout: 20) { $0.fail(with: SfumatoError(.data, "picture 3 is damaged")) }
    #expect("\(error)" == "process 1 failed: picture 3 is damaged")
  }

  @Test func aProcessThatDoesNotComeIsNamed() throws {
    let store = try RendezvousStore()
    let place = ProcessRank(rank: 0, size: 3, address: "127.0.0.1", port: store.port, isStoreServed: true)
    #expect { try ProcessGroup(place, timeout: 0.5) } throws: { "\($0)".contains("processes 1, 2 of 3 did not start within 0.5 s") }
    #expect(throws: CancellationError.self) { try ProcessGroup(place, timeout: 60) { throw CancellationError() } }
  }

  @Test func aStoreThatDoesNotAnswerIsNamed() throws {
    let place = ProcessRank(rank: 1, size: 2, address: "127.0.0.1", port: 1)
    #expect { try ProcessGroup(place, timeout: 1) } throws: { "\($0)".contains("127.0.0.1:1 does not answer within 1 s") }
  }
}

extension Tensor {
  fileprivate var contiguousBytes: [UInt8] { get { (try? bytes()) ?? [] } }
}
