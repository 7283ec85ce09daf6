/// What is wrong with a schedule, a process or a spacing: the values met, what was expected, and the nearest that works.
public enum DiffusionError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A linear schedule of so few steps that its last beta, 20 / steps, is above 1.
  case linearScheduleTooShort(steps: Int)
  /// A schedule of less than one step.
  case noSteps(Int)
  /// A process without a single beta.
  case noBetas
  /// A beta outside (0, 1].
  case betaOutOfRange(index: Int, value: Double)
  /// Timesteps to keep that are none, not ascending, or not of the process.
  case impossibleTimesteps([Int], total: Int)
  /// A spacing that cannot be read.
  case unknownSpacing(String)
  /// A spacing that says how many steps it takes, and another number asked for.
  case stepsDisagree(spacing: String, takes: Int, asked: Int)
  /// A spacing that cannot give as many steps of a process.
  case impossibleSpacing(String, total: Int, reason: String, nearest: String)

  public var description: String {
    switch self {
    case .linearScheduleTooShort(let steps):
      "a linear schedule of \(steps) steps has betas above 1; expected 20 steps or more, or a cosine schedule"
    case .noSteps(let steps): "a schedule of \(steps) steps; expected 1 or more"
    case .noBetas: "there are no betas; expected 1 or more, each in (0, 1]"
    case .betaOutOfRange(let index, let value): "beta \(index) is \(value); expected every beta in (0, 1]"
    case .impossibleTimesteps(let kept, let total):
      "timesteps \(Self.abridged(kept)) to keep; expected 1 or more, ascending, each in 0 ..< \(total)"
    case .unknownSpacing(let text):
      "unknown spacing '\(text)'; expected \(Spacing.named.map(\.description).joined(separator: ", ")), "
        + "section counts such as 10,15,20, or ddim and a count such as ddim50"
    case .stepsDisagree(let spacing, let takes, let asked):
      "spacing '\(spacing)' takes \(takes) steps, not \(asked); leave the number of steps out, or choose another spacing"
    case .impossibleSpacing(let spacing, let total, let reason, let nearest):
      "spacing '\(spacing)' of \(total) timesteps is impossible: \(reason); the nearest possible is \(nearest)"
    }
  }

  private static func abridged(_ numbers: [Int]) -> String {
    numbers.count <= 8 ? "\(numbers)" : "[\(numbers.prefix(6).map(String.init).joined(separator: ", ")), … \(numbers.count) in all]"
  }
}
