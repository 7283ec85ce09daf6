import RecipeKit
import Tensors

/// A way from noise to images: one step from a level to a cleaner one. Its stored properties are its recipe keys. Conform to
/// `SinglestepSampler` where nothing is remembered between steps.
public protocol Sampler: NamedRecipe {
  /// Its state between steps.
  associatedtype Memory

  /// The order of its global error on the probability-flow ODE, with no noise added and from exact starting values; nil for one
  /// that does not follow the ODE.
  var order: Int? { get }

  /// The same from a cold start, where a multistep method has yet to gather its estimates; by default `order`.
  var coldStartOrder: Int? { get }

  /// Evaluations of the denoiser in a step; where steps differ, in most of them.
  static var evaluationsPerStep: Int { get }

  /// - Parameter levels: all that the sampler is about to visit, descending.
  func makeMemory(for levels: [NoiseLevel]) -> Memory

  /// - Parameters:
  ///   - x: images at `t`, `[N, C, H, W]`, float32; data lie in [−1, 1] at σ = 0.
  ///   - t, s: noise levels, `s` the cleaner one. `s.sigma == 0` gives the estimate x̂₀ itself.
  ///   - noise: drawn from where the step adds noise; `none` where it must not.
  /// - Faults: travel in the result and are thrown by `SamplingRun.next()`.
  func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Memory, denoiser: some Denoiser, noise: StepNoise
  ) -> Transition
}

extension Sampler {
  public var coldStartOrder: Int? { order }
  public static var evaluationsPerStep: Int { 1 }
}

/// What a step gives.
public struct Transition: Sendable {
  /// The images at the cleaner level.
  public var x: Tensor
  /// The estimate of the clean images from which they were made.
  public var x0: Tensor

  public init(x: Tensor, x0: Tensor) {
    self.x = x
    self.x0 = x0
  }
}

/// Every sampler. A new one is a file and a line here; tests, choices and forms follow.
public enum SamplerRegistry: RecipeRegistry {
  public typealias Member = any Sampler
  public static let all: [any NamedRecipe.Type] = [
    DPMSolverPP2M.self, DPMSolverPP1.self, DPMSolverPP3M.self, DPMSolverPP2MSDE.self, DPMSolverPP3MSDE.self, DPMSolverPP2S.self,
    DPMSolverPP3S.self, DPMSolver2M.self, DPMSolver3M.self, UniPC.self, PNDM.self, DDIM.self, DDPM.self, Euler.self, EulerAncestral.self,
    Heun.self,
    EDMSampler.self,
  ]
}
