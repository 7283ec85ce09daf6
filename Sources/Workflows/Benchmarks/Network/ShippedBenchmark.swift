import Failures
import Foundation
import Tensors
import Training

/// Settings of the benchmark of everything that ships.
public struct ShippedBenchmarkRequest: Sendable {
  public var batches = [1, 4, 16, 50]
  /// The batches at which `torch.compile` is measured too, which takes minutes each.
  public var compiledBatches = [1, 16]
  /// Timed runs per result.
  public var repeats = 5
  /// FLOPs of a forward pass above which a row is left out: its training step would take minutes.
  public var limit = 1e12

  public init() {}
}

/// Benchmarks every model of `models/` and every recipe of `recipes/` in float32, forward and training, one stage at a time.
public final class ShippedBenchmark {
  private let request: ShippedBenchmarkRequest, search: BenchmarkSearch
  private var rows: [(subject: BenchmarkSubject, batch: Int)] = []
  private var done = 0
  private var current: Benchmark?
  private var fraction = 0.0
  public private(set) var report = ShippedBenchmarkReport()

  public convenience init(_ request: ShippedBenchmarkRequest) throws { try self.init(request, search: BenchmarkSearch()) }

  /// - Throws: `SfumatoError` where there are neither models nor recipes, or for a batch or repeats below 1.
  init(_ request: ShippedBenchmarkRequest, search: BenchmarkSearch) throws {
    guard request.repeats > 0, request.batches.allSatisfy({ $0 > 0 }) else {
      throw SfumatoError(.usage, "batches and repeats must be 1 or more, not \(request.batches) and \(request.repeats)")
    }
    let sources = search.shipped
    guard !sources.isEmpty else {
      throw SfumatoError(
        .missing, "no models/ and recipes/ in any folder above the program or the working folder; run this in a clone of the repository")
    }
    self.request = request
    self.search = search
    for source in sources { try add(source) }
  }

  private func add(_ source: String) throws {
    let subject: BenchmarkSubject
    do { subject = try BenchmarkSubject(shipped: source) } catch {
      report.leftOut.append("\(source): \(error)")
      return
    }
    for batch in request.batches {
      let flops = try subject.count(batch: batch).operations.flops
      if flops <= request.limit {
        rows.append((subject, batch))
      } else {
        report.leftOut.append(
          "\(subject.name), batch \(batch): \(Int(flops / 1e9)) GFLOP a forward pass, above \(Int(request.limit / 1e9))")
      }
    }
  }

  /// The next stage, for progress output; nil when the benchmark has finished.
  public var upcoming: String? {
    guard done < rows.count else { return nil }
    let row = rows[done]
    return "\(row.subject.name), batch \(row.batch)" + (current?.upcoming.map { ": \($0)" } ?? "")
  }

  /// Runs the next stage.
  /// - Returns: the completed fraction, nil when the benchmark had already finished.
  public func next() throws -> Double? {
    guard done < rows.count else { return nil }
    let benchmark = try current ?? start(rows[done])
    current = benchmark
    if let part = try benchmark.next(), part < 1 { return (Double(done) + part) / Double(rows.count) }
    report.rows.append(benchmark.report)
    current = nil
    done += 1
    return Double(done) / Double(rows.count)
  }

  private func start(_ row: (subject: BenchmarkSubject, batch: Int)) throws -> Benchmark {
    var single = BenchmarkRequest()
    single.subject = row.subject
    single.batch = row.batch
    single.repeats = request.repeats
    single.compiles = request.compiledBatches.contains(row.batch)
    single.precisions = [.float32]
    return try Benchmark(single, search: search)
  }
}

/// Results of the benchmark of everything that ships.
public struct ShippedBenchmarkReport: Codable, Sendable, Equatable {
  /// One for each model or recipe and batch.
  public var rows: [BenchmarkReport] = []
  /// What was not measured, and why.
  public var leftOut: [String] = []

  /// The results that are slower than PyTorch's, eager or compiled.
  public var slower: Int {
    rows.flatMap(\.results).count { result in
      [result.eager, result.compiled].contains { $0.map { $0.times.median < result.sfumato.median } ?? false }
    }
  }
}
