import Tensors

/// A prediction as planes of one tensor, which can be blended with those of neighbouring tiles and stored: x₀, and of the rest what does not
/// follow from x₀, the images and the level.
public struct PredictionPlanes: Sendable {
  private let diffusion: GaussianDiffusion
  private let storesEpsilon: Bool

  /// - Parameter epsilonIsOwn: whether ε and x₀ do not make up the images, as after clipping x₀ alone (`clipped(useClippedModelOutput: false)`).
  public init(_ diffusion: GaussianDiffusion, epsilonIsOwn: Bool) {
    self.diffusion = diffusion
    storesEpsilon = epsilonIsOwn
  }

  /// How many times the images' channels there are.
  public var count: Int { 1 + (storesEpsilon ? 1 : 0) + (diffusion.variance.isLearned ? 1 : 0) + (predictsMean ? 1 : 0) }

  private var predictsMean: Bool {
    if case .previousX = diffusion.parameterization { true } else { false }
  }

  /// `[N, count C, H, W]`, x₀ first.
  public func stacked(_ p: Prediction) -> Tensor {
    var planes = [p.x0]
    if storesEpsilon { planes.append(p.epsilon) }
    switch p.variance {
    case .log(let plane), .range(let plane): planes.append(plane)
    case .fixedSmall, .fixedLarge: break
    }
    if let previous = p.previousMean { planes.append(previous.mean) }
    return planes.count == 1 ? p.x0 : .cat(planes, dim: 1)
  }

  /// The prediction of stacked planes.
  /// - Parameters: planes: `[N, count C, H, W]`; x: the images that it was made for, `[N, C, H, W]`; level: theirs, where σ is above 0.
  public func prediction(_ planes: Tensor, of x: Tensor, at level: NoiseLevel) -> Prediction {
    var rest = planes.chunk(count, dim: 1)
    let x0 = rest.removeFirst()
    let epsilon = storesEpsilon ? rest.removeFirst() : (x - level.alpha * x0) / level.sigma
    var p = Prediction(x0: x0, epsilon: epsilon, variance: diffusion.variance == .fixedLarge ? .fixedLarge : .fixedSmall)
    if diffusion.variance.isLearned {
      let plane = rest.removeFirst()
      p.variance = diffusion.variance == .learned ? .log(plane) : .range(plane)
    }
    if case .previousX(let process) = diffusion.parameterization, let mean = rest.first {
      p.previousMean = PreviousMean(mean, levels: process.step(at: level).map { [process.levelBefore($0)] } ?? [])
    }
    return p
  }
}
