import Tensors

/// What a network predicts, for x = α x₀ + σ ε with α² + σ² = 1.
public enum Parameterization: String, Sendable, Codable, CaseIterable {
  /// The noise ε (Ho, Jain and Abbeel 2020). Says nothing of the image where α = 0, and is refused there.
  case epsilon
  /// The clean image x₀.
  case x0
  /// v = α ε − σ x₀ (Salimans and Ho, "Progressive Distillation", 2022): never degenerate, the one to train with.
  case v

  /// What the network should have said.
  ///
  /// - Parameters:
  ///   - x0: clean images, `[N, C, H, W]`.
  ///   - noise: the ε that was mixed in, of the same shape.
  ///   - levels: one for all images, or one for each.
  public func target(x0: Tensor, noise: Tensor, at levels: [NoiseLevel]) -> Tensor {
    switch self {
    case .epsilon: return noise
    case .x0: return x0
    case .v:
      let alpha = levels.column(\.alpha, like: x0), sigma = levels.column(\.sigma, like: x0)
      return alpha * noise - sigma * x0
    }
  }

  /// x₀ and ε from what the network said.
  ///
  /// - Parameters:
  ///   - output: the network's output, of x's shape.
  ///   - x: the noisy images that it was shown, `[N, C, H, W]`.
  ///   - levels: one for all images, or one for each.
  /// - Faults: `epsilon` at a level without signal, α = 0.
  public func estimates(from output: Tensor, x: Tensor, at levels: [NoiseLevel]) -> (x0: Tensor, epsilon: Tensor) {
    let alpha = levels.column(\.alpha, like: x), sigma = levels.column(\.sigma, like: x)
    switch self {
    case .epsilon:
      guard levels.allSatisfy({ $0.alpha > 0 }) else {
        let refused = x.failed(
          "predict", "epsilon says nothing of the image where there is no signal (alpha 0); expected a network that predicts v or x0")
        return (refused, refused)
      }
      return ((x - sigma * output) / alpha, output)
    case .x0: return (output, (x - alpha * output) / sigma)
    case .v: return (alpha * x - sigma * output, sigma * x + alpha * output)
    }
  }
}
