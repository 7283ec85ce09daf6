import Failures

/// What is wrong with a schedule, a process or a spacing: the values met, what was expected, and the nearest that works.
public enum DiffusionError: ClassifiedError, Equatable, CustomStringConvertible {
  /// A linear schedule of so few steps that its last beta, 20 / steps, is above 1.
  case linearScheduleTooShort(steps: Int)
  /// A process of less than one step, or of more than `DiscreteProcess.stepLimit`.
  case stepsOutOfRange(Int)
  /// A process without a single beta.
  case noBetas
  /// A beta outside (0, 1].
  case betaOutOfRange(index: Int, value: Double)
  /// A beta so small that 1 less it is 1.
  case betaVanishes(index: Int, value: Double)
  /// Cumulative products that do not fall from below 1 towards 0.
  case alphaBarDoesNotDescend(index: Int, value: Double, previous: Double)
  /// A single beta, which cannot be changed into one that ends in pure noise and is yet the same.
  case zeroTerminalSNROfOneStep
  /// Timesteps to keep that are none, not ascending, or not of the process.
  case impossibleTimesteps([Int], total: Int)
  /// A spacing that cannot be read.
  case unknownSpacing(String)
  /// A spacing of a fixed number of steps, and another number requested.
  case stepsDisagree(spacing: String, takes: Int, asked: Int)
  /// A spacing that cannot give as many steps of a process.
  case impossibleSpacing(String, total: Int, reason: String, nearest: String)
  /// A grid of sigmas where whole timesteps are needed.
  case liesBetweenTimesteps(spacing: String)
  /// An option that a grid of sigmas does not have, or an impossible value of one.
  case badGridOption(String, grid: String, expected: [String])
  /// A grid that reaches beyond the noise of the process.
  case gridOutOfRange(spacing: String, range: ClosedRange<Double>, nearest: String)
  /// Levels to visit of which two are the same, by rounding or because there is nothing between the first and the last.
  case levelsDoNotDescend(spacing: String, index: Int)
  /// Levels to visit at which a network that knows only whole steps cannot be evaluated.
  case visitsBetweenSteps(of: Int)
  /// A sampler that evaluates such a network between the levels visited; those that do not, by their defaults.
  case asksBetweenSteps(sampler: String, of: Int, serving: [String])
  /// The saved state of a timestep sampler that is another's.
  case foreignSamplerState(found: [String], expected: String)

  public var failure: Failure { .data }

  public var description: String {
    switch self {
    case .linearScheduleTooShort(let steps):
      "a linear schedule of \(steps) steps has betas above 1; expected 20 steps or more, or a cosine schedule"
    case .stepsOutOfRange(let steps): "a process of \(steps) steps; expected 1 to \(DiscreteProcess.stepLimit)"
    case .noBetas: "there are no betas; expected 1 or more, each in (0, 1]"
    case .betaOutOfRange(let index, let value): "beta \(index) is \(value); expected every beta in (0, 1]"
    case .betaVanishes(let index, let value): "beta \(index) is \(value), which rounding loses beside 1; expected larger ones"
    case .alphaBarDoesNotDescend(let index, let value, let previous):
      "alpha_bar \(index) is \(value) after \(previous); expected numbers that descend from below 1, none below 0"
    case .zeroTerminalSNROfOneStep:
      "a process of one step cannot be rescaled to end in pure noise; expected 2 steps or more, or a given beta of 1"
    case .impossibleTimesteps(let kept, let total):
      "timesteps \(Self.abridged(kept)) to keep; expected 1 or more, ascending, each in 0 ..< \(total)"
    case .unknownSpacing(let text):
      "unknown spacing '\(text)'; expected \(Spacing.named.map(\.description).joined(separator: ", ")), "
        + "leading and an offset such as leading+1, section counts such as 10,15,20, ddim and a count such as ddim50, "
        + "timesteps such as at:999,500,0, all of them up to \(DiscreteProcess.stepLimit), or one of \(SigmaGrid.named.map(\.description).joined(separator: ", ")), "
        + "with options such as karras:rho=5"
    case .stepsDisagree(let spacing, let takes, let asked):
      "spacing '\(spacing)' takes \(takes) steps, not \(asked); leave the number of steps out, or choose another spacing"
    case .impossibleSpacing(let spacing, let total, let reason, let nearest):
      "spacing '\(spacing)' of \(total) timesteps is impossible: \(reason); the nearest possible is \(nearest)"
    case .liesBetweenTimesteps(let spacing):
      "spacing '\(spacing)' lies between the timesteps of a process; expected whole ones, such as trailing"
    case .badGridOption(let option, let grid, let expected):
      "unknown or impossible option '\(option)' of spacing '\(grid)'; expected \(expected.joined(separator: ", ")), each above 0"
    case .gridOutOfRange(let spacing, let range, let nearest):
      "spacing '\(spacing)' reaches beyond the noise of the process, sigma \(range.lowerBound) to \(range.upperBound); "
        + "the nearest possible is \(nearest)"
    case .levelsDoNotDescend(let spacing, let index):
      "spacing '\(spacing)' visits no less noise at its level \(index + 1) than at the one before; expected fewer steps or another spacing"
    case .visitsBetweenSteps(let steps):
      "a network that predicts previous_x knows only the \(steps) steps of its process, and the spacing visits levels between them; "
        + "expected a spacing of whole timesteps: \(Spacing.named.map(\.description).joined(separator: ", ")), counts or timesteps"
    case .asksBetweenSteps(let sampler, let steps, let serving):
      "sampler \(sampler), as it is set, also evaluates the network between the levels that it visits, and one that predicts previous_x knows only the "
        + "\(steps) steps of its process; expected a sampler that does not, by their defaults \(serving.joined(separator: ", "))"
    case .foreignSamplerState(let found, let expected):
      "the state of the timestep sampling holds \(found.isEmpty ? "nothing" : found.joined(separator: ", ")); expected \(expected)"
    }
  }

  /// How a number of steps is named as the nearest possible one.
  static func nearest(steps: Int) -> String { "\(steps) \(steps == 1 ? "step" : "steps") (sampling.steps)" }

  private static func abridged(_ numbers: [Int]) -> String {
    numbers.count <= 8 ? "\(numbers)" : "[\(numbers.prefix(6).map(String.init).joined(separator: ", ")), … \(numbers.count) in all]"
  }
}
