import Tensors

/// A sampler that remembers nothing from step to step.
public protocol SinglestepSampler: Sampler where Memory == Void {
  /// `Sampler.step` without a memory.
  func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition
}

extension SinglestepSampler {
  public func makeMemory(for levels: [NoiseLevel]) {}

  public func step(
    _ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, memory: inout Void, denoiser: some Denoiser, noise: StepNoise
  ) -> Transition {
    step(x, from: t, to: s, denoiser: denoiser, noise: noise)
  }
}
