import Foundation
import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Diffusion

/// The i-th draw is 1 for the (i + 2)-nd image and 0 for the others.
private struct UnitNoise: NoiseSource {
  private var drawn = 0
  mutating func normal(_ shape: [Int]) -> Tensor {
    drawn += 1
    return Tensor((0..<shape[0]).map { $0 == drawn + 1 ? 1 : 0 }, shape)
  }
}

@Suite("Stochastic samplers") struct StochasticSamplerTests {
  let oracle = GaussianOracle(mean: 0.3)

  /// Samplers that add noise, what they are without it, and the order of the bias of their moments.
  static let pairs: [(name: String, sampler: any Sampler, solver: any Sampler, weakOrder: Int)] = {
    var euler = Euler(), modelFirst = Euler(), edm = EDMSampler()
    (euler.sChurn, modelFirst.sChurn, edm.sChurn) = (4, 4, 4)
    modelFirst.churnOrder = .modelFirst
    return [
      ("euler_ancestral", EulerAncestral(), Euler(), 1), ("dpmpp_2m_sde", DPMSolverPP2MSDE(), DPMSolverPP2M(), 2),
      ("dpmpp_3m_sde", DPMSolverPP3MSDE(), DPMSolverPP3M(), 2), ("churned euler", euler, Euler(), 1),
      ("euler churned behind the model's back", modelFirst, Euler(), 1), ("churned edm", edm, Heun(), 2),
      ("ddim", DDIM(eta: 1), DDIM(), 1),
    ]
  }()

  func pair(_ name: String) throws -> (sampler: any Sampler, solver: any Sampler, weakOrder: Int) {
    let found = try #require(Self.pairs.first { $0.name == name })
    return (found.sampler, found.solver, found.weakOrder)
  }

  @Test(arguments: pairs.map(\.name)) func whereNoNoiseMayBeAddedIsASolverOfTheODE(name: String) throws {
    let (sampler, solver, _) = try pair(name)
    let finish = { (sampler: any Sampler, window: NoiseWindow) in
      try SamplingRun(
        sampler, denoiser: oracle, levels: smoothLevels(10), start: .randn([2, 1, 4, 4], dtype: .float64, using: Generator(seed: 1)),
        noise: BatchNoise(seed: Seed(2)), window: window
      ).finish()
    }
    let never = NoiseWindow(untilRemaining: .max)
    #expect(try distance(finish(sampler, never), finish(solver, .always)) < 1e-13)
    #expect(try distance(finish(sampler, .always), finish(solver, .always)) > 0.01)
  }

  @Test(arguments: pairs.map(\.name)) func addsTheSameNoiseWhereTheSignalIsNotScaled(name: String) throws {
    let (sampler, _, _) = try pair(name), levels = smoothLevels(10)
    let start = Tensor.randn([2, 1, 4, 4], dtype: .float64, using: Generator(seed: 1))
    let finish = { (levels: [NoiseLevel], start: Tensor) in
      try SamplingRun(sampler, denoiser: oracle, levels: levels, start: start, noise: BatchNoise(seed: Seed(2))).finish()
    }
    let exploding = try finish(levels.map(\.exploding), start / levels[0].alpha)
    #expect(try distance(levels[10].alpha * exploding, finish(levels, start)) < 1e-11)
  }

  /// Any η leaves the moments right, so it is held against others' forms: DDIM's, and k-diffusion's in σ/α.
  @Test(arguments: [0.3, 1]) func theAncestralStepHasTheNoiseThatItShould(eta: Double) throws {
    let noise = { StepNoise(BatchNoise(Generator(seed: 5))) }
    var ancestral = EulerAncestral()
    ancestral.eta = eta
    let levels = smoothLevels(3), t = levels[1].sigma / levels[1].alpha, s = levels[2].sigma / levels[2].alpha
    let x = Tensor.randn([1, 1, 3, 3], dtype: .float64, using: Generator(seed: 1))
    let next = ancestral.step(x, from: levels[1], to: levels[2], denoiser: oracle, noise: noise()).x
    let ddim = DDIM(eta: eta).step(x, from: levels[1], to: levels[2], denoiser: oracle, noise: noise()).x
    #expect(try distance(next, ddim) < 1e-14)
    let up = eta * (s * s * (t * t - s * s) / (t * t)).squareRoot(), down = (s * s - up * up).squareRoot()
    let epsilon = oracle.predict(x, at: levels[1]).epsilon, z = Tensor.randn([1, 1, 3, 3], using: Generator(seed: 5)).to(.float64)
    #expect(try distance(next, levels[2].alpha * (x / levels[1].alpha + (down - t) * epsilon + up * z)) < 1e-13)
  }

