import RecipeKit
import Tensors

/// How training picks the timesteps of its batches: a section of recipes.
public protocol TimestepSampling: NamedRecipe {
  func makeSampler(for process: DiscreteProcess) -> any TimestepSampler
}

/// Every way that a recipe can name.
public enum TimestepSamplingRegistry: RecipeRegistry {
  public typealias Member = any TimestepSampling
  public static let all: [any NamedRecipe.Type] = [
    StratifiedTimesteps.self, UniformTimesteps.self, LossSecondMoment.self, LogNormalTimesteps.self,
  ]
}

/// The timesteps of a batch.
public struct TimestepDraw: Sendable, Equatable {
  /// One for each image, in 0 ..< T.
  public var timesteps: [Int]
  /// What each image's loss is multiplied by, so that its expectation is the mean over all timesteps, however likely each is.
  public var weights: [Double]

  /// - Parameter weights: 1 where all timesteps are equally likely.
  public init(_ timesteps: [Int], weights: [Double]? = nil) {
    self.timesteps = timesteps
    self.weights = weights ?? timesteps.map { _ in 1 }
  }

  /// The mean of losses, each times its weight: what a step minimises.
  /// - Parameter losses: `[N]`.
  public func mean(of losses: Tensor) -> Tensor {
    weights.allSatisfy { $0 == 1 } ? losses.mean() : (Tensor(weights).to(like: losses) * losses).mean()
  }
}

/// Draws timesteps, and may learn from the losses that they gave. What it has learned is saved with a training.
public protocol TimestepSampler {
  func draw(_ count: Int, using generator: Generator) throws(TorchFault) -> TimestepDraw

  /// Takes note of losses.
  /// - Parameter losses: one for each timestep, without importance weights. Those that are not finite are passed over.
  mutating func learn(from losses: [Double], at timesteps: [Int])

  /// All that was learned; empty where nothing ever is.
  var state: StateDict { get }
  /// Goes on from what `state` gave.
  /// - Throws: `DiffusionError` when it is the state of another sampler.
  mutating func restore(_ state: StateDict) throws
}

extension TimestepSampler {
  public mutating func learn(from losses: [Double], at timesteps: [Int]) {}
  public var state: StateDict { StateDict() }
  public mutating func restore(_ state: StateDict) throws {
    guard state.count == 0 else { throw DiffusionError.foreignSamplerState(found: state.names, expected: "nothing") }
  }
}
