import Foundation
import RecipeKit
import Tensors
import Testing

@testable import Diffusion

/// Data drawn from two normal distributions in one dimension: the ideal denoiser has a closed form, which is not linear.
struct MixtureOracle: Denoiser {
  static let weights = [0.3, 0.7], means = [-1.0, 0.8], variances = [0.04, 0.09]
  let noiseLevelRange = NoiseLevelRange.variancePreserving(-20...20) { exp(-$0) }

  func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    let t = levels[0]
    let parts = (0...1).map { k in
      let spread = t.alpha * t.alpha * Self.variances[k] + t.sigma * t.sigma
      let off = x - t.alpha * Self.means[k]
      let logDensity = log(Self.weights[k]) - 0.5 * log(spread) - (0.5 / spread) * off.square()
      return (logDensity, x0: Self.means[k] + (t.alpha * Self.variances[k] / spread) * off)
    }
    let second = (parts[1].0 - parts[0].0).sigmoid()
    let x0 = parts[0].x0 + second * (parts[1].x0 - parts[0].x0)
    return Prediction(x0: x0, epsilon: (x - t.alpha * x0) / t.sigma)
  }

  /// The density of the data, but for a factor.
  static func density(_ x: Double) -> Double {
    (0...1).reduce(0) { sum, k in
      sum + weights[k] * exp(-pow(x - means[k], 2) / (2 * variances[k])) / variances[k].squareRoot()
    }
  }
}

/// Weighted points on a line, split between the two hills.
private struct Hills {
  /// Where the density has its valley, near enough.
  static let valley = -0.25
  /// Of each hill.
  var shares = [0.0, 0.0], means = [0.0, 0.0], variances = [0.0, 0.0], fourthMoments = [0.0, 0.0]

  init(_ points: [Double], weights: [Double]) {
    let total = weights.reduce(0, +)
    for hill in 0...1 {
      let side = points.indices.filter { (points[$0] < Self.valley) == (hill == 0) }
      let mass = side.reduce(0) { $0 + weights[$1] }
      let mean = side.reduce(0) { $0 + weights[$1] * points[$1] } / mass
      shares[hill] = mass / total
      means[hill] = mean
      for index in side {
        let square = (points[index] - mean) * (points[index] - mean)
        variances[hill] += weights[index] * square / mass
        fourthMoments[hill] += weights[index] * square * square / mass
      }
    }
  }

  /// Share, mean and variance of each, in turn.
  var figures: [Double] { (0...1).flatMap { [shares[$0], means[$0], variances[$0]] } }

  /// Of `figures`, from n samples.
  func standardErrors(_ n: Int) -> [Double] {
    (0...1).flatMap { hill -> [Double] in
      let members = Double(n) * shares[hill]
      return [
        (shares[hill] * (1 - shares[hill]) / Double(n)).squareRoot(), (variances[hill] / members).squareRoot(),
        ((fourthMoments[hill] - variances[hill] * variances[hill]) / members).squareRoot(),
      ]
    }
  }
}

/// A source that must not be asked.
private struct ForbiddenNoise: NoiseSource {
  mutating func normal(_ shape: [Int]) -> Tensor {
    Issue.record("a sampler that adds noise needs another quadrature than over its start")
    return .zeros(shape)
  }
}

/// The same numbers, again and again.
private struct GivenNoise: NoiseSource {
  let numbers: Tensor
  mutating func normal(_ shape: [Int]) -> Tensor { numbers }
}

@Suite("Samples of a mixture of two normal distributions") struct MixtureTests {
  /// Twenty steps from σ/α = 20, spaced as by Karras et al. with ρ = 7.
  let levels: [NoiseLevel] = {
    let ends = (noisiest: pow(20, 1.0 / 7), cleanest: pow(0.02, 1.0 / 7))
    return (0..<20).map { step in
      let ratio = pow(ends.noisiest + (ends.cleanest - ends.noisiest) * Double(step) / 19, 7)
      return NoiseLevel(alpha: 1 / (1 + ratio * ratio).squareRoot(), sigma: ratio / (1 + ratio * ratio).squareRoot(), timestep: ratio)
    } + [.clean]
  }()

  /// How the distribution is found that a method ends in.
  enum Quadrature { case overTheStart, overStartAndNoise, bySimulation }

  static let cases: [(name: String, sampler: any Sampler, quadrature: Quadrature)] = {
    var churned = EDMSampler()
    churned.sChurn = 2
    let registered = SamplerRegistry.all.compactMap { $0.init() as? any Sampler }.map { sampler in
      let name = type(of: sampler).name
      switch name {
      case "ddpm", "euler_ancestral": return (name, sampler, Quadrature.overStartAndNoise)
      // What is remembered is random too: one dimension is not enough.
      case "dpmpp_2m_sde", "dpmpp_3m_sde": return (name, sampler, .bySimulation)
      default: return (name, sampler, .overTheStart)
      }
    }
    return registered + [("ddim, eta 1", DDIM(eta: 1), .overStartAndNoise), ("churned edm", churned, .overStartAndNoise)]
  }()

