import RecipeKit

/// The forward process and what the network predicts of it: a section of recipes, saved with the weights.
public struct ProcessRecipe: Recipe {
  public var schedule = Choice<ScheduleRegistry>(CosineSchedule())
  /// What the network predicts.
  public var parameterization = Parameterization.v
  /// Where the variance of an ancestral step comes from.
  public var variance = Variance.fixedSmall
  /// Tells the network steps as if there were 1000.
  public var rescaleTimesteps = false

  public init() {}

  public func validate() throws(RecipeError) {
    let process: DiscreteProcess
    do throws(DiffusionError) { process = try makeProcess() } catch { throw RecipeError(place: nil, path: "schedule", "\(error)") }
    try require(
      parameterization != .epsilon || process.level(process.steps - 1).alpha > 0, "parameterization",
      "expected v or x0 for a schedule that ends in pure noise, found epsilon, which says nothing of the image there")
  }

  /// The process with all its steps.
  public func makeProcess() throws(DiffusionError) -> DiscreteProcess {
    try DiscreteProcess(betas: schedule.member.makeBetas(), rescaleTimesteps: rescaleTimesteps)
  }

  /// The network as a denoiser, x₀ not clipped.
  /// - Parameter noiseScale: of the process with all its steps.
  public func denoiser(noiseScale: NoiseScale, network: @escaping DenoisingNetwork) -> NetworkDenoiser {
    NetworkDenoiser(parameterization, variance: variance, noiseScale: noiseScale, network: network)
  }
}
