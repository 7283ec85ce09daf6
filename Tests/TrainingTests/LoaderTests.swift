import Datasets
import Foundation
import Imaging
import RecipeKit
import Synchronization
import Tensors
import Testing

@testable import Training

/// Grey images of one byte each, some of which cannot be read; how long each takes is as irregular as that of files.
private struct Slides: Dataset {
  var count = 50
  var bad: Set<Int> = []
  let classNames: [String] = []
  let shape: ImageShape? = ImageShape(height: 2, width: 3, channels: 1)
  let channels = 1
  /// How many are being read, and the most that ever were.
  var traffic = Traffic()

  final class Traffic: Sendable {
    let state = Mutex((now: 0, most: 0, total: 0))
    var most: Int { state.withLock { $0.most } }
    var total: Int { state.withLock { $0.total } }
  }

  subscript(index: Int) -> Picture {
    get throws {
      traffic.state.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.total + 1) }
      defer { traffic.state.withLock { $0.now -= 1 } }
      Thread.sleep(forTimeInterval: Double(index % 3) * 0.0005)
      if bad.contains(index) { throw ImagingError(file: "slide \(index)", .empty) }
      return Picture(.pixels(Image(width: 3, height: 2, color: [UInt8(index)])), name: "slide \(index)")
    }
  }
}

@Suite("The loader") struct LoaderTests {
  private func loader(_ workers: Int, of slides: Slides = Slides(), batchSize: Int = 8, _ change: (inout LoadingRecipe) -> Void = { _ in })
    -> BatchLoader
  {
    makeLoader(batchSize, of: slides) {
      $0.workers = workers
      change(&$0)
    }
  }

  private func marks(_ loader: BatchLoader, at position: Int) throws -> [UInt8] {
    try loader.batch(at: position, on: .cpu).images.images().map { $0.bytes[0] }
  }

  @Test func givesTheSameBatchesWhateverTheNumberOfWorkers() throws {
    let slides = Slides(bad: [3, 17, 18])
    let loaders = [0, 1, 4].map { loader($0, of: slides) }
    for start in stride(from: 0, to: 160, by: 8) {
      let batches = try loaders.map { try marks($0, at: start) }
      #expect(batches[0] == batches[1] && batches[0] == batches[2], "at \(start)")
    }
    #expect(loaders.map(\.unusable.reports) == Array(repeating: loaders[0].unusable.reports, count: 3))
    #expect(loaders[0].unusable.count == 3)
  }

  @Test(arguments: [0, 1, 4]) func startsFromAnyPosition(workers: Int) throws {
    let whole = loader(0), resumed = loader(workers)
    // Forwards, backwards, in the middle of a batch, and far away.
    for start in [48, 56, 64, 8, 16, 3, 11, 1003, 0] { #expect(try marks(resumed, at: start) == marks(whole, at: start), "at \(start)") }
  }

  @Test func worksOnSeveralAtATimeAndNoFurtherAheadThanItMay() throws {
    let slides = Slides()
    let ahead = loader(4, of: slides) { $0.prefetch = 2 }
    _ = try marks(ahead, at: 0)
    Thread.sleep(forTimeInterval: 0.2)
    #expect(slides.traffic.most > 1 && slides.traffic.most <= 4)
    // The batch that was taken, and two more.
    #expect(slides.traffic.total == 24)
  }

  @Test func leavesNoThreadBehind() throws {
    func threads() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").filter(isLoader).count) ?? 0 }
    func isLoader(_ task: String) -> Bool {
      ((try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)) ?? "").hasPrefix("dropped")
    }
    let slides = Slides()
    for _ in 0..<20 {
      let prefetcher = Prefetcher(workers: 3, ahead: 2, batchSize: 4, shapes: ExampleShapes(image: slides.shape!), name: "dropped") {
        position in
        LoadedExample(example: Example(image: try slides[position].image(), label: nil))
      }
      _ = try prefetcher.batch(at: 0)
    }
    #expect(threads() == 0)
    // One that never began ends too.
    _ = Prefetcher(workers: 3, ahead: 2, batchSize: 4, shapes: ExampleShapes(image: slides.shape!)) { _ in throw CancellationError() }
  }

