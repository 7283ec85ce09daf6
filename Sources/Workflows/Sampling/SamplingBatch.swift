import Diffusion
import Failures
import Imaging
import Tensors
import Training

/// A batch of images, whose candidates are sampled one after another.
final class SamplingBatch {
  /// The range of the images in the batch among all images.
  let range: Range<Int>
  private let candidates: Int
  private let makeRun: (_ candidate: Int) -> SamplingRun
  private let trace: Trace
  private var run: SamplingRun
  private var taken = 0
  private var finished: [Tensor] = []
  /// The traced images of each candidate at each traced step.
  private var frames: [[[Image]]]

  /// Which intermediate states are kept: of the first `count` images, at these steps.
  struct Trace {
    var count: Int
    /// Step numbers, ascending; 0 is the start.
    var moments: [Int]
    var content: SamplingRequest.TraceContent
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

  /// The current images, `[N, C, H, W]`.
  var x: Tensor { run.x }
  /// The completed fraction, up to 1.
  var share: Double { (Double(finished.count) + Double(taken) / Double(run.levels.count - 1)) / Double(candidates) }

  /// Takes a step of the current candidate.
  /// - Returns: false when all candidates are finished.
  func next() throws -> Bool {
    let step = try run.next()
    taken += 1
    try keep(trace.content == .estimate ? step?.x0 ?? run.x : run.x)
    guard taken == run.levels.count - 1 else { return true }
    guard try run.x.isFinite().all().item() == 1 else {
      throw SfumatoError(.data, "the model's output is not finite: its file is damaged or its training diverged")
    }
    finished.append(run.x)
    guard finished.count < candidates else { return false }
    run = makeRun(finished.count)
    taken = 0
    frames.append([])
    try keep(run.x)
    return true
  }

  /// The best candidates by score, with their traced frames.
  /// - Parameter score: higher for better images; not called with a single candidate.
  func best(by score: (Tensor) -> Tensor) throws -> SampledBatch {
    guard candidates > 1 else { return SampledBatch(images: finished[0], frames: frames[0]) }
    let best = try BestCandidates(of: finished, score: score)
    let steps = frames[0].indices.map { step in (0..<trace.count).map { frames[best.winners[$0]][step][$0] } }
    return SampledBatch(images: best.images, winners: best.winners, scores: best.scores, frames: steps)
  }

  private func keep(_ images: Tensor) throws {
    guard trace.count > 0, trace.moments.contains(taken) else { return }
    frames[frames.count - 1].append(Array(try images.images().prefix(trace.count)))
  }
}
