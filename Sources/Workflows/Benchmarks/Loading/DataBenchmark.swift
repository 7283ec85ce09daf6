import Datasets
import Failures
import Foundation
import RecipeKit
import Tensors
import Training

/// Settings of a data loading benchmark.
public struct DataBenchmarkRequest: Sendable {
  /// A folder of pictures; nil for generated ones.
  public var source: String?
  /// Loading threads of Sfumato and worker processes of PyTorch; nil for one per core.
  public var workers: Int?
  public var batch = 32
  /// Timed rounds per measurement.
  public var repeats = 7
  /// Approximate length of a round.
  public var seconds = 2.0
  /// Side of the tiles and of the small pictures, in pixels.
  public var tile = 256, small = 64
  /// Numbers of generated pictures, and the height of the photographs.
  public var photographs = 32, smallPictures = 600, photographHeight = 768

  public init() {}
}

/// A data loading benchmark, run one stage at a time: pictures are generated, then each kind is loaded in alternating rounds by
/// Sfumato and by PyTorch's DataLoader with Pillow, so that other load on the machine affects both equally.
public final class DataBenchmark {
  private enum Stage {
    case pictures
    case findPyTorch
    case prepare(Int)
    case round(Int)
  }

  public private(set) var report: DataBenchmarkReport
  private let request: DataBenchmarkRequest
  private let search: BenchmarkSearch
  private let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-bench-\(UUID().uuidString)").path
  private var stages: [Stage]
  private var done = 0
  private var sets: [BenchmarkPictures] = []
  private var peer: PythonChild?
  private var work: LoadingWork?
  /// Batches per round, the same for both sides.
  private var batches = 1

  public convenience init(_ request: DataBenchmarkRequest) throws { try self.init(request, search: BenchmarkSearch()) }

  /// - Throws: `SfumatoError` for an invalid request.
  init(_ request: DataBenchmarkRequest, search: BenchmarkSearch) throws {
    for (name, value) in [("batch", request.batch), ("repeats", request.repeats), ("workers", request.workers ?? 1)] where value < 1 {
      throw SfumatoError(.usage, "the \(name) must be 1 or more, not \(value)")
    }
    try Torch.start()
    self.request = request
    self.search = search
    let workers = request.workers ?? ProcessInfo.processInfo.activeProcessorCount
    report = DataBenchmarkReport(machine: .current, workers: workers, batch: request.batch, loadAtStart: MachineFacts.load)
    let kinds = request.source == nil ? 2 : 1
    stages =
      [.pictures, .findPyTorch]
      + (0..<kinds).flatMap { [.prepare($0)] + Array(repeating: Stage.round($0), count: request.repeats) }
  }

  deinit { try? FileManager.default.removeItem(atPath: scratch) }

  // MARK: Stages

  /// The next stage, for progress output; nil when the benchmark has finished.
  public var upcoming: String? {
    guard done < stages.count else { return nil }
    switch stages[done] {
    case .pictures: return request.source.map { "reading \($0)" } ?? "generating pictures"
    case .findPyTorch: return "starting PyTorch"
    case .prepare(let index), .round(let index): return report.results[index].name
    }
  }

  /// Runs the next stage.
  /// - Returns: the completed fraction, nil when the benchmark had already finished.
  public func next() throws -> Double? {
    guard done < stages.count else { return nil }
    switch stages[done] {
    case .pictures: try findPictures()
    case .findPyTorch: findPyTorch()
    case .prepare(let index): try prepare(index)
    case .round(let index): try round(index)
    }
    done += 1
    return Double(done) / Double(stages.count)
  }

  private func findPictures() throws {
    let (tile, small) = (request.tile, request.small)
    if let source = request.source {
      // Photographs if any are large enough, otherwise small pictures.
      if let photographs = try? BenchmarkPictures(folder: source, atLeast: tile) {
        add(photographs, "\(tile)-pixel tiles of \(source)", size: tile, fit: RandomTile.name)
      } else {
        add(try BenchmarkPictures(folder: source, atLeast: nil), "\(source) at \(small)", size: small, fit: CenterCrop.name)
      }
    } else {
      let height = request.photographHeight, width = height * 4 / 3
      add(
        try .photographs(request.photographs, height: height, width: width, in: "\(scratch)/photographs"),
        "\(tile)-pixel tiles of \(width) x \(height) JPEG", size: tile, fit: RandomTile.name)
      add(
        try .small(request.smallPictures, side: small, in: "\(scratch)/small"), "a folder of \(small) x \(small) PNG", size: small,
        fit: CenterCrop.name)
    }
  }

