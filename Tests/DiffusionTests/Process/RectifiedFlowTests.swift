import Foundation
import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Diffusion

/// The straight path (1 − t) x₀ + t ε, in a process that preserves variance.
@Suite("Rectified flow") struct RectifiedFlowTests {
  let oracle = GaussianOracle(mean: 0.3)
  let start = Tensor.randn([1, 1, 4, 4], dtype: .float64, using: Generator(seed: 1))

  private func diffusion(_ schedule: String = "") throws -> GaussianDiffusion {
    try ProcessRecipe(yaml: "schedule: { type: rectified_flow\(schedule) }\nparameterization: velocity").makeDiffusion()
  }

  /// A network that knows the velocity of the oracle's data at x = (1 − t) x₀ + t ε, given 1000 t: nothing of the process.
  private func velocity(_ x: Tensor, _ timesteps: Tensor) -> Tensor {
    let t = try! timesteps.doubles().map { $0 / 1000 }
    let levels = t.map { NoiseLevel(alpha: 1 - $0, sigma: $0, timestep: 0) }
    let spread = levels.column({ $0.alpha * $0.alpha * oracle.variance + $0.sigma * $0.sigma }, like: x)
    let centred = x - levels.column({ $0.alpha * oracle.mean }, like: x)
    // E[ε − x₀ | x], finite at both ends.
    return levels.column({ $0.sigma - $0.alpha * oracle.variance }, like: x) * centred / spread - oracle.mean
  }

  private func denoiser(_ diffusion: GaussianDiffusion) -> NetworkDenoiser { diffusion.denoiser(velocity) }

  // MARK: Levels

  @Test(arguments: [(1.0, 1000), (3.0, 1000), (0.5, 10), (1, 1)]) func levelsAreThoseOfTheShiftedPath(shift: Double, steps: Int) throws {
    let process = try diffusion(", shift: \(shift), steps: \(steps)").process
    #expect(process.steps == steps && process.level(steps - 1).alpha == 0)
    for index in 0..<steps {
      let u = Double(index + 1) / Double(steps), level = process.level(index)
      // Products of a thousand factors in float64.
      #expect(abs(level.straightTime - shift * u / (1 + (shift - 1) * u)) < 1e-9)
      #expect(abs(level.alpha * level.alpha + level.sigma * level.sigma - 1) < 1e-12)
    }
  }

  @Test func trailingStepsAreEvenInT() throws {
    let process = try diffusion().process
    let times = try process.samplingLevels(.trailing, steps: 4).map(\.straightTime)
    #expect(zip(times, [1, 0.75, 0.5, 0.25, 0]).allSatisfy { abs($0 - $1) < 1e-9 })
  }

  @Test(arguments: [
    ("schedule: { type: rectified_flow, shift: 0 }", "shift: expected 0.001 to 1000, found 0.0"),
    ("schedule: { type: rectified_flow, shift: 1.0e+4 }", "expected 0.001 to 1000"),
    ("schedule: { type: rectified_flow }\nparameterization: epsilon", "expected v or x0"),
    ("parameterization: velocity\nrescale_timesteps: true", "expected false with parameterization velocity"),
  ]) func aRecipeThatCannotBeIsRefusedWithTheReason(yaml: String, reason: String) {
    let error = #expect(throws: RecipeError.self) { try ProcessRecipe(yaml: yaml) }
    #expect(error.map { "\($0)".contains(reason) } == true, "\(error.map { "\($0)" } ?? "-")")
  }

  // MARK: Velocity

