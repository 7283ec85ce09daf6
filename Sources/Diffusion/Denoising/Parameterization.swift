import Tensors

/// What a network predicts of images x = α x₀ + σ ε.
public enum Parameterization: Sendable, Equatable {
  /// The noise ε (Ho, Jain and Abbeel 2020). Holds nothing of the image where α = 0, and is refused there.
  case epsilon
  /// The clean image x₀.
  case x0
  /// v = α ε − σ x₀, with α² + σ² = 1 (Salimans and Ho, "Progressive Distillation", 2022): never degenerate, the one to train with.
  case v
  /// v, from a network that is shown α x in place of x: the best linear estimate of data of unit variance (Wiener 1949), which is zero
  /// where there is no signal, so that the first evaluation of a process that ends in pure noise depends on the conditioning alone. For
  /// residuals; see `ProcessRecipe.residualScale`.
  case vScaledInput
  /// The images one step cleaner: the mean of q(x_{t−1} | x_t, x₀), whose x₀ the network has to guess (Ho, Jain and Abbeel 2020,
  /// eq. 7). It is made of steps, so it answers at the steps of the process alone and not between them.
  ///
  /// The process is the one that the network was trained with, whatever steps of it are visited. (guided-diffusion takes the one
  /// that is visited, in which the network's "one step cleaner" is too little.)
  case previousX(DiscreteProcess)
  /// F of Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (2022), table 1: what is missing
  /// from c_skip x, scaled to unit variance, for data of the standard deviation σ_data. It is shown c_in x, also of unit variance,
  /// and conditioned on the noise itself instead of a timestep; see `Preconditioning`. Refused where α = 0, which is infinite noise.
  case edm(sigmaData: Double)

  /// The velocity ε − x₀ of the straight path (1 − t) x₀ + t ε (Liu, Gong and Liu, "Flow Straight and Fast", 2023; Lipman et al., "Flow
  /// Matching for Generative Modeling", 2023). Any x is a point of that path after scaling: t = σ / (α + σ), of x / (α + σ). The network is
  /// shown that and given 1000 t as its timestep. Never degenerate.
  case velocity

  /// The names in recipes.
  public enum Name: String, Sendable, Codable, CaseIterable {
    case epsilon, x0, v
    case vScaledInput = "v_scaled_input"
    case previousX = "previous_x"
    case edm, velocity
  }

  /// Whether the network is shown something else than x and its timestep.
  private var scalesInput: Bool {
    switch self {
    case .edm, .vScaledInput, .velocity: true
    case .epsilon, .x0, .v, .previousX: false
    }
  }

  /// Runs a network; `estimates` reads its output.
  ///
  /// - Parameters:
  ///   - network: given the timesteps of `levels`, or what takes their place.
  ///   - x: noisy images, `[N, C, H, W]`.
  ///   - levels: one for all images, or one for each.
  func ask(_ network: DenoisingNetwork, _ x: Tensor, at levels: [NoiseLevel]) -> Tensor {
    guard scalesInput else { return network(x, levels.timesteps(for: x)).to(like: x) }
    if let problem = problem(at: levels) { return x.failed("predict", problem) }
    let terms = levels.map(preconditioning)
    let noised = zip(levels, terms).map { NoiseLevel(alpha: $0.alpha, sigma: $0.sigma, timestep: $1.cNoise) }
    return network(terms.map(\.cIn).column(like: x) * x, noised.timesteps(for: x)).to(like: x)
  }

  /// What the network should predict.
  ///
  /// - Parameters:
  ///   - x0: clean images, `[N, C, H, W]`.
  ///   - noise: the ε that was mixed in, of the same shape.
  ///   - levels: one for all images, or one for each.
  /// - Faults: where `estimates` has one, but `epsilon`.
  public func target(x0: Tensor, noise: Tensor, at levels: [NoiseLevel]) -> Tensor {
    switch self {
    case .epsilon: return noise
    case .x0: return x0
    case .v, .vScaledInput: return levels.column(\.alpha, like: x0) * noise - levels.column(\.sigma, like: x0) * x0
    case .velocity: return noise - x0
    case .previousX, .edm:
      if let problem = problem(at: levels) { return x0.failed("target", problem) }
      // x₀ = c_skip x + c_out F at x = α x₀ + σ ε, solved for F.
      let image = levels.column({ (1 - preconditioning(at: $0).cSkip * $0.alpha) / preconditioning(at: $0).cOut }, like: x0)
      let share = levels.column({ preconditioning(at: $0).cSkip * $0.sigma / preconditioning(at: $0).cOut }, like: x0)
      return image * x0 - share * noise
    }
  }

  /// x₀ and ε from the network's output.
  ///
  /// - Parameters:
  ///   - output: the network's output, of x's shape.
  ///   - x: the noisy images that it was given, `[N, C, H, W]`.
  ///   - levels: one for all images, or one for each.
  /// - Faults: `epsilon` and `edm` at a level without signal, α = 0; `previousX` at one that is no step of its process.
  public func estimates(from output: Tensor, x: Tensor, at levels: [NoiseLevel]) -> (x0: Tensor, epsilon: Tensor) {
    if let problem = problem(at: levels) {
      let refused = x.failed("predict", problem)
      return (refused, refused)
    }
    let alpha = levels.column(\.alpha, like: x), sigma = levels.column(\.sigma, like: x)
    switch self {
    case .epsilon: return ((x - sigma * output) / alpha, output)
    case .x0: return (output, (x - alpha * output) / sigma)
    case .v, .vScaledInput: return (alpha * x - sigma * output, sigma * x + alpha * output)
    case .velocity:
      // x̂₀ + v = ε̂, and x = α x̂₀ + σ ε̂.
      let sum = alpha + sigma
      return ((x - sigma * output) / sum, (x + alpha * output) / sum)
    case .previousX, .edm:
      let terms = levels.map(preconditioning)
      let x0 = terms.map(\.cSkip).column(like: x) * x + terms.map(\.cOut).column(like: x) * output
      return (x0, (x - alpha * x0) / sigma)
    }
  }
}
