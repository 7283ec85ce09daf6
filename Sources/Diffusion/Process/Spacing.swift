/// Which steps of a process a sampler visits.
///
/// Written in recipes and on the command line as `trailing`, `leading`, `linspace`, `centred`, `10,15,20` or `ddim50`.
public enum Spacing: Sendable, Equatable {
  /// Even strides that end at the last step, where sampling starts: T − 1, …. With few steps the best choice (Lin et al. 2023).
  case trailing
  /// Whole strides that begin at step 0; may miss the noisiest steps.
  case leading
  /// Evenly from step 0 to the last, both included.
  case linspace
  /// Whole strides, each step in the middle of its own (nice-diffusion's).
  case centred
  /// The process cut into equal sections, with so many steps kept of each (guided-diffusion's `timestep_respacing`).
  case sections([Int])
  /// The smallest whole stride from step 0 that gives exactly so many steps (guided-diffusion's `ddimN`).
  case ddim(Int)

  /// The spacings that take any number of steps.
  static let named: [Spacing] = [.trailing, .leading, .linspace, .centred]

  public init(_ text: String) throws(DiffusionError) {
    if let named = Self.named.first(where: { $0.description == text }) {
      self = named
    } else if text.hasPrefix("ddim"), let count = Int(text.dropFirst(4)), count >= 0 {
      self = .ddim(count)
    } else {
      self = .sections(try Self.counts(text))
    }
  }

  private static func counts(_ text: String) throws(DiffusionError) -> [Int] {
    var counts: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let count = Int(part.drop { $0 == " " }), count >= 0 else { throw .unknownSpacing(text) }
      counts.append(count)
    }
    return counts
  }

  /// How many steps it takes, where it says so itself.
  public var count: Int? {
    switch self {
    case .trailing, .leading, .linspace, .centred: nil
    case .sections(let counts): counts.reduce(0, +)
    case .ddim(let count): count
    }
  }

  /// The steps that are visited, ascending.
  ///
  /// - Parameters:
  ///   - total: T, the steps of the process.
  ///   - steps: how many are wanted; nil where the spacing says so itself, and otherwise for all of them.
  public func timesteps(of total: Int, steps: Int? = nil) throws(DiffusionError) -> [Int] {
    if let count, let steps, steps != count {
      throw .stepsDisagree(spacing: description, takes: count, asked: steps)
    }
    switch self {
    case .sections(let counts): return try Self.sections(counts, of: total)
    case .ddim(let count): return try Self.ddim(count, of: total)
    case .trailing, .leading, .linspace, .centred: return try named(steps ?? total, of: total)
    }
  }
}

extension Spacing: CustomStringConvertible {
  public var description: String {
    switch self {
    case .trailing: "trailing"
    case .leading: "leading"
    case .linspace: "linspace"
    case .centred: "centred"
    case .sections(let counts): counts.map(String.init).joined(separator: ",")
    case .ddim(let count): "ddim\(count)"
    }
  }
}

extension Spacing: Codable {
  public init(from decoder: any Decoder) throws { self = try Spacing(decoder.singleValueContainer().decode(String.self)) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
