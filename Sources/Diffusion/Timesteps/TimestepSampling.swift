import RecipeKit
import Tensors

/// How training samples the timesteps of its batches: a section of recipes.
public protocol TimestepSampling: NamedRecipe {
  /// Whether the expectation of weighted losses is the mean over all timesteps.
  static var keepsExpectation: Bool { get }
  func makeSampler(for process: DiscreteProcess) -> any TimestepSampler
}

extension TimestepSampling {
  public static var keepsExpectation: Bool { true }
}

/// Every timestep sampling that a recipe can name.
public enum TimestepSamplingRegistry: RecipeRegistry {
  public typealias Member = any TimestepSampling
  public static let all: [any NamedRecipe.Type] = [
    StratifiedTimesteps.self, UniformTimesteps.self, LossSecondMoment.self, LogNormalTimesteps.self, LogitNormalTimesteps.self,
    LastTimestepShare.self,
  ]
}

/// The timesteps of a batch.
public struct TimestepDraw: Sendable, Equatable {
  /// One for each image, in 0 ..< T.
  public var timesteps: [Int]
  /// The weight of each image's loss: where the sampling keeps the expectation, 1 / (T p) of how likely its timestep was.
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

/// Samples timesteps, and may learn from their losses. What it has learned is saved with a training.
public protocol TimestepSampler {
  func draw(_ count: Int, using generator: Generator) throws(TorchFault) -> TimestepDraw

  /// Learns from losses.
  /// - Parameter losses: one for each timestep, without importance weights. Those that are not finite are ignored.
  mutating func learn(from losses: [Double], at timesteps: [Int])

  /// Everything learned; empty for a sampler that does not learn.
  var state: StateDict { get }
  /// Restores a `state`.
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
