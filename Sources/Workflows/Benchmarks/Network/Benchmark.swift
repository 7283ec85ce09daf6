import Failures
import Foundation
import NN
import Networks
import Tensors
import Training

/// Settings of a network benchmark.
public struct BenchmarkRequest: Sendable {
  public var subject = BenchmarkSubject.standard
  /// Images per batch.
  public var batch = 16
  /// Timed runs per result.
  public var repeats = 9
  /// Whether to measure `torch.compile` too, which takes minutes.
  public var compiles = true
  public var precisions = Precision.allCases

  public init() {}
}

/// A network benchmark, run one stage at a time: the machine's convolutions, then each result in alternating runs of Sfumato,
/// eager PyTorch and compiled PyTorch, so that other load on the machine affects all of them equally, and the convolutions again.
public final class Benchmark {
  /// A stage of the benchmark.
  private enum Stage {
    case rates(Precision)
    case findPyTorch
    case prepare(Int)
    case turn(Int, count: Int)
  }
  /// Consecutive runs of one side: few enough for equal conditions, many enough to stay warm.
  private static let turnLength = 3

  public private(set) var report: BenchmarkReport
  private let request: BenchmarkRequest
  private let search: BenchmarkSearch
  private let convolutions: [ConvolutionShape], output: [Int]
  private let stages: [Stage]
  private var done = 0
  private var peer: BenchmarkPeer?
  private var work: BenchmarkWork?

  public convenience init(_ request: BenchmarkRequest) throws { try self.init(request, search: BenchmarkSearch()) }

  /// - Throws: `SfumatoError` for an invalid request; `TorchFault` when the network rejects its images.
  init(_ request: BenchmarkRequest, search: BenchmarkSearch) throws {
    guard request.batch > 0 else { throw SfumatoError(.usage, "the batch must be 1 or more, not \(request.batch)") }
    guard request.repeats > 0 else { throw SfumatoError(.usage, "the repeats must be 1 or more, not \(request.repeats)") }
    guard !request.precisions.isEmpty else { throw SfumatoError(.usage, "no precision to measure; expected float32, bfloat16 or both") }
    try Torch.start()
    self.request = request
    self.search = search
    let subject = request.subject
    let (parameters, operations, output) = try subject.count(batch: request.batch)
    self.output = output
    convolutions = operations.shapes
    report = BenchmarkReport(
      name: subject.name, batch: request.batch, image: [subject.channels, subject.height, subject.width], parameters: parameters,
      operations: .init(
        convolutions: operations.convolutionFLOPs, linear: operations.linearFLOPs, attention: operations.attentionFLOPs),
      machine: .current, libtorch: Torch.headerVersion, threads: Torch.threadCount, loadAtStart: MachineFacts.load)
    report.rates = request.precisions.map { .init(precision: $0, forward: 0, inputGradient: 0, weightGradient: 0) }
    report.results = BenchmarkReport.Workload.allCases.flatMap { workload in
      request.precisions.map { .init(workload: workload, precision: $0) }
    }
    let rates = request.precisions.map { Stage.rates($0) }
    let turns = report.results.enumerated().flatMap { index, result -> [Stage] in
      [.prepare(index)] + Self.turns(request.repeats).map { .turn(index, count: $0) } + [.rates(result.precision)]
    }
    stages = rates + [.findPyTorch] + turns
  }

  /// Splits `repeats` runs into turns.
  static func turns(_ repeats: Int) -> [Int] {
    stride(from: 0, to: repeats, by: turnLength).map { min(turnLength, repeats - $0) }
  }

  // MARK: Stages

  /// The next stage, for progress output; nil when the benchmark has finished.
  public var upcoming: String? {
    guard done < stages.count else { return nil }
    switch stages[done] {
    case .rates(let precision): return "convolutions in \(precision)"
    case .findPyTorch: return "starting PyTorch"
    case .prepare(let index):
      return peer != nil && request.compiles ? "\(title(index)): PyTorch is compiling, a minute or more" : "\(title(index)): preparing"
    case .turn(let index, _): return title(index)
    }
  }