  func end(_ sampler: any Sampler, _ start: Tensor, _ noise: some NoiseSource, on levels: [NoiseLevel]? = nil) throws -> [Double] {
    let levels = levels ?? self.levels
    return try SamplingRun(sampler, denoiser: MixtureOracle(), levels: levels, start: start, noise: noise).finish().doubles()
  }

  /// Samples, each with a start and noise of its own.
  fileprivate func sampled(_ sampler: any Sampler, _ n: Int, seed: UInt64) throws -> Hills {
    let start = Tensor.randn([n, 1], dtype: .float64, using: Generator(seed: seed))
    return try Hills(end(sampler, start, BatchNoise(Generator(seed: seed + 1))), weights: Array(repeating: 1, count: n))
  }

  static let grid = (0...800).map { -6 + 12 * Double($0) / 800 }, fineGrid = (0...8000).map { -6 + 12 * Double($0) / 8000 }

  static func normalDensity(_ x: Double) -> Double { exp(-x * x / 2) }

  /// The start, on a grid, carried through all steps.
  fileprivate func carried(_ sampler: any Sampler, on levels: [NoiseLevel]? = nil) throws -> Hills {
    let start = Tensor(Self.fineGrid, [Self.fineGrid.count, 1])
    return try Hills(end(sampler, start, ForbiddenNoise(), on: levels), weights: Self.fineGrid.map(Self.normalDensity))
  }

  /// The distribution on a grid, carried from step to step with a grid of noise.
  fileprivate func carriedWithNoise<S: Sampler>(_ sampler: S) throws -> Hills {
    let numbers = (-9...9).map { Double($0) / 2 }, masses = numbers.map(Self.normalDensity), total = masses.reduce(0, +)
    var weights = Self.grid.map(Self.normalDensity), memory = sampler.makeMemory(for: levels), hills: Hills?
    for (t, s) in zip(levels, levels.dropFirst()) {
      let used = Self.grid.indices.filter { weights[$0] > 1e-10 }
      let x = Tensor(used.map { Self.grid[$0] }, [used.count, 1]).repeatInterleave(numbers.count, dim: 0)
      let tiled = Tensor(numbers, [numbers.count, 1]).repeat(used.count, 1)
      let noise = StepNoise(GivenNoise(numbers: tiled))
      let ends = try sampler.step(x, from: t, to: s, memory: &memory, denoiser: MixtureOracle(), noise: noise).x.doubles()
      let mass = used.flatMap { index in masses.map { weights[index] * $0 / total } }
      hills = Hills(ends, weights: mass)
      weights = Self.dealt(ends, mass)
    }
    return try #require(hills)
  }

  /// The weights of points dealt out to their neighbours on the grid.
  private static func dealt(_ points: [Double], _ mass: [Double]) -> [Double] {
    var weights = Array(repeating: 0.0, count: grid.count)
    for (point, mass) in zip(points, mass) {
      let place = min(max((point + 6) / 12 * 800, 0), 799.999), below = Int(place)
      weights[below] += (1 - place + Double(below)) * mass
      weights[below + 1] += (place - Double(below)) * mass
    }
    return weights
  }

  @Test(arguments: cases.map(\.name)) func haveItsMeansVariancesAndWeights(name: String) throws {
    let (_, sampler, quadrature) = try #require(Self.cases.first { $0.name == name })
    let truth = Hills(Self.fineGrid, weights: Self.fineGrid.map(MixtureOracle.density))
    let method: Hills, simulated = 1 << 17
    switch quadrature {
    case .overTheStart: method = try carried(sampler)
    case .overStartAndNoise: method = try carriedWithNoise(sampler)
    case .bySimulation: method = try sampled(sampler, simulated, seed: 100)
    }
    let samples = try sampled(sampler, 8192, seed: 1), bias = zip(method.figures, truth.figures).map { $0 - $1 }
    for (index, error) in method.standardErrors(8192).enumerated() {
      #expect(abs(samples.figures[index] - method.figures[index]) < 4 * error, "figure \(index)")
      #expect(abs(samples.figures[index] - truth.figures[index]) < 3 * error + abs(bias[index]), "figure \(index)")
    }
    // The bias of twenty steps: a sampler that is wrong has more.
    #expect(bias.allSatisfy { abs($0) < 0.06 }, "\(bias)")
  }

  /// From σ/α = 20,000 to 13 in one step: what is extrapolated in σ/α over that is anything.
  @Test(arguments: cases.filter { $0.quadrature == .overTheStart }.map(\.name)) func areRightFromTheFirstLevelOfTheCosineScheduleToo(
    name: String
  ) throws {
    let levels = try DiscreteProcess(betas: CosineSchedule().makeBetas()).respaced(.trailing, steps: 20).samplingLevels
    let truth = Hills(Self.fineGrid, weights: Self.fineGrid.map(MixtureOracle.density))
    let method = try carried(Choice<SamplerRegistry>(named: name).member, on: levels)
    #expect(zip(method.figures, truth.figures).allSatisfy { abs($0 - $1) < 0.06 }, "\(method.figures), not \(truth.figures)")
  }
}
