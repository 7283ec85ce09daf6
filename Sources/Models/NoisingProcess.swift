import Diffusion
import RecipeKit

/// The forward process alone, for a network that reads noisy images and does not denoise them: `ProcessRecipe` without what only
/// denoisers have.
public struct NoisingProcess: Recipe {
  public var schedule = Choice<ScheduleRegistry>(LinearSchedule())
  /// Changes the schedule so that it ends in pure noise.
  public var rescaleBetasZeroSnr = false
  /// The arithmetic in which β and ᾱ are computed.
  public var tables = TablePrecision.float64
  /// Scales the timesteps that the network gets to 1000 steps.
  public var rescaleTimesteps = false
  public init() {}

  /// The part of a denoiser's process that it shares.
  public init(of process: ProcessRecipe) {
    schedule = process.schedule
    rescaleBetasZeroSnr = process.rescaleBetasZeroSnr
    tables = process.tables
    rescaleTimesteps = process.rescaleTimesteps
  }

  public func validate() throws(RecipeError) {
    do throws(DiffusionError) { _ = try makeProcess() } catch { throw RecipeError(place: nil, path: "schedule", "\(error)") }
  }

  /// The process with all its steps.
  public func makeProcess() throws(DiffusionError) -> DiscreteProcess {
    var process = ProcessRecipe()
    process.schedule = schedule
    process.rescaleBetasZeroSnr = rescaleBetasZeroSnr
    process.tables = tables
    process.rescaleTimesteps = rescaleTimesteps
    return try process.makeDiffusion().process
  }
}
