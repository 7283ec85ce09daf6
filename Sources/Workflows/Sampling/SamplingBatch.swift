import Diffusion
import Imaging
import Tensors
import Training

/// The images that are computed together, all their candidates one after another.
final class SamplingBatch {
  /// Which of all images these are.
  let range: Range<Int>
  private let candidates: Int
  private let makeRun: (_ candidate: Int) -> SamplingRun
  private let tracedCount: Int
  private var run: SamplingRun
  private var taken = 0
  private var finished: [Tensor] = []
  /// Of each candidate how the traced images looked at the start and after each step.
  private var frames: [[[Image]]]

  init(_ range: Range<Int>, candidates: Int, tracedCount: Int, makeRun: @escaping (_ candidate: Int) -> SamplingRun) throws {
    self.range = range
    self.candidates = candidates
    self.tracedCount = tracedCount
    self.makeRun = makeRun
    run = makeRun(0)
    frames = [[]]
    try trace()
  }

  /// The images as they stand, `[N, C, H, W]`.
  var x: Tensor { run.x }
  /// How far it is, up to 1.
  var share: Double { (Double(finished.count) + Double(taken) / Double(run.levels.count - 1)) / Double(candidates) }

  /// Takes a step of the candidate at hand.
  /// - Returns: false when all candidates are finished.
  func next() throws -> Bool {
    _ = try run.next()
    taken += 1
    try trace()
    guard taken == run.levels.count - 1 else { return true }
    guard try run.x.isFinite().all().item() == 1 else {
      throw WorkflowError(.data, "the model gives numbers that are not finite: its file is damaged, or its training went astray")
    }
    finished.append(run.x)
    guard finished.count < candidates else { return false }
    run = makeRun(finished.count)
    taken = 0
    frames.append([])
    try trace()
    return true
  }

  /// The best candidates by a score, and how the traced ones of them came about.
  /// - Parameter score: higher for better images; not asked where there is but one candidate.
  func best(by score: (Tensor) -> Tensor) throws -> (images: Tensor, winners: [Int], scores: [[Double]], frames: [[Image]]) {
    guard candidates > 1 else { return (finished[0], [], [], frames[0]) }
    let best = try BestCandidates(of: finished, score: score)
    let steps = frames[0].indices.map { step in (0..<tracedCount).map { frames[best.winners[$0]][step][$0] } }
    return (best.images, best.winners, best.scores, steps)
  }

  private func trace() throws {
    guard tracedCount > 0 else { return }
    frames[frames.count - 1].append(Array(try run.x.images().prefix(tracedCount)))
  }
}