  @Test func theNetworkIsShownThePathItselfAndItsTime() throws {
    let process = try diffusion(", steps: 4").process
    let x0 = Tensor([0.5, -1], [1, 1, 1, 2]).to(.float64), noise = Tensor([2.0, 0.25], [1, 1, 1, 2])
    for step in 0..<4 {
      let t = Double(step + 1) / 4, level = process.level(step)
      var seen: (x: [Double], time: [Double]) = ([], [])
      _ = Parameterization.velocity.ask(
        { x, timesteps in
          seen = ((try? x.doubles()) ?? [], (try? timesteps.doubles()) ?? [])
          return x
        }, qSample(x0, at: [level], noise: noise), at: [level])
      #expect(zip(seen.x, [(1 - t) * 0.5 + t * 2, t * 0.25 - (1 - t)]).allSatisfy { abs($0 - $1) < 1e-9 })
      // Timesteps are float32.
      #expect(seen.time.count == 1 && abs(seen.time[0] - 1000 * t) < 1e-4)
    }
    #expect(try Parameterization.velocity.target(x0: x0, noise: noise, at: [process.level(2)]).doubles() == [1.5, 1.25])
  }

  @Test func imageAndNoiseFollowFromTheVelocityAtEveryLevelBothEndsIncluded() throws {
    let levels = [NoiseLevel(alpha: 0, sigma: 1, timestep: 0), .clean, NoiseLevel(alpha: 0.6, sigma: 0.8, timestep: 0)]
    let x0 = Tensor([0.5, -1, 0.25], [3, 1, 1, 1]).to(.float64), noise = Tensor([2.0, 0.25, -1], [3, 1, 1, 1])
    let p = Parameterization.velocity.estimates(from: noise - x0, x: qSample(x0, at: levels, noise: noise), at: levels)
    #expect(try distance(p.x0, x0) < 1e-12 && distance(p.epsilon, noise) < 1e-12)
  }

  @Test func theLossIsTheMeanSquareOfTheVelocity() throws {
    let diffusion = try diffusion(), x0 = Tensor.randn([3, 1, 2, 2], using: Generator(seed: 3))
    let noise = Tensor.randn([3, 1, 2, 2], using: Generator(seed: 4))
    let terms = diffusion.loss()(x0, at: [0, 500, 999], noise: noise) { x, _ in .zeros(like: x) }
    let wanted = (noise - x0).square().reshape(3, -1).mean(1)
    #expect(try distance(terms.perImage, wanted) < 1e-6)
  }

  // MARK: Solvers in t

  /// The slope of the path at a point of it.
  private func slope(_ x: Tensor, _ t: Double) -> Tensor { velocity(x, Tensor([1000 * t])) }

  private func plainEuler(_ times: [Double]) -> Tensor {
    zip(times, times.dropFirst()).reduce(start) { x, step in x + (step.1 - step.0) * slope(x, step.0) }
  }

  private func plainHeun(_ times: [Double]) -> Tensor {
    zip(times, times.dropFirst()).reduce(start) { x, step in
      let (t, s) = step, first = slope(x, t), end = x + (s - t) * first
      return s == 0 ? end : x + 0.5 * (s - t) * (first + slope(end, s))
    }
  }

  private func times(_ steps: Int) -> [Double] { (0...steps).map { 1 - Double($0) / Double(steps) } }

  private func sampled(_ sampler: some Sampler, _ steps: Int) throws -> Tensor {
    let diffusion = try diffusion()
    let levels = try diffusion.process.samplingLevels(.trailing, steps: steps)
    return try SamplingRun(
      sampler, denoiser: denoiser(diffusion), levels: levels, start: start, noise: BatchNoise(Generator(seed: 1))
    ).finish()
  }

  @Test(arguments: [1, 2, 5, 20]) func eulerAndDDIMAreEulersMethodInT(steps: Int) throws {
    let plain = plainEuler(times(steps))
    // The timestep reaches the network in float32.
    #expect(try distance(sampled(Euler(), steps), plain) < 1e-6 && distance(sampled(DDIM(eta: 0), steps), plain) < 1e-6)
  }

