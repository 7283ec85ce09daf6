import RecipeKit

/// The forward process and what the network predicts of it: a section of recipes, saved with the weights.
public struct ProcessRecipe: Recipe {
  public var schedule = Choice<ScheduleRegistry>(CosineSchedule())
  /// Changes the schedule so that it ends in pure noise; see `zeroTerminalSNR`.
  public var rescaleBetasZeroSnr = false
  /// The arithmetic in which β and ᾱ are computed.
  public var tables = TablePrecision.float64
  /// What the network predicts.
  public var parameterization = Parameterization.Name.v
  /// The standard deviation of the data in [-1, 1], used by edm alone.
  public var sigmaData = 0.5
  /// The source of the variance of an ancestral step.
  public var variance = Variance.fixedSmall
  /// Gives the network timesteps as if there were 1000.
  public var rescaleTimesteps = false
  /// For restoration: what is diffused is not the picture but its difference from the degraded one, divided by this, which should be the
  /// difference's standard deviation in [−1, 1]. nil for the picture itself.
  public var residualScale: Double?

  public init() {}

  public func validate() throws(RecipeError) {
    let process: DiscreteProcess
    do throws(DiffusionError) { process = try makeProcess() } catch { throw RecipeError(place: nil, path: "schedule", "\(error)") }
    try validateParameterization(endsInPureNoise: process.level(process.steps - 1).alpha == 0)
    if let residualScale {
      try require(residualScale > 0 && residualScale <= 2, "residual_scale", "expected above 0 and at most 2, found \(residualScale)")
    }
  }

  private func validateParameterization(endsInPureNoise: Bool) throws(RecipeError) {
    try require(
      parameterization != .epsilon || !endsInPureNoise, "parameterization",
      "expected v or x0 for a schedule that ends in pure noise, found epsilon, which holds nothing of the image there")
    try require(
      parameterization != .edm || !endsInPureNoise, "parameterization",
      "expected v or x0 for a schedule that ends in pure noise, found edm, whose network is conditioned on log(sigma / alpha), infinite there"
    )
    try require(
      parameterization != .edm || !rescaleTimesteps, "rescale_timesteps",
      "expected false with parameterization edm, whose network is conditioned on the noise itself and not on timesteps, found true")
    try require(
      parameterization != .velocity || !rescaleTimesteps, "rescale_timesteps",
      "expected false with parameterization velocity, whose network is given 1000 t whatever the steps of the process, found true")
    try require(sigmaData > 0 && sigmaData.isFinite, "sigma_data", "expected a number above 0, found \(sigmaData)")
    try require(
      parameterization == .edm || sigmaData == Self().sigmaData, "sigma_data",
      "only edm uses it, and parameterization is \(parameterization.rawValue); leave it out, or take edm; found \(sigmaData)")
  }

  /// The diffusion that this describes.
  public func makeDiffusion() throws(DiffusionError) -> GaussianDiffusion { try GaussianDiffusion(self) }

  /// The process with all its steps.
  func makeProcess() throws(DiffusionError) -> DiscreteProcess {
    switch tables {
    case .float64: try makeProcess(Double.self)
    case .float32: try makeProcess(Float.self)
    }
  }

  private func makeProcess<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> DiscreteProcess {
    let betas = try schedule.member.makeBetas(type)
    return try DiscreteProcess(betas: rescaleBetasZeroSnr ? zeroTerminalSNR(betas) : betas, rescaleTimesteps: rescaleTimesteps)
  }
}

/// The arithmetic in which the betas and their cumulative products are computed. Everything derived from them is float64 either way.
public enum TablePrecision: String, Sendable, Codable, CaseIterable {
  /// guided-diffusion's and ours: nothing is rounded.
  case float64
  /// diffusers': every number on the way to ᾱ is rounded to float32, in that library's order. At the smallest noise levels σ differs
  /// by up to some 1e-4 of itself: choose it to reproduce that library's results, not for a model of your own.
  case float32
}
