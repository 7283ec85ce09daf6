import Diffusion
import NN
import Tensors

/// One change of the parameters after the other: the gradient of a loss, accumulated over the parts of a batch, clipped, applied, and
/// the averages brought up to date.
package final class ParameterUpdate {
  package struct Outcome {
    /// The mean over the batch; not finite when the step was skipped for it.
    package var loss: Double
    /// The L2 norm before clipping; not finite when the step was skipped.
    package var gradientNorm = Double.nan
    package var noiseScale = GradientNoiseScale()
  }

  package let optimizer: any Optimizer
  package let average: ExponentialMovingAverage
  package let further: FurtherAverages
  /// The largest norm of a gradient; 0 for any.
  private let clip: Double
  /// Images whose gradient is computed at once; nil for all of the batch.
  private let microbatch: Int?

  package init(
    _ parameters: [(name: String, parameter: Parameter)], buffers: [(name: String, buffer: Buffer)] = [], _ recipe: TrainingRecipe
  ) {
    optimizer = recipe.optimizer.member.makeOptimizer(for: parameters)
    average = ExponentialMovingAverage(parameters, buffers: buffers, rate: recipe.emaRate)
    further = FurtherAverages(parameters, buffers: buffers, recipe.averages.map(\.member))
    (clip, microbatch) = (recipe.gradientClip, recipe.microbatch)
  }

  /// Takes a step. A loss or a gradient that is not finite changes nothing.
  /// - Parameters:
  ///   - group: processes of which each has a part of the batch: their gradients are added up.
  ///   - settle: given this process's part of the loss, returns that of the whole batch.
  package func run(
    _ loss: StepLoss, learningRate: Double, in group: ProcessGroup? = nil, settle: (Double) throws -> Double = { $0 }
  ) throws -> Outcome {
    var sum: GradientSum?
    var outcome = try accumulate(loss) { sum = try group?.beginSum(ofGradients: optimizer.parameters) }
    if sum == nil { sum = try group?.beginSum(ofGradients: optimizer.parameters) }
    try sum?.send()
    outcome.loss = try settle(outcome.loss)
    try sum?.finish()
    // It may be another process's part that is not finite.
    guard outcome.loss.isFinite else { return Outcome(loss: outcome.loss) }
    let small = outcome.gradientNorm
    outcome.gradientNorm = try optimizer.gradientNorm()
    guard outcome.gradientNorm.isFinite else { return outcome }
    let total = loss.share.total
    if let first = loss.parts(of: microbatch).first, first.count < total {
      let (large, share) = (outcome.gradientNorm, Double(first.count) / Double(total))
      outcome.noiseScale.add(small: small * small / (share * share), of: first.count, large: large * large, of: total)
    }
    let norm = outcome.gradientNorm, isClipped = clip > 0 && norm > clip
    try optimizer.step(learningRate: learningRate, gradientScale: isClipped ? clip / norm : 1, updating: average)
    try further.update()
    return outcome
  }

  /// Adds up the gradients of the parts, each counting by its images, so that the sum is the gradient of the mean over the batch.
  /// - Parameter beforeLast: called before the last backward pass, which is not come to where the loss is not finite.
  /// - Returns: the loss, this process's part of it, and in place of the gradient's norm that of the first part alone, times its share.
  private func accumulate(_ loss: StepLoss, beforeLast: () throws -> Void) throws -> Outcome {
    var outcome = Outcome(loss: 0)
    let parts = loss.parts(of: microbatch), total = loss.share.total
    for (number, part) in parts.enumerated() {
      let mean = try loss.mean(part), value = try mean.item()
      let isWhole = part.count == total, share = Double(part.count) / Double(total)
      outcome.loss += isWhole ? value : share * value
      guard value.isFinite else { return Outcome(loss: value) }
      if number == 0 { try optimizer.clearGradients() }
      if number == parts.count - 1 { try beforeLast() }
      try (isWhole ? mean : mean * share).backward()
      if number == 0, !isWhole { outcome.gradientNorm = try optimizer.gradientNorm() }
    }
    return outcome
  }
}
