import Tensors

/// The best of several candidates for each image.
public struct BestCandidates: Sendable {
  /// The candidates that won, `[N, C, H, W]`.
  public let images: Tensor
  /// The number of the winning candidate of each image.
  public let winners: [Int]
  /// The scores of the candidates of each image.
  public let scores: [[Double]]

  /// Scores all candidates and keeps, image by image, the one with the highest score; the first of equals. NaN never wins against
  /// a number.
  ///
  ///     let best = try BestCandidates(of: batches) { -score.errors(of: $0, denoiser: denoiser) }
  ///     let best = try BestCandidates(of: batches) { logProbability(of: labels, logits: classifier($0)) }
  ///
  /// - Parameters:
  ///   - candidates: one batch for each round, all `[N, C, H, W]`. With `PerImageNoise(candidate:)` the first is what there would
  ///     be without the others.
  ///   - score: gives `[N]`, higher for a better image.
  public init(of candidates: [Tensor], score: (Tensor) -> Tensor) throws(TorchFault) {
    guard let first = candidates.first else { throw TorchFault(operation: "BestCandidates", message: "there are no candidates") }
    var rounds: [[Double]] = []
    for candidate in candidates {
      guard candidate.shape == first.shape else {
        throw candidate.failed("BestCandidates", "the first candidates were \(first.shape); expected all of one shape").fault!
      }
      let scores = try withoutGradient { score(candidate) }.validated()
      guard scores.shape == [first.size(0)] else {
        throw scores.failed("BestCandidates", "expected one score an image, [\(first.size(0))]").fault!
      }
      rounds.append(try scores.doubles())
    }
    let scores = (0..<first.size(0)).map { image in rounds.map { $0[image] } }
    let winners = scores.map(Self.best)
    images = try .cat(winners.enumerated().map { candidates[$1].image($0) }, dim: 0).validated()
    self.scores = scores
    self.winners = winners
  }

  private static func best(_ scores: [Double]) -> Int {
    var best = 0
    for (index, score) in scores.enumerated() where score > scores[best] || (scores[best].isNaN && !score.isNaN) { best = index }
    return best
  }
}

/// A classifier's log-probability of the requested classes, `[N]`.
///
/// - Parameters:
///   - labels: class numbers, `[N]` int64.
///   - logits: the classifier's output for the images, `[N, K]`.
public func logProbability(of labels: Tensor, logits: Tensor) -> Tensor {
  logits.to(.float32).logSoftmax(-1).gather(1, labels.unsqueeze(1)).squeeze(1)
}