  /// Mean and variance at the end of a run on normal data. Each step is linear in the images and in the noise, so that the
  /// response to each number that is drawn gives them exactly.
  func moments(_ sampler: some Sampler, _ levels: [NoiseLevel]) throws -> (mean: Double, variance: Double) {
    let start = (0..<levels.count + 1).map { levels[0].alpha * oracle.mean + ($0 == 1 ? oracle.spread(levels[0]).squareRoot() : 0) }
    let x = Tensor(start, [start.count, 1])
    let end = try SamplingRun(sampler, denoiser: oracle, levels: levels, start: x, noise: UnitNoise()).finish().doubles()
    return (end[0], end.dropFirst().reduce(0) { $0 + ($1 - end[0]) * ($1 - end[0]) })
  }

  @Test(arguments: pairs.map(\.name)) func hasTheRightMomentsOnNormalData(name: String) throws {
    let (sampler, _, weakOrder) = try pair(name), n = 20_000, levels = smoothLevels(40), last = levels[40]
    let mean = last.alpha * oracle.mean, variance = oracle.spread(last)
    let z = Tensor.randn([n, 1], dtype: .float64, using: Generator(seed: 3))
    let start = levels[0].alpha * oracle.mean + oracle.spread(levels[0]).squareRoot() * z
    let x = try SamplingRun(
      sampler, denoiser: oracle, levels: levels, start: start, noise: BatchNoise(Generator(seed: 4))
    ).finish()
    let exact = try moments(sampler, levels), finer = try moments(sampler, smoothLevels(80))
    // Four standard errors, and the method's own bias,
    #expect(try abs(x.mean().item() - mean) < 4 * (variance / Double(n)).squareRoot() + abs(exact.mean - mean))
    #expect(try abs(x.variance().item() - variance) < 4 * variance * (2 / Double(n)).squareRoot() + abs(exact.variance - variance))
    // which is small, and falls with the steps as it should.
    #expect(abs(exact.mean - mean) < 1e-12 && abs(exact.variance - variance) < 0.1 * variance)
    #expect(abs(finer.variance - variance) < 1.2 / Double(1 << weakOrder) * abs(exact.variance - variance))
  }

  // MARK: Churn

  /// Levels, noise over signal, at which the denoiser is asked in a run of four steps.
  func asked(_ sampler: some Sampler) throws -> (asked: [Double], visited: [Double]) {
    let counted = CountingDenoiser(oracle), levels = evenlyNoisyLevels(4)
    _ = try SamplingRun(
      sampler, denoiser: counted, levels: levels, start: .ones([1, 1]), noise: BatchNoise(seed: Seed(1))
    ).finish()
    let ratio = { (level: NoiseLevel) in level.sigma / level.alpha }
    return (counted.calls.levels.map { ratio($0[0]) }, levels.map(ratio))
  }