  private func title(_ index: Int) -> String { "\(report.results[index].workload) in \(report.results[index].precision)" }

  /// Runs the next stage.
  /// - Returns: the completed fraction, nil when the benchmark had already finished.
  public func next() throws -> Double? {
    guard done < stages.count else { return nil }
    switch stages[done] {
    case .rates(let precision): try measureRates(precision)
    case .findPyTorch: findPyTorch()
    case .prepare(let index): try prepare(index)
    case .turn(let index, let count): try turn(index, count)
    }
    done += 1
    return Double(done) / Double(stages.count)
  }

  private func measureRates(_ precision: Precision) throws {
    let rate = try ConvolutionRate.measure(convolutions, dtype: precision.dtype, rounds: min(request.repeats, 5))
    for index in report.rates.indices where report.rates[index].precision == precision { report.rates[index].take(rate) }
    for index in report.results.indices where report.results[index].precision == precision {
      let rates = report.rates.first { $0.precision == precision }!
      report.results[index].floor = rates.floor(of: report.results[index].workload, flops: report.operations.total)
    }
  }

  private func prepare(_ index: Int) throws {
    let result = report.results[index]
    work = try BenchmarkWork(request.subject, batch: request.batch, output: output, result.workload, result.precision)
    _ = try work?.times(1)
    guard let peer else { return }
    report.results[index].eager = peer.measure(result.workload, result.precision, .eager, count: 0)
    if request.compiles { report.results[index].compiled = peer.measure(result.workload, result.precision, .compiled, count: 0) }
  }

  private func turn(_ index: Int, _ count: Int) throws {
    let result = report.results[index]
    report.results[index].sfumato.runs += try work?.times(count) ?? []
    guard let peer else { return }
    report.results[index].eager = more(result.eager, count) { peer.measure(result.workload, result.precision, .eager, count: $0) }
    report.results[index].compiled = more(result.compiled, count) { peer.measure(result.workload, result.precision, .compiled, count: $0) }
  }

  /// Appends the runs of one turn to `before`; a failed measurement is not repeated.
  private func more(
    _ before: BenchmarkReport.PyTorchTimes?, _ count: Int, _ measure: (Int) -> BenchmarkReport.PyTorchTimes
  ) -> BenchmarkReport.PyTorchTimes? {
    guard var times = before, times.failure == nil else { return before }
    let now = measure(count)
    times.times.runs += now.times.runs
    times.failure = now.failure
    return times
  }

  // MARK: PyTorch

  private func findPyTorch() {
    do {
      peer = try startPyTorch()
      report.pytorch = peer?.facts
    } catch {
      report.pytorchProblem = "no comparison with PyTorch (\(error)); \(BenchmarkSearch.advice)"
    }
  }

  private func startPyTorch() throws -> BenchmarkPeer {
    guard let script = search.script else {
      throw BenchmarkPeer.Problem("scripts/bench_pytorch.py was not found in any folder above the program or the working folder")
    }
    guard let python = search.python else { throw BenchmarkPeer.Problem("no python3 on the search path") }
    let subject = request.subject
    let peer = try BenchmarkPeer(
      python: python, script: script,
      setup: [
        "network": subject.networkJSON(), "batch": request.batch, "height": subject.height, "width": subject.width,
        "threads": report.threads,
      ])
    guard peer.parameters == report.parameters else {
      throw BenchmarkPeer.Problem("its network has \(peer.parameters) parameters, expected \(report.parameters)")
    }
    return peer
  }
}

extension OperationCount {
  /// Every convolution executed, with repetitions.
  fileprivate var shapes: [ConvolutionShape] {
    convolutions.flatMap { convolution, times in
      let (x, w) = (convolution.input, convolution.weight)
      let shape = ConvolutionShape(
        images: x[0], inputs: x[1], outputs: w[0], height: x[2], width: x[3], kernel: w[2], stride: convolution.stride,
        padding: convolution.padding)
      return Array(repeating: shape, count: times)
    }
  }
}
