import Diffusion
import Failures
import NN
import Networks
import Tensors
import Training

/// What a training minimises, on its examples and on held-out ones.
///
/// Noise, timesteps and dropout depend on seed and step alone, timesteps also on the losses of earlier steps. All but dropout is drawn
/// for the whole batch, so that parts change nothing.
protocol TrainingObjective: AnyObject {
  /// The most held-out pictures per validation.
  static var mostHeldOut: Int { get }
  /// The timestep sampler, whose state is part of a checkpoint.
  var timesteps: any TimestepSampler { get }
  /// The loss of a batch, as a whole or in parts.
  func callAsFunction(_ batch: Batch, _ seed: Seed, _ step: Int) throws -> StepLoss
  /// Adds the loss of a batch of held-out examples by the current weights, without dropout.
  /// - Parameter number: the batch's number, which decides its noise.
  func validate(_ batch: Batch, _ number: Int, _ result: inout ValidationLoss) throws
  /// Restores the timestep sampler's state from an earlier session.
  func restore(timesteps state: StateDict) throws
}

extension TrainingObjective {
  /// The loss of held-out examples, and the same by quarters of the noise levels.
  /// - Parameters:
  ///   - count: the number of batches, at least 1.
  ///   - rank, size: which of several processes this one is; each takes every `size`-th batch.
  ///   - batch: returns a batch by its number.
  func validation(of count: Int, rank: Int = 0, size: Int = 1, _ batch: (Int) throws -> Batch) throws -> ValidationLoss {
    var result = ValidationLoss()
    for number in stride(from: rank, to: count, by: size) {
      try Interruption.check()
      try validate(batch(number), number, &result)
    }
    return result
  }
}

/// The loss of held-out examples.
struct ValidationLoss {
  private var sum = 0.0, images = 0
  /// The loss by quarters of the noise levels.
  var quartiles = LossQuartiles()
  /// The share of images that were classified rightly, by the same quarters.
  var accuracies = LossQuartiles()
  /// The number of images that were classified rightly; nil where nothing is classified.
  private var hits: Double?

  /// Adds the mean loss of some images and, of a classifier, how many of them it classified rightly.
  mutating func add(mean: Double, images count: Int, hits new: Double? = nil) {
    sum += mean * Double(count)
    images += count
    if let new { hits = (hits ?? 0) + new }
  }

  var mean: Double { sum / Double(images) }
  var accuracy: Double? { hits.map { $0 / Double(images) } }

  /// The sums of several processes, each of other batches.
  func summed(over group: ProcessGroup) throws -> ValidationLoss {
    let own = [sum, Double(images), hits ?? 0, hits == nil ? 0 : 1]
    let sums = try group.sum(own + quartiles.sums + accuracies.sums), length = quartiles.sums.count
    var result = ValidationLoss()
    (result.sum, result.images, result.hits) = (sums[0], Int(sums[1]), sums[3] > 0 ? sums[2] : nil)
    result.quartiles.sums = Array(sums[own.count..<own.count + length])
    result.accuracies.sums = Array(sums[(own.count + length)...])
    return result
  }
}

extension BatchShare {
  /// The rows of a tensor that has one for each image of the whole batch.
  func part(of rows: Tensor) -> Tensor { isWhole ? rows : rows.slice(0, range) }
}

extension TimestepDraw {
  /// The timesteps of the images in a range of places.
  func part(_ range: Range<Int>) -> TimestepDraw { TimestepDraw(Array(timesteps[range]), weights: Array(weights[range])) }
}

extension TrainingRecipe {
  /// Runs `body` with libtorch's own convolutions where the recipe wants them, and as the process does otherwise.
  func withConvolutions<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    try exactConvolutions ? withExactConvolutions(true, body) : body()
  }
}