  @Test(arguments: [1, 2, 5, 20]) func heunIsHeunsMethodInTFromPureNoiseOn(steps: Int) throws {
    #expect(try distance(sampled(Heun(), steps), plainHeun(times(steps))) < 1e-6)
    // In σ/α it would be another method, which takes Euler's step from pure noise.
    let elsewhere = try diffusion().process.samplingLevels(.trailing, steps: 5)
    let other = try SamplingRun(
      Heun(), denoiser: oracle, levels: elsewhere, start: start, noise: BatchNoise(Generator(seed: 1))
    ).finish()
    #expect(try distance(other, plainHeun(times(5))) > 1e-3)
  }

  /// From pure noise to 0.1 of it along the path.
  @Test(arguments: [("euler", 1), ("heun", 2)]) func theyHaveTheirOrdersOnTheClosedForm(name: String, order: Int) throws {
    let diffusion = try diffusion()
    func error(_ steps: Int) throws -> Double {
      let levels = (0...steps).map { step in
        let t = 1 - 0.9 * Double(step) / Double(steps), deviation = ((1 - t) * (1 - t) + t * t).squareRoot()
        return NoiseLevel(alpha: (1 - t) / deviation, sigma: t / deviation, timestep: 0)
      }
      let sampler = try Choice<SamplerRegistry>(named: name).member
      func end(_ sampler: some Sampler) throws -> Tensor {
        try SamplingRun(sampler, denoiser: denoiser(diffusion), levels: levels, start: start, noise: BatchNoise(Generator(seed: 1)))
          .finish()
      }
      return try distance(end(sampler), oracle.solution(start, from: levels[0], to: levels[steps]))
    }
    let observed = try log2(error(40) / error(80))
    #expect(abs(observed - Double(order)) < 0.2, "observed order \(observed)")
  }

  @Test(arguments: SamplerRegistry.names) func everySamplerReachesTheData(name: String) throws {
    let diffusion = try diffusion(", shift: 2"), sampler = try Choice<SamplerRegistry>(named: name).member
    let levels = try diffusion.process.samplingLevels(.trailing, steps: 100)
    func images(_ sampler: some Sampler) throws -> Tensor {
      try SamplingRun(
        sampler, denoiser: denoiser(diffusion), levels: levels, shape: [2000, 1, 1, 1], noise: BatchNoise(Generator(seed: 2))
      ).finish()
    }
    let found = try images(sampler).doubles(), mean = found.reduce(0, +) / 2000
    let deviation = (found.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000).squareRoot()
    // Five standard errors, 0.5/√2000 and 0.5/√4000, and what 100 steps of a first-order method leave.
    #expect(abs(mean - 0.3) < 0.07 && abs(deviation - 0.5) < 0.05, "\(mean), \(deviation)")
  }

  // MARK: Timesteps

  @Test func logitNormalFollowsItsNormal() throws {
    let process = try diffusion(", steps: 10000").process
    let draw = try LogitNormalTimesteps(logitMean: 0.3, logitStd: 0.4).makeSampler(for: process).draw(4000, using: Generator(seed: 1))
    let values = draw.timesteps.map { step in
      let u = (Double(step) + 0.5) / 10000
      return log(u / (1 - u))
    }
    let mean = values.reduce(0, +) / 4000, variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000
    // Five standard errors: 0.4/√4000 of the mean, 0.16 √(2/4000) of the variance.
    #expect(abs(mean - 0.3) < 0.032 && abs(variance - 0.16) < 0.018)
    #expect(draw.weights.allSatisfy { $0 == 1 })
    let extreme = try LogitNormalTimesteps(logitMean: 800, logitStd: 1).makeSampler(for: process).draw(4, using: Generator(seed: 1))
    #expect(extreme.timesteps == [9999, 9999, 9999, 9999])
    for yaml in ["logit_std: 0", "logit_std: .inf", "logit_mean: .nan"] {
      #expect(throws: RecipeError.self) { try LogitNormalTimesteps(yaml: yaml) }
    }
  }
}
