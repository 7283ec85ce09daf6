import Foundation
import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Solvers on the probability-flow ODE") struct SolverOrderTests {
  let oracle = GaussianOracle(mean: 0.3)
  let start = Tensor.randn([1, 1, 4, 4], dtype: .float64, using: Generator(seed: 1))

  /// The images at the end, the first steps having been taken from exact images.
  ///
  /// - Parameters:
  ///   - exact: how many steps to take so.
  ///   - prepare: makes exact what a method remembers besides estimates, given the exact images of the step before.
  func end<S: Sampler>(
    _ sampler: S, on levels: [NoiseLevel], exact: Int = 0, prepare: (inout S.Memory, Tensor) -> Void = { _, _ in }
  ) -> Tensor {
    var memory = sampler.makeMemory(for: levels), x = start
    for index in levels.indices.dropLast() {
      if index <= exact { x = solution(levels, index) }
      if index == exact, index > 0 { prepare(&memory, solution(levels, index - 1)) }
      x = sampler.step(x, from: levels[index], to: levels[index + 1], memory: &memory, denoiser: oracle, noise: .none).x
    }
    return x
  }

  func solution(_ levels: [NoiseLevel], _ index: Int) -> Tensor { oracle.solution(start, from: levels[0], to: levels[index]) }

  func error<S: Sampler>(_ sampler: S, on levels: [NoiseLevel], exact: Int = 0) throws -> Double {
    try distance(end(sampler, on: levels, exact: exact), solution(levels, levels.count - 1))
  }

  func expectOrder(_ stated: Int, steps: Int = 160, _ error: (_ steps: Int) throws -> Double) rethrows {
    let order = try log2(error(steps) / error(2 * steps))
    #expect(abs(order - Double(stated)) < 0.2, "observed order \(order)")
  }

  @Test func theMultistepSolverOfOrderThreeIsSoFromExactStartingValues() throws {
    let sampler = DPMSolverPP3M()
    #expect(sampler.order == 3 && sampler.coldStartOrder == 2)
    try expectOrder(3) { try error(sampler, on: smoothLevels($0), exact: 2) }
    #expect(DPMSolver3M().order == 3 && DPMSolver3M().coldStartOrder == 2)
    try expectOrder(3) { try error(DPMSolver3M(), on: smoothLevels($0), exact: 2) }
  }

  /// The weight of the curvature in the authors' program.
  @Test func halfOfTheCurvatureLeavesItSecondOrder() throws {
    var image = DPMSolverPP3M(), noise = DPMSolver3M()
    (image.curvature, noise.curvature) = (.half, .half)
    #expect(image.order == 2 && noise.order == 2)
    try expectOrder(2) { try error(image, on: smoothLevels($0), exact: 2) }
    try expectOrder(2) { try error(noise, on: smoothLevels($0), exact: 2) }
  }

  @Test(arguments: DPMSolverType.allCases) func bothWeightsOfTheSlopeAreSecondOrder(type: DPMSolverType) throws {
    var image = DPMSolverPP2M(), noise = DPMSolver2M(), third = DPMSolverPP3M()
    (image.solverType, noise.solverType, third.solverType) = (type, type, type)
    try expectOrder(2) { try error(image, on: smoothLevels($0)) }
    try expectOrder(2) { try error(noise, on: smoothLevels($0)) }
    try expectOrder(2) { try error(third, on: smoothLevels($0)) }
  }

  @Test(arguments: [1, 2, 3], UniPC.SolverType.allCases)
  func theCorrectorRaisesTheOrderByOne(predictor: Int, type: UniPC.SolverType) throws {
    var sampler = UniPC()
    (sampler.solverOrder, sampler.solverType, sampler.lowerOrderFinal) = (predictor, type, false)
    let fromExact = { (levels: [NoiseLevel]) in end(sampler, on: levels, exact: predictor) { memory, x in memory.start?.x = x } }
    #expect(sampler.order == predictor + 1 && sampler.coldStartOrder == min(predictor + 1, 3))
    try expectOrder(predictor + 1) { steps in
      let levels = smoothLevels(steps)
      return try distance(fromExact(levels), solution(levels, steps))
    }
    // What the first steps leave behind.
    if predictor > 1 { try expectOrder(3) { try distance(end(sampler, on: smoothLevels($0)), fromExact(smoothLevels($0))) } }
  }

  @Test(arguments: [2, 3]) func withoutItsCorrectorUniPCHasTheOrderOfThePredictor(predictor: Int) throws {
    var sampler = UniPC()
    (sampler.solverOrder, sampler.lowerOrderFinal, sampler.disableCorrector) = (predictor, false, Array(0..<320))
    try expectOrder(predictor) { try error(sampler, on: smoothLevels($0), exact: predictor) }
  }

  /// Its weights are those of equal steps in σ/α, where the method is that of Adams and Bashforth.
  @Test func pndmIsFourthOrderOnEqualStepsFromExactStartingValues() throws {
    try expectOrder(4) { try error(PNDM(), on: evenlyNoisyLevels($0), exact: 3) }
    try expectOrder(3) { try error(PNDM(), on: evenlyNoisyLevels($0)) }
    var rungeKutta = PNDM()
    rungeKutta.skipPrkSteps = false
    try expectOrder(4) { try error(rungeKutta, on: evenlyNoisyLevels($0)) }
    try expectOrder(2) { try error(rungeKutta, on: smoothLevels($0)) }
  }

  @Test func pndmThatMixesVIsFirstOrder() throws {
    var sampler = PNDM()
    sampler.combined = .v
    try expectOrder(1) { try error(sampler, on: smoothLevels($0)) }
  }

  /// Fewer than 15 steps: the last two are of order 2 and 1.
  @Test func fewStepsEndInLowerOrderAndManyDoNot() throws {
    var lowered = DPMSolverPP3M(), plain = DPMSolverPP3M()
    plain.lowerOrderFinal = false
    #expect(lowered.lowerOrderFinal)
    #expect(try error(lowered, on: smoothLevels(15)) == error(plain, on: smoothLevels(15)))
    #expect(try error(lowered, on: smoothLevels(14)) != error(plain, on: smoothLevels(14)))
    lowered.eulerAtFinal = true
    #expect(try error(lowered, on: smoothLevels(15)) != error(plain, on: smoothLevels(15)))
  }
}

