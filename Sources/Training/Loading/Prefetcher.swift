import Datasets
import Foundation

/// Threads that make the examples of coming batches while the training computes.
///
/// They take positions one by one, in order, never further ahead than the batches to be kept ready, and sleep while these are
/// full. They are of low priority: where they and the training want the same core, the training has it, and where the training
/// waits for them it wants none. They end when the prefetcher is let go.
final class Prefetcher {
  private let state: PrefetchState
  private let workers: Int
  private let name: String

  /// - Parameters:
  ///   - workers: at least one.
  ///   - ahead: batches that are kept ready beside the one that is asked for.
  ///   - places: those of each batch that are made; nil for all.
  ///   - name: of its threads, as process listings show it.
  ///   - make: the example at a position; called from many threads.
  init(
    workers: Int, ahead: Int, batchSize: Int, places: Range<Int>? = nil, shapes: ExampleShapes, name: String = "loader",
    make: @escaping @Sendable (_ position: Int) throws -> LoadedExample
  ) {
    self.workers = workers
    self.name = name
    state = PrefetchState(batchSize: batchSize, places: places ?? 0..<batchSize, ahead: ahead, shapes: shapes, make: make)
  }

  /// The batch that begins at `position`, when all of it is there. What follows is made ready; a position that does not follow the
  /// last one makes them begin anew there.
  /// - Throws: what its first example that failed threw.
  func batch(at position: Int) throws -> BatchAssembly {
    state.startThreads(workers, name)
    return try state.take(position)
  }

  deinit { state.stop() }
}

/// What the threads of a prefetcher share. Everything that changes does so under the condition's lock.
private final class PrefetchState: @unchecked Sendable {
  private let batchSize: Int, places: Range<Int>, ahead: Int
  private let shapes: ExampleShapes
  private let make: @Sendable (Int) throws -> LoadedExample

  private let condition = NSCondition()
  private var running = 0
  private var isStopped = false
  /// The next example to be made, and the first that must wait, counted from the first that is made of the next batch.
  private var next = 0, limit = 0
  /// Where the next batch is expected to be asked for.
  private var head = 0
  private var batches: [Int: PendingBatch] = [:]

  /// A batch of which some examples are not there yet.
  private final class PendingBatch {
    let assembly: BatchAssembly
    var missing: Int
    /// What went wrong, with the place where it did.
    var failure: (place: Int, error: any Error)?

    init(count: Int, shapes: ExampleShapes) {
      assembly = BatchAssembly(count: count, shapes: shapes)
      missing = count
    }
  }

  init(batchSize: Int, places: Range<Int>, ahead: Int, shapes: ExampleShapes, make: @escaping @Sendable (Int) throws -> LoadedExample) {
    (self.batchSize, self.places, self.ahead, self.shapes, self.make) = (batchSize, places, ahead, shapes, make)
  }

  func startThreads(_ count: Int, _ name: String) {
    condition.withLock {
      for number in running..<max(running, count) {
        let thread = Thread { [self] in run() }
        thread.name = "\(name) \(number)"
        thread.stackSize = 4 << 20
        thread.qualityOfService = .utility
        running += 1
        thread.start()
      }
    }
  }

  /// Returns when every thread has ended, which takes no longer than one example.
  func stop() {
    condition.withLock {
      isStopped = true
      condition.broadcast()
      while running > 0 { condition.wait() }
    }
  }

  func take(_ position: Int) throws -> BatchAssembly {
    try condition.withLock {
      if position != head || limit == 0 {
        batches = [:]
        (head, next) = (position, 0)
      }
      limit = (1 + ahead) * places.count
      condition.broadcast()
      while batches[position].map({ $0.missing > 0 }) ?? true { condition.wait() }
      let batch = batches.removeValue(forKey: position)!
      head = position + batchSize
      next -= places.count
      limit = ahead * places.count
      if let failure = batch.failure { throw failure.error }
      return batch.assembly
    }
  }

  private func run() {
    lowerPriority()
    while let work = nextWork() {
      let result = Result { try make(work.position) }
      if case .success(let drawn) = result { work.batch.assembly.put(drawn, at: work.place) }
      condition.withLock {
        if case .failure(let error) = result, work.place < work.batch.failure?.place ?? .max {
          work.batch.failure = (work.place, error)
        }
        work.batch.missing -= 1
        if work.batch.missing == 0 { condition.broadcast() }
      }
    }
    condition.withLock {
      running -= 1
      condition.broadcast()
    }
  }

  /// Waits for a position to make; nil when it is time to end.
  private func nextWork() -> (batch: PendingBatch, position: Int, place: Int)? {
    condition.withLock {
      while !isStopped, next >= limit { condition.wait() }
      if isStopped { return nil }
      let (number, place) = next.quotientAndRemainder(dividingBy: places.count)
      let start = head + number * batchSize
      let batch = batches[start] ?? PendingBatch(count: places.count, shapes: shapes)
      batches[start] = batch
      next += 1
      return (batch, start + places.lowerBound + place, place)
    }
  }

  private func lowerPriority() {
    #if os(Linux)
      // There the number 0 stands for the calling thread alone. Without permission nothing changes.
      _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, 10)
    #endif
  }
}
