import Diffusion
import Failures
import Imaging
import Tensors
import Training

/// The images that are computed together, all their candidates one after another.
final class SamplingBatch {
  /// Which of all images these are.
  let range: Range<Int>
  private let candidates: Int
  private let makeRun: (_ candidate: Int) -> SamplingRun
  private let trace: Trace
  private var run: SamplingRun
  private var taken = 0
  private var finished: [Tensor] = []
  /// Of each candidate how the traced images looked at each of the moments.
  private var frames: [[[Image]]]

  /// What is kept on the way: of the first so many images, at these moments.
  struct Trace {
    var count: Int
    /// Numbers of steps, ascending; 0 is the start.
    var moments: [Int]
    var what: SamplingRequest.TraceContent
  }

  init(_ range: Range<Int>, candidates: Int, trace: Trace, makeRun: @escaping (_ candidate: Int) -> SamplingRun) throws {
    self.range = range
    self.candidates = candidates
    self.trace = trace
    self.makeRun = makeRun
    run = makeRun(0)
    frames = [[]]
    try keep(run.x)
  }

  /// The images as they stand, `[N, C, H, W]`.
  var x: Tensor { run.x }
  /// How far it is, up to 1.
  var share: Double { (Double(finished.count) + Double(taken) / Double(run.levels.count - 1)) / Double(candidates) }

  /// Takes a step of the candidate at hand.
  /// - Returns: false when all candidates are finished.
  func next() throws -> Bool {
    let step = try run.next()
    taken += 1
    try keep(trace.what == .estimate ? step?.x0 ?? run.x : run.x)
    guard taken == run.levels.count - 1 else { return true }
    guard try run.x.isFinite().all().item() == 1 else {
      throw SfumatoError(.data, "the model gives numbers that are not finite: its file is damaged, or its training went astray")
    }
    finished.append(run.x)
    guard finished.count < candidates else { return false }
    run = makeRun(finished.count)
    taken = 0
    frames.append([])
    try keep(run.x)
    return true
  }

  /// The best candidates by a score, and how the traced ones of them came about.
  /// - Parameter score: higher for better images; not asked where there is but one candidate.
  func best(by score: (Tensor) -> Tensor) throws -> (images: Tensor, winners: [Int], scores: [[Double]], frames: [[Image]]) {
    guard candidates > 1 else { return (finished[0], [], [], frames[0]) }
    let best = try BestCandidates(of: finished, score: score)
    let steps = frames[0].indices.map { step in (0..<trace.count).map { frames[best.winners[$0]][step][$0] } }
    return (best.images, best.winners, best.scores, steps)
  }

  private func keep(_ images: Tensor) throws {
    guard trace.count > 0, trace.moments.contains(taken) else { return }
    frames[frames.count - 1].append(Array(try images.images().prefix(trace.count)))
  }
}