  func isClose(_ a: [Double], _ b: [Double]) -> Bool { a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-12 } }

  @Test func churnTakesTheImagesUpByGammaWithinItsBounds() throws {
    var euler = Euler()
    euler.sChurn = 0.8
    var (asked, visited) = try asked(euler)
    #expect(isClose(asked, visited.dropLast().map { 1.2 * $0 }))
    // γ is √2 − 1 at most.
    euler.sChurn = 400
    (asked, visited) = try self.asked(euler)
    #expect(isClose(asked, visited.dropLast().map { 2.0.squareRoot() * $0 }))
    (euler.sTmin, euler.sTmax) = (visited[2] - 1e-9, visited[1] + 1e-9)
    (asked, visited) = try self.asked(euler)
    #expect(isClose(asked, [visited[0], 2.0.squareRoot() * visited[1], 2.0.squareRoot() * visited[2], visited[3]]))
    euler.churnOrder = .modelFirst
    #expect(try isClose(self.asked(euler).asked, visited.dropLast()))
    var edm = EDMSampler()
    edm.sChurn = 0.8
    #expect(try isClose(self.asked(edm).asked, (0..<4).flatMap { [1.2 * visited[$0], visited[$0 + 1]] }))
  }

  /// No denoiser can be asked beyond the noisiest level of its scale.
  @Test func churnStopsAtTheNoisiestLevel() throws {
    let process = try DiscreteProcess(betas: CosineSchedule(steps: 20).makeBetas().dropLast())
    let noise = StepNoise(BatchNoise(seed: Seed(1)))
    var euler = Euler(), steps = 1
    euler.sChurn = 0.4
    let counted = CountingDenoiser(
      NetworkDenoiser(.x0, noiseLevelRange: process.noiseLevelRange, network: oracle.network(of: process, predicting: .x0)))
    for t in [process.steps - 1, process.steps - 2] {
      _ = euler.step(.ones([1, 1]), from: process.level(t), to: process.level(t - 1), memory: &steps, denoiser: counted, noise: noise)
    }
    #expect(counted.calls.levels[0] == [process.level(process.steps - 1)])
    #expect(counted.calls.levels[1][0].isNoisier(than: process.level(process.steps - 2)))
  }

  /// x̄ + (σ̄_s − σ̂) ε̂ from the churned x̄, in σ/α and with the noise the model has not seen, as diffusers writes it.
  @Test func churnAfterTheModelKeepsItsNoise() throws {
    let noise = StepNoise(BatchNoise(Generator(seed: 5)))
    var euler = Euler(), steps = 2
    (euler.sChurn, euler.sNoise, euler.churnOrder) = (0.6, 1.1, .modelFirst)
    let levels = evenlyNoisyLevels(2).map(\.exploding), t = levels[0].sigma, s = levels[1].sigma
    let x = Tensor.randn([1, 1, 3, 3], dtype: .float64, using: Generator(seed: 1))
    let next = euler.step(x, from: levels[0], to: levels[1], memory: &steps, denoiser: oracle, noise: noise)
    let z = Tensor.randn([1, 1, 3, 3], using: Generator(seed: 5)).to(.float64)
    let epsilon = oracle.predict(x, at: levels[0]).epsilon
    let churned = x + 1.1 * (1.69 * t * t - t * t).squareRoot() * z
    #expect(try distance(next.x, churned + (s - 1.3 * t) * epsilon) < 1e-13)
    #expect(try distance(next.x0, churned - 1.3 * t * epsilon) < 1e-13)
  }
}

@Suite("Options of samplers") struct SamplerOptionTests {
  @Test(arguments: [
    ("unipc", "solver_order", "0"), ("unipc", "solver_order", "4"), ("unipc", "disable_corrector", "[1, -1]"),
    ("unipc", "solver_type", "bh3"), ("dpmpp_2m", "solver_type", "euler"), ("dpmpp_3m", "curvature", "quarter"),
    ("dpmpp_2m_sde", "eta", "-0.1"), ("dpmpp_3m_sde", "eta", "1.5"), ("euler_ancestral", "eta", "2"), ("euler", "s_churn", "-1"),
    ("euler", "s_churn", ".inf"), ("edm", "s_tmin", "-1"), ("edm", "s_tmax", "-0.5"), ("edm", "s_noise", "-1"),
    ("euler", "churn_order", "last"), ("pndm", "combined", "x0"),
  ])
  func anImpossibleValueIsRefusedByItsKey(name: String, key: String, value: String) {
    struct Settings: Recipe { var sampler = Choice<SamplerRegistry>(DDIM()) }
    let error = #expect(throws: RecipeError.self) { try Settings(yaml: "sampler: { type: \(name), \(key): \(value) }") }
    #expect(error?.description.contains("sampler.\(key)") == true, "\(error?.description ?? "")")
  }

  @Test func theFieldsNamesAreRead() throws {
    struct Settings: Recipe { var sampler = Choice<SamplerRegistry>(DDIM()) }
    let yaml = "sampler: { type: unipc, solver_order: 3, solver_type: bh1, lower_order_final: false, disable_corrector: [0, 1] }"
    let unipc = try #require(Settings(yaml: yaml).sampler.member as? UniPC)
    #expect(unipc.solverOrder == 3 && unipc.solverType == .bh1 && !unipc.lowerOrderFinal && unipc.disableCorrector == [0, 1])
    let edm = try #require(Settings(yaml: "sampler: { type: edm, s_churn: 40, s_tmin: 0.05, s_tmax: 50 }").sampler.member as? EDMSampler)
    #expect(edm.sChurn == 40 && edm.sTmin == 0.05 && edm.sTmax == 50 && edm.sNoise == 1)
  }
}
