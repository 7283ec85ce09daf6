import RecipeKit

/// A noise schedule: how much noise each step of the forward process adds.
///
/// Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models" (2020): q(x_t | x_{t-1}) = N(√(1 − β_t) x_{t-1}, β_t I).
public protocol Schedule: NamedRecipe {
  /// β_t for t = 0 … T − 1, where t = 0 is one step of noise, not none.
  func makeBetas() throws(DiffusionError) -> [Double]
}

extension Schedule {
  /// A schedule is right when its process can be built.
  public func validate() throws(RecipeError) {
    do throws(DiffusionError) {
      _ = try DiscreteProcess(betas: makeBetas())
    } catch {
      throw RecipeError(place: nil, "\(error)")
    }
  }
}

/// Every schedule that a recipe can name.
public enum ScheduleRegistry: RecipeRegistry {
  public typealias Member = any Schedule
  public static let all: [any NamedRecipe.Type] = [LinearSchedule.self, CosineSchedule.self, GivenSchedule.self]
}
