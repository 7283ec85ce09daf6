import Tensors

/// A type-erased denoiser.
public struct AnyDenoiser: Denoiser {
  private let base: any Denoiser

  public init(_ base: some Denoiser) { self.base = base }

  public var noiseLevelRange: NoiseLevelRange { base.noiseLevelRange }
  public func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction { base.predict(x, at: levels) }
}
