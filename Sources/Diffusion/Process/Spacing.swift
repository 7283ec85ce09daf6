/// Which noise levels of a process a sampler visits: some of its steps or, on a grid of sigmas, levels between them.
///
/// Written in recipes and on the command line as `trailing`, `leading`, `leading+1`, `linspace`, `centred`, `quadratic`,
/// `10,15,20`, `ddim50`, `at:999,500,0`, or as a `SigmaGrid` such as `karras`.
public enum Spacing: Sendable, Equatable {
  /// Even strides that end at the last step, where sampling starts: T − 1, …. With few steps the best choice (Lin et al. 2023).
  case trailing
  /// Whole strides that begin at step 0; may miss the noisiest steps.
  case leading
  /// Whole strides that begin at a step of your own (diffusers' `leading` with its `steps_offset`, 1 for Stable Diffusion).
  case leadingOffset(Int)
  /// Evenly from step 0 to the last, both included.
  case linspace
  /// Whole strides, each step in the middle of its own (nice-diffusion's).
  case centred
  /// Denser towards step 0: step ⌊c i²⌋, with c such that the last is visited too; where that repeats a step, the next one.
  ///
  /// Song, Meng and Ermon, "Denoising Diffusion Implicit Models" (2021), appendix D.2.
  case quadratic
  /// The process cut into equal sections, with so many steps kept of each (guided-diffusion's `timestep_respacing`).
  case sections([Int])
  /// The smallest whole stride from step 0 that gives exactly so many steps (guided-diffusion's `ddimN`).
  case ddim(Int)
  /// Just these steps, all ascending or, as they are visited, all descending.
  case at([Int])
  /// Levels between the steps, where the network is given fractional timesteps.
  case grid(SigmaGrid)

  /// Karras et al.'s grid with ρ = 7 over the noise of the process.
  public static let karras = Spacing.grid(SigmaGrid(.karras()))

  /// The spacings of whole steps that take any number of them.
  static let named: [Spacing] = [.trailing, .leading, .linspace, .centred, .quadratic]

  public init(_ text: String) throws(DiffusionError) {
    if let named = Self.named.first(where: { $0.description == text }) {
      self = named
    } else if text.hasPrefix("ddim"), let count = Self.number(text.dropFirst(4)) {
      self = .ddim(count)
    } else if text.hasPrefix("leading+"), let offset = Self.number(text.dropFirst(8)) {
      self = offset == 0 ? .leading : .leadingOffset(offset)
    } else if text.hasPrefix("at:") {
      self = .at(try Self.numbers(text.dropFirst(3), in: text))
    } else if let grid = try SigmaGrid(text) {
      self = .grid(grid)
    } else {
      self = .sections(try Self.numbers(text[...], in: text))
    }
  }

  private static func numbers(_ list: Substring, in text: String) throws(DiffusionError) -> [Int] {
    var numbers: [Int] = []
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      guard let number = number(part.drop { $0 == " " }) else { throw .unknownSpacing(text) }
      numbers.append(number)
    }
    return numbers
  }

  /// A number of steps or a step, of which no process has more than `DiscreteProcess.stepLimit`.
  private static func number(_ text: Substring) -> Int? {
    Int(text).flatMap { (0...DiscreteProcess.stepLimit).contains($0) ? $0 : nil }
  }

  /// The number of steps, where the spacing determines it.
  public var count: Int? {
    switch self {
    case .trailing, .leading, .leadingOffset, .linspace, .centred, .quadratic, .grid: nil
    case .sections(let counts): counts.reduce(0, +)
    case .ddim(let count): count
    case .at(let steps): steps.count
    }
  }

  /// The steps that are visited, ascending.
  ///
  /// - Parameters:
  ///   - total: T, the steps of the process.
  ///   - steps: how many are wanted; nil where the spacing determines it, and otherwise for all of them.
  /// - Throws: for what is impossible, with the nearest that is possible; for a grid, which lies between the steps.
  public func timesteps(of total: Int, steps: Int? = nil) throws(DiffusionError) -> [Int] {
    if let count, let steps, steps != count {
      throw .stepsDisagree(spacing: description, takes: count, asked: steps)
    }
    switch self {
    case .sections(let counts): return try Self.sections(counts, of: total)
    case .ddim(let count): return try Self.ddim(count, of: total)
    case .at(let steps): return try Self.given(steps, of: total)
    case .leadingOffset(let offset): return try leading(from: offset, steps ?? total, of: total)
    case .trailing, .leading, .linspace, .centred, .quadratic: return try named(steps ?? total, of: total)
    case .grid: throw .liesBetweenTimesteps(spacing: description)
    }
  }
}

extension Spacing: CustomStringConvertible {
  public var description: String {
    switch self {
    case .trailing: "trailing"
    case .leading: "leading"
    case .leadingOffset(let offset): "leading+\(offset)"
    case .linspace: "linspace"
    case .centred: "centred"
    case .quadratic: "quadratic"
    case .sections(let counts): counts.map(String.init).joined(separator: ",")
    case .ddim(let count): "ddim\(count)"
    case .at(let steps): "at:" + steps.map(String.init).joined(separator: ",")
    case .grid(let grid): grid.description
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