  @Test(arguments: [0, 3]) func holdsNumbersThatAreTheImagesExactly(workers: Int) throws {
    let slides = Slides(count: 256)
    let batch = try loader(workers, of: slides, batchSize: 256).batch(at: 0, on: .cpu)
    #expect(batch.images.shape == [256, 1, 2, 3])
    let numbers = try batch.images.floats()
    let plain = try Tensor(images: (0..<256).map { Image(width: 3, height: 2, color: [UInt8($0)]) }).floats()
    #expect(Set(numbers) == Set(plain) && numbers.count == plain.count)
    #expect(numbers.min() == -1 && numbers.max() == 1)
  }

  // MARK: Unusable pictures

  @Test(arguments: [0, 4]) func skipsUnusablePictures(workers: Int) throws {
    let damaged = loader(workers, of: Slides(bad: [7]))
    for start in stride(from: 0, to: 200, by: 8) { #expect(try marks(damaged, at: start).contains(7) == false) }
    #expect(damaged.unusable.reports == ["slide 7: is empty, expected a picture"])
  }

  @Test(arguments: [0, 4]) func stopsAtTheFirstIfItIsToBeStrict(workers: Int) throws {
    let strict = loader(workers, of: Slides(bad: [7])) { $0.strict = true }
    let error = #expect(throws: DatasetError.self) { for start in stride(from: 0, to: 50, by: 8) { _ = try marks(strict, at: start) } }
    #expect(
      error?.description
        == "slide 7: is empty, expected a picture; fix or remove it, or set loading.strict to false to train without it")
  }

  @Test(arguments: [0, 4]) func stopsWhereMoreThanHalfCannotBeUsed(workers: Int) throws {
    let half = loader(workers, of: Slides(bad: Set(0..<25)))
    for start in stride(from: 0, to: 100, by: 8) { _ = try marks(half, at: start) }
    #expect(half.unusable.count == 25)
    let most = loader(workers, of: Slides(bad: Set(0..<26)))
    let error = #expect(throws: DatasetError.self) { for start in stride(from: 0, to: 100, by: 8) { _ = try marks(most, at: start) } }
    guard case .mostlyUnusable(found: 26..., of: 50, first: _) = error?.problem else {
      Issue.record("\(String(describing: error))")
      return
    }
    let none = loader(workers, of: Slides(bad: Set(0..<50)))
    let nothing = #expect(throws: DatasetError.self) { try marks(none, at: 0) }
    #expect(nothing?.description.hasPrefix("data: none of 50 pictures in a row can be used; the first: slide ") == true)
  }

  // MARK: Validation

  @Test func keepsAPartApartThatIsTheSameEveryTime() throws {
    let held = loader(2) { $0.validation = .count(20) }
    #expect(held.validationBatchCount == 3)
    let batches = try (0..<3).map { try held.validationBatch($0, on: .cpu).images.images().map { $0.bytes[0] } }
    #expect(batches.map(\.count) == [8, 8, 4])
    #expect(try held.validationBatch(1, on: .cpu).images.images().map { $0.bytes[0] } == batches[1])
    let trained = try stride(from: 0, to: 64, by: 8).flatMap { try marks(held, at: $0) }
    #expect(Set(trained).union(batches.joined()) == Set(0..<50))
    #expect(Set(trained).isDisjoint(with: batches.joined()))
  }

  @Test func isDescribedByASection() throws {
    struct Wrapper: RecipeKit.Recipe { var loading = LoadingRecipe() }
    let recipe = try Wrapper(yaml: "loading: { workers: 3, prefetch: 4, strict: true, validation: 0.1 }").loading
    #expect(recipe.resolvedWorkers == 3 && recipe.prefetch == 4 && recipe.strict && recipe.validation == .share(0.1))
    #expect((1...16).contains(LoadingRecipe().resolvedWorkers))
    for bad in ["workers: -1", "prefetch: 0", "strict: perhaps"] {
      #expect(throws: RecipeError.self) { try Wrapper(yaml: "loading: { \(bad) }") }
    }
  }
}