@Suite("Exponential integrators") struct ExponentialStepTests {
  /// μ_j(z) = z ∫₀¹ e^(z(1−c)) cʲ dc by Simpson's rule on 2,000 intervals, good to 1e-12.
  @Test(arguments: [-40, -3, -1, -0.99, -1e-3, -1e-9, 1e-9, 0.5, 1, 4]) func momentsAreIntegrals(z: Double) {
    for j in 0...3 {
      let f = { (c: Double) in z * exp(z * (1 - c)) * pow(c, Double(j)) }
      let n = 2000
      let values = (0...n).map { f(Double($0) / Double(n)) }
      let odd = stride(from: 1, to: n, by: 2).map { values[$0] }.reduce(0, +)
      let even = stride(from: 2, to: n, by: 2).map { values[$0] }.reduce(0, +)
      let integral = (values[0] + 4 * odd + 2 * even + values[n]) / Double(3 * n), scale = max(abs(z), abs(integral))
      #expect(abs(exponentialMoment(j, z) - integral) < 1e-9 * scale, "\(j)")
    }
    #expect(exponentialMoment(0, -.infinity) == -1)
  }

  /// ∫₀¹ of a cubic, from its values at four places.
  @Test func weightsIntegratePolynomialsExactly() {
    let nodes = [0, -0.7, 1, -1.9], weights = quadratureWeights(nodes: nodes, moments: [1, 1.0 / 2, 1.0 / 3, 1.0 / 4])
    let cubic = { (c: Double) in 2 - c + 3 * c * c - 4 * c * c * c }
    let integral = zip(weights, nodes.map(cubic)).map(*).reduce(0, +)
    #expect(abs(integral - 1.5) < 1e-13)
  }
}
