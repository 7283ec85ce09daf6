import Diffusion
import RecipeKit
import Tensors

/// How a network is trained. Every length is counted in images, so that another batch size changes no meaning.
public struct TrainingRecipe: Recipe {
  /// A model whose weights the training starts from: a file, a run, a diffusers folder or the name of a bundled model; null for new
  /// weights. Of a run both the raw and the averaged weights are taken.
  public var initialWeights: String?
  /// Takes the weights that fit and initialises the others anew, where the model differs (other classes, say).
  public var initialWeightsPartial = false
  public var batchSize = 64
  /// Images whose gradient is computed at once, where a whole batch does not fit into memory; the gradients are added up before each
  /// step. null for the whole batch.
  public var microbatch: Int?
  public var learningRate = 2e-4
  /// Over so many images the learning rate rises from zero.
  public var warmupImages = 10_000
  /// How the learning rate falls after that, until the end.
  public var decay = Choice<LearningRateRegistry>(ConstantRate())
  public var optimizer = Choice<OptimizerRegistry>(AdamW.Recipe())
  /// Rate of the moving average of the parameters, per step, which previews and the model use.
  public var emaRate = 0.999
  /// Further averages, for `sfumato average`: `[{ type: rate, rate: 0.9999 }, { type: power, length: 0.1 }]`.
  public var averages: [Choice<AverageRegistry>] = []
  /// Images between two snapshots of the averages of type `power`.
  public var snapshotEvery = 50_000
  /// The gradient's L2 norm is clipped to this; 0 for no clipping.
  public var gradientClip = 1.0
  /// The type of matrix products and convolutions, or auto for the faster one of the device; all else is float32.
  public var precision = PrecisionChoice.auto
  /// Whether convolutions are computed as PyTorch does: slower, with its numbers.
  public var exactConvolutions = false
  /// A number of images, "100 epochs" or "2h".
  public var duration = TrainingDuration.images(1_000_000)
  /// The share of images whose class is replaced by the null class, or whose vector by zeros, so that the model can be guided.
  public var classDropout = 0.1
  /// How the timesteps of a batch are sampled.
  public var timestepSampling = Choice<TimestepSamplingRegistry>(StratifiedTimesteps())
  /// What is minimised.
  public var loss = Choice<LossRegistry>(RescaledMSE())
  /// How much each noise level counts in it.
  public var lossWeighting = Choice<LossWeightingRegistry>(UniformWeighting())
  public var seed: UInt64 = 0
  /// Images between two lines of the log, two checkpoints, two previews.
  public var logEvery = 10_000, checkpointEvery = 500_000, previewEvery = 250_000
  /// Whether event files for TensorBoard are written.
  public var tensorboard = true
  /// Checkpoints that stay; older ones are deleted.
  public var keepCheckpoints = 2
  /// Keeps each checkpoint whose number is a multiple of this for ever; 0 for none.
  public var keepEvery = 0
  /// Ends the training when the loss of held-out images does not improve any more; null for never.
  public var earlyStopping: EarlyStoppingRecipe?
  /// Steps in a row without a finite gradient, after which the training goes back to the last good checkpoint with half the rate.
  public var skipLimit = 20
  /// How often it does that before it stops.
  public var rollbacks = 2
  public init() {}

  public func validate() throws(RecipeError) {
    try require(initialWeights?.isEmpty != true, "initial_weights", "expected a model, or null for new weights")
    try require(
      initialWeights != nil || !initialWeightsPartial, "initial_weights_partial", "expected false, for there are no initial_weights")
    try require((1...65536).contains(batchSize), "batch_size", "expected 1 to 65536, found \(batchSize)")
    try require(
      microbatch.map { (1...batchSize).contains($0) } ?? true, "microbatch",
      "expected 1 to batch_size, which is \(batchSize), or null, found \(microbatch ?? 0)")
    try require(learningRate > 0 && learningRate.isFinite, "learning_rate", "expected more than 0, found \(learningRate)")
    try require(Self.counts.contains(warmupImages), "warmup_images", "expected 0 to \(Self.counts.upperBound), found \(warmupImages)")
    try require(isPossible(duration), "duration", "expected at most \(Self.counts.upperBound) images, epochs or seconds, found \(duration)")
    try require(emaRate >= 0 && emaRate < 1, "ema_rate", "expected at least 0 and below 1, found \(emaRate)")
    try validateAverages()
    try require((1...100_000).contains(skipLimit), "skip_limit", "expected 1 to 100000 steps, found \(skipLimit)")
    try require((0...100).contains(rollbacks), "rollbacks", "expected 0 to 100, found \(rollbacks)")
    try require(Self.counts.contains(keepEvery), "keep_every", "expected 0 or more checkpoints, found \(keepEvery)")
    try require(gradientClip >= 0, "gradient_clip", "expected 0 or more, found \(gradientClip)")
    try require(classDropout >= 0 && classDropout <= 1, "class_dropout", "expected 0 to 1, found \(classDropout)")
    for (key, value) in [
      ("log_every", logEvery), ("checkpoint_every", checkpointEvery), ("preview_every", previewEvery),
      ("keep_checkpoints", keepCheckpoints), ("snapshot_every", snapshotEvery),
    ] {
      try require(value > 0 && Self.counts.contains(value), key, "expected 1 to \(Self.counts.upperBound), found \(value)")
    }
  }

  /// Images, and what is counted in them: sums and products with a batch stay far from overflowing.
  private static let counts = 0...1_000_000_000_000_000

  /// The most averages: each needs the memory of the weights.
  private static let mostAverages = 16

  private func validateAverages() throws(RecipeError) {
    try require(averages.count <= Self.mostAverages, "averages", "expected at most \(Self.mostAverages), found \(averages.count)")
    let labels = averages.map(\.member.label)
    let twice = labels.first { label in labels.count { $0 == label } > 1 }
    try require(twice == nil, "averages", "expected each once, found \(twice ?? "") twice")
  }

  private func isPossible(_ duration: TrainingDuration) -> Bool {
    switch duration {
    case .images(let count), .seconds(let count): Self.counts.contains(count)
    case .epochs(let count): count <= Double(Self.counts.upperBound)
    }
  }
}
