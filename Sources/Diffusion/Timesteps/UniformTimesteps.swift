import RecipeKit
import Tensors

/// Independent timesteps, all equally likely (Ho, Jain and Abbeel 2020, algorithm 1).
public struct UniformTimesteps: TimestepSampling {
  public static let name = "uniform"
  public init() {}
  public func makeSampler(for process: DiscreteProcess) -> any TimestepSampler { Sampler(steps: process.steps) }

  struct Sampler: TimestepSampler {
    let steps: Int
    func draw(_ count: Int, using generator: Generator) throws(TorchFault) -> TimestepDraw {
      TimestepDraw(try Tensor.randint(0..<steps, [count], using: generator).ints())
    }
  }
}

/// One timestep from each of N equal parts of the process, so that every batch sees all noise levels and the gradient varies
/// less; over many batches all are equally likely (Kingma et al., "Variational Diffusion Models", 2021, appendix I.1).
public struct StratifiedTimesteps: TimestepSampling {
  public static let name = "stratified"
  public init() {}
  public func makeSampler(for process: DiscreteProcess) -> any TimestepSampler { Sampler(steps: process.steps) }

  struct Sampler: TimestepSampler {
    let steps: Int
    func draw(_ count: Int, using generator: Generator) throws(TorchFault) -> TimestepDraw {
      // One offset for the batch; the parts are shuffled among the images too, since images may come sorted.
      let offset = try Tensor.rand([1], dtype: .float64, using: generator).item()
      let parts = try Tensor.randperm(count, using: generator).ints()
      return TimestepDraw(parts.map { min(Int((Double($0) + offset) / Double(count) * Double(steps)), steps - 1) })
    }
  }
}
