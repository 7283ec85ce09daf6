import Foundation

/// Noise levels spread by a formula over σ, the noise beside a signal of 1 (σ / α of a level), whatever the steps of a process.
///
/// Written as its shape, after a colon with what is not to be the default: `karras`, `karras:rho=5,sigma_max=80`.
public struct SigmaGrid: Sendable, Equatable {
  public enum Shape: Sendable, Equatable {
    /// Evenly in σ^(1/ρ); ρ = 7 by default (Karras et al., "Elucidating the Design Space …", 2022, eq. 5).
    case karras(rho: Double = 7)
    /// Evenly in log σ, and so in λ (as DPM-Solver's steps: Lu et al. 2022).
    case exponential
    /// log σ = log σ_min + u^ρ log(σ_max / σ_min), u evenly from 1 to 0; ρ = 1 by default, which is `exponential`. In k-diffusion.
    case polyexponential(rho: Double = 1)
  }

  public var shape: Shape
  /// The smallest σ, where the grid ends; nil: that of the process.
  public var sigmaMin: Double?
  /// The largest σ, where it begins; nil: the largest that the process has with any signal.
  public var sigmaMax: Double?

  public init(_ shape: Shape, sigmaMin: Double? = nil, sigmaMax: Double? = nil) {
    self.shape = shape
    self.sigmaMin = sigmaMin
    self.sigmaMax = sigmaMax
  }

  /// The grid from `largest` down to `smallest`, both included to the bit; a single one is the largest.
  package func sigmas(from largest: Double, to smallest: Double, count: Int) -> [Double] {
    (0..<count).map { index in
      if index == 0 { return largest }
      return index == count - 1 ? smallest : sigma(Double(index) / Double(count - 1), from: largest, to: smallest)
    }
  }

  /// σ at the part u of the way.
  private func sigma(_ u: Double, from largest: Double, to smallest: Double) -> Double {
    switch shape {
    case .karras(let rho):
      let first = pow(largest, 1 / rho), last = pow(smallest, 1 / rho)
      return pow(first + u * (last - first), rho)
    case .exponential: return smallest * pow(largest / smallest, 1 - u)
    case .polyexponential(let rho): return smallest * pow(largest / smallest, pow(1 - u, rho))
    }
  }
}

// MARK: As text

extension SigmaGrid: CustomStringConvertible {
  /// The grids with their defaults.
  static let named: [SigmaGrid] = [.init(.karras()), .init(.exponential), .init(.polyexponential())]

  /// nil for a text that is no grid's.
  /// - Throws: for an option that it does not have, or an impossible value of one.
  init?(_ text: String) throws(DiffusionError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard var grid = Self.named.first(where: { $0.name == parts[0] }) else { return nil }
    let options = parts.count > 1 ? parts[1].split(separator: ",", omittingEmptySubsequences: false) : []
    for option in options {
      let halves = option.split(separator: "=", maxSplits: 1)
      guard halves.count == 2, let value = Double(halves[1]), value > 0, value.isFinite, grid.set(String(halves[0]), value) else {
        throw .badGridOption(String(option), grid: grid.name, expected: grid.options)
      }
    }
    if let sigmaMin = grid.sigmaMin, let sigmaMax = grid.sigmaMax, sigmaMin >= sigmaMax {
      throw .badGridOption(
        "sigma_min=\(Self.plain(sigmaMin))", grid: grid.name, expected: ["sigma_min below sigma_max=\(Self.plain(sigmaMax))"])
    }
    self = grid
  }

  public var description: String {
    var options: [String] = []
    switch shape {
    case .karras(let rho) where rho != 7: options.append("rho=\(Self.plain(rho))")
    case .polyexponential(let rho) where rho != 1: options.append("rho=\(Self.plain(rho))")
    default: break
    }
    if let sigmaMin { options.append("sigma_min=\(Self.plain(sigmaMin))") }
    if let sigmaMax { options.append("sigma_max=\(Self.plain(sigmaMax))") }
    return options.isEmpty ? name : "\(name):\(options.joined(separator: ","))"
  }

  private static func plain(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }

  private var name: String {
    switch shape {
    case .karras: "karras"
    case .exponential: "exponential"
    case .polyexponential: "polyexponential"
    }
  }

  private var options: [String] { (shape == .exponential ? [] : ["rho"]) + ["sigma_min", "sigma_max"] }

  /// - Returns: whether there is such an option.
  private mutating func set(_ option: String, _ value: Double) -> Bool {
    switch (option, shape) {
    case ("rho", .karras): shape = .karras(rho: value)
    case ("rho", .polyexponential): shape = .polyexponential(rho: value)
    case ("sigma_min", _): sigmaMin = value
    case ("sigma_max", _): sigmaMax = value
    default: return false
    }
    return true
  }
}