  private func add(_ pictures: BenchmarkPictures, _ name: String, size: Int, fit: String) {
    sets.append(pictures)
    report.results.append(.init(name: name, pictures: pictures.count, bytes: pictures.bytes, size: size, fit: fit))
  }

  private func prepare(_ index: Int) throws {
    let result = report.results[index]
    work = nil
    work = try LoadingWork(sets[index], size: result.size, fit: result.fit, batch: request.batch, workers: report.workers)
    let rate = try work?.rate(of: 2) ?? 1
    batches = max(2, Int((rate * request.seconds / Double(request.batch)).rounded()))
    guard peer != nil else { return }
    askPyTorch(index, ["files": sets[index].files, "size": result.size, "fit": result.fit, "batches": 1], keeps: false)
  }

  private func round(_ index: Int) throws {
    report.results[index].sfumato.runs.append(try work?.rate(of: batches) ?? .nan)
    work?.pause()
    if peer != nil, report.results[index].pytorchFailure == nil { askPyTorch(index, ["batches": batches], keeps: true) }
  }

  // MARK: PyTorch

  private func askPyTorch(_ index: Int, _ request: [String: Any], keeps: Bool) {
    do {
      guard let rate = try peer?.ask(request)["rate"] as? Double else { throw PythonChild.Problem("unexpected answer") }
      if keeps { report.results[index].pytorch = .init((report.results[index].pytorch?.runs ?? []) + [rate]) }
    } catch {
      report.results[index].pytorchFailure = "\(error)"
    }
  }

  private func findPyTorch() {
    do {
      guard let script = search.script(named: "bench_data_pytorch.py") else {
        throw PythonChild.Problem("scripts/bench_data_pytorch.py was not found in any folder above the program or the working folder")
      }
      guard let python = search.python else { throw PythonChild.Problem("no python3 on the search path") }
      let peer = try PythonChild(
        python: python, script: script, setup: ["batch": request.batch, "workers": report.workers, "threads": Torch.threadCount])
      let versions = ["torch", "python", "pillow"].map { peer.hello[$0] as? String ?? "unknown" }
      report.pytorch = .init(executable: python, version: versions[0], python: versions[1], pillow: versions[2])
      self.peer = peer
    } catch {
      report.pytorchProblem =
        "no comparison with PyTorch (\(error)); set SFUMATO_PYTHON to a Python that can import torch and PIL: "
        + "python3 -m venv torch && torch/bin/pip install torch pillow numpy && export SFUMATO_PYTHON=$PWD/torch/bin/python"
    }
  }
}

/// Sfumato's side: the loader that training uses.
private struct LoadingWork {
  private let loader: BatchLoader
  private let prefetch: Int
  private let position = Position()

  private final class Position { var value = 0 }

  init(_ pictures: BenchmarkPictures, size: Int, fit: String, batch: Int, workers: Int) throws {
    var images = ImagesRecipe(), loading = LoadingRecipe()
    images.size = ImageSize(size)
    images.fit = try Choice(named: fit)
    images.channels = 3
    // As Pillow does.
    images.profiles = .ignored
    loading.workers = workers
    loading.strict = true
    prefetch = loading.prefetch
    loader = BatchLoader(try TrainingData(ExamplePipeline(pictures, images: images, seed: 0), seed: 0), batchSize: batch, loading)
  }

  /// Pictures per second over `batches` batches in the steady state: prefetched batches are consumed first.
  func rate(of batches: Int) throws -> Double {
    for _ in 0...(prefetch + 1) { try take() }
    let start = ContinuousClock.now
    for _ in 0..<batches { try take() }
    return Double(batches * loader.batchSize) / (start.duration(to: .now) / .seconds(1))
  }

  /// Waits until prefetching is complete, so that the other side has the machine to itself.
  func pause() { Thread.sleep(forTimeInterval: 0.3) }

  private func take() throws {
    _ = try loader.batch(at: position.value, on: .cpu).images.validated()
    position.value += loader.batchSize
  }
}
