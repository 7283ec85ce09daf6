import Datasets
import Failures
import Foundation
import RecipeKit
import Tensors
import Training

/// How a benchmark of loading is run.
public struct DataBenchmarkRequest: Sendable {
  /// A folder of pictures; nil for generated ones.
  public var source: String?
  /// Threads that load, of ours, and processes, of PyTorch's; nil for as many as there are cores.
  public var workers: Int?
  public var batch = 32
  /// Timed rounds of each figure.
  public var repeats = 7
  /// About how long a round lasts.
  public var seconds = 2.0
  /// Of the tiles, and of the small pictures.
  public var tile = 256, small = 64
  /// Of generated pictures: how many, and the height of the photographs.
  public var photographs = 32, smallPictures = 600, photographHeight = 768

  public init() {}
}

/// A benchmark of loading under way, pulled piece by piece: pictures are made, then each kind of them is loaded in turns by ours
/// and by PyTorch's DataLoader with Pillow, so that what else happens on the machine meets both alike.
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
  /// Batches of one round, of either side.
  private var batches = 1

  public convenience init(_ request: DataBenchmarkRequest) throws { try self.init(request, search: BenchmarkSearch()) }

  /// - Throws: `SfumatoError` when the request makes no sense.
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

  // MARK: Piece by piece

  /// What `next()` will do; nil when all is done.
  public var upcoming: String? {
    guard done < stages.count else { return nil }
    switch stages[done] {
    case .pictures: return request.source.map { "looking at \($0)" } ?? "making pictures"
    case .findPyTorch: return "starting PyTorch"
    case .prepare(let index), .round(let index): return report.results[index].name
    }
  }

  /// Does the next piece.
  /// - Returns: the share of the whole that is done, nil when all was done before.
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
      // Photographs where there are any large enough, else small pictures.
      if let photographs = try? BenchmarkPictures(folder: source, atLeast: tile) {
        add(photographs, "tiles of \(tile) out of \(source)", size: tile, fit: RandomTile.name)
      } else {
        add(try BenchmarkPictures(folder: source, atLeast: nil), "\(source) at \(small)", size: small, fit: CenterCrop.name)
      }
    } else {
      let height = request.photographHeight, width = height * 4 / 3
      add(
        try .photographs(request.photographs, height: height, width: width, in: "\(scratch)/photographs"),
        "tiles of \(tile) out of JPEG of \(width) x \(height)", size: tile, fit: RandomTile.name)
      add(
        try .small(request.smallPictures, side: small, in: "\(scratch)/small"), "a folder of PNG of \(small) x \(small)", size: small,
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
      guard let rate = try peer?.ask(request)["rate"] as? Double else { throw PythonChild.Problem("an answer that is not understood") }
      if keeps { report.results[index].pytorch = .init((report.results[index].pytorch?.runs ?? []) + [rate]) }
    } catch {
      report.results[index].pytorchFailure = "\(error)"
    }
  }

  private func findPyTorch() {
    do {
      guard let script = search.script(named: "bench_data_pytorch.py") else {
        throw PythonChild.Problem("scripts/bench_data_pytorch.py is not above the program or the working folder")
      }
      guard let python = search.python else { throw PythonChild.Problem("there is no python3") }
      let peer = try PythonChild(
        python: python, script: script, setup: ["batch": request.batch, "workers": report.workers, "threads": Torch.threadCount])
      let words = ["torch", "python", "pillow"].map { peer.hello[$0] as? String ?? "unknown" }
      report.pytorch = .init(executable: python, version: words[0], python: words[1], pillow: words[2])
      self.peer = peer
    } catch {
      report.pytorchProblem =
        "no PyTorch beside it (\(error)); for a comparison name a Python that can import torch and PIL in SFUMATO_PYTHON: "
        + "python3 -m venv torch && torch/bin/pip install torch pillow numpy && export SFUMATO_PYTHON=$PWD/torch/bin/python"
    }
  }
}

/// Our side: the loader as training has it.
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
    // As Pillow has it.
    images.profiles = .ignored
    loading.workers = workers
    loading.strict = true
    prefetch = loading.prefetch
    loader = BatchLoader(try TrainingData(ExamplePipeline(pictures, images: images, seed: 0), seed: 0), batchSize: batch, loading)
  }

  /// Pictures per second over so many batches, in the middle of a training: what was made ready before is used up first.
  func rate(of batches: Int) throws -> Double {
    for _ in 0...(prefetch + 1) { try take() }
    let start = ContinuousClock.now
    for _ in 0..<batches { try take() }
    return Double(batches * loader.batchSize) / (start.duration(to: .now) / .seconds(1))
  }

  /// Lets what is made ahead get ready, so that the other side has the machine for itself.
  func pause() { Thread.sleep(forTimeInterval: 0.3) }

  private func take() throws {
    _ = try loader.batch(at: position.value, on: .cpu).images.validated()
    position.value += loader.batchSize
  }
}
