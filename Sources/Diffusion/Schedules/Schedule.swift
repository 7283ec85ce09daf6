import RecipeKit

/// A noise schedule: how much noise each step of the forward process adds.
///
/// Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models" (2020): q(x_t | x_{t-1}) = N(√(1 − β_t) x_{t-1}, β_t I).
public protocol Schedule: NamedRecipe {
  /// β_t for t = 0 … T − 1, where t = 0 is one step of noise, not none.
  /// - Parameter type: the arithmetic, which matters to the last bit where checkpoints were trained with tables in float32.
  func makeBetas<Real: BinaryFloatingPoint>(_ type: Real.Type) throws(DiffusionError) -> [Real]
}

extension Schedule {
  /// β_t for t = 0 … T − 1, in float64.
  public func makeBetas() throws(DiffusionError) -> [Double] { try makeBetas(Double.self) }

  /// A schedule is valid when its process can be built.
  public func validate() throws(RecipeError) {
    do throws(DiffusionError) { _ = try DiscreteProcess(betas: makeBetas()) } catch {
      throw RecipeError(place: nil, path: error.scheduleKey ?? "", "\(error)")
    }
  }
}

extension DiffusionError {
  /// The key of the schedule at fault, where there is one.
  fileprivate var scheduleKey: String? {
    switch self {
    case .stepsOutOfRange, .linearScheduleTooShort: "steps"
    default: nil
    }
  }
}

/// Every schedule that a recipe can name.
public enum ScheduleRegistry: RecipeRegistry {
  public typealias Member = any Schedule
  public static let all: [any NamedRecipe.Type] = [
    LinearSchedule.self, ScaledLinearSchedule.self, CosineSchedule.self, SquaredCosineSchedule.self, SigmoidSchedule.self,
    ConstantSchedule.self, EDMSchedule.self, RectifiedFlowSchedule.self, GivenSchedule.self,
  ]
}

/// Evenly from one end to the other, both included; a single number is the start. Computed from the nearer end in fused steps,
/// which gives PyTorch's `linspace` to the bit.
func linspace<Real: BinaryFloatingPoint>(from start: Real, through end: Real, count: Int) -> [Real] {
  let step = count > 1 ? (end - start) / Real(count - 1) : 0
  return (0..<count).map { index in
    index < (count + 1) / 2 ? start.addingProduct(step, Real(index)) : end.addingProduct(-step, Real(count - 1 - index))
  }
}
