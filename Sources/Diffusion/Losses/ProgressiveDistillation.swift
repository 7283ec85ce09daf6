import Tensors

/// The loss of a student that learns to take in one step of DDIM what its teacher takes two for: the images x̃₀ from which one step
/// lands where the teacher's two do,
///
///     z = α_t x₀ + σ_t ε,      z″ = two steps of DDIM by the teacher, t → u → s
///     x̃₀ = (z″ − (σ_s / σ_t) z) / (α_s − (σ_s / σ_t) α_t)
///
/// as the network's own prediction: the velocity, say, of x̃₀ and the noise that goes with it. Guidance and clipping of the teacher are
/// learned along.
///
/// Salimans and Ho, "Progressive Distillation for Fast Sampling of Diffusion Models" (2022), algorithm 2; for guided teachers Meng et al., "On
/// Distillation of Guided Diffusion Models" (2023).
public struct ProgressiveDistillation: Sendable {
  /// The steps of the student, of the process that teacher and student share.
  public let process: DiscreteProcess
  /// Twice as many: those of the teacher.
  public let teacherProcess: DiscreteProcess
  public let parameterization: Parameterization
  private let variance: Variance
  private let error: any PredictionError
  private let weighting: any LossWeighting

  /// - Parameters:
  ///   - diffusion: of teacher and student.
  ///   - steps: of the student, which visits them by the spacing `trailing`.
  /// - Throws: where the process has less than twice as many.
  public init(
    _ diffusion: GaussianDiffusion, steps: Int, error: any PredictionError = SquaredError(),
    weighting: any LossWeighting = UniformWeighting()
  ) throws(DiffusionError) {
    teacherProcess = try diffusion.process.respaced(.trailing, steps: 2 * steps)
    process = try diffusion.process.respaced(.trailing, steps: steps)
    (parameterization, variance) = (diffusion.parameterization, diffusion.variance)
    (self.error, self.weighting) = (error, weighting)
  }

  /// The loss of each image of a batch, `[N]`.
  ///
  /// - Parameters:
  ///   - x0: clean images in [−1, 1], `[N, C, H, W]`, float32.
  ///   - timesteps: steps of the student, one for each image.
  ///   - noise: standard normal, of x0's shape.
  ///   - teacher: evaluated twice, without gradients.
  ///   - student: evaluated once.
  public func callAsFunction(
    _ x0: Tensor, at timesteps: [Int], noise: Tensor, teacher: some Denoiser, student: DenoisingNetwork
  ) -> Tensor {
    let levels = process.levels(timesteps), z = qSample(x0, at: levels, noise: noise)
    let target = withoutGradient { self.target(z, at: timesteps, by: teacher) }
    let prediction = variance.split(parameterization.ask(student, z, at: levels)).prediction
    let perImage = error(prediction - target).meanPerImage()
    let weights = levels.map { weighting.weight(at: $0, of: parameterization) }
    return weights.allSatisfy { $0 == 1 } ? perImage : Tensor(weights).to(like: perImage) * perImage
  }

  /// What the student should predict of z, `[N, C, H, W]`.
  func target(_ z: Tensor, at timesteps: [Int], by teacher: some Denoiser) -> Tensor {
    let t = process.levels(timesteps), s = timesteps.map { process.levelBefore($0) }
    let middle = teacher.predict(z, at: t).ddimStep(to: timesteps.map { teacherProcess.level(2 * $0) })
    let end = teacher.predict(middle, at: timesteps.map { teacherProcess.level(2 * $0) }).ddimStep(to: s)
    let ratios = zip(s, t).map { $0.sigma / $1.sigma }
    let signal = zip(zip(s, t), ratios).map { $0.0.alpha - $1 * $0.1.alpha }
    let x0 = (end - ratios.column(like: z) * z) / signal.column(like: z)
    let epsilon = (z - t.column(\.alpha, like: z) * x0) / t.column(\.sigma, like: z)
    return parameterization.target(x0: x0, noise: epsilon, at: t)
  }
}

extension Prediction {
  /// DDIM's step without noise, of each image to its own level.
  fileprivate func ddimStep(to levels: [NoiseLevel]) -> Tensor {
    levels.column(\.alpha, like: x0) * x0 + levels.column(\.sigma, like: x0) * epsilon
  }
}
