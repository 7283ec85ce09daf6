import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Diffusion

@Suite("Progressive distillation") struct ProgressiveDistillationTests {
  let oracle = GaussianOracle(mean: 0.3)

  private func diffusion(_ yaml: String) throws -> GaussianDiffusion { try ProcessRecipe(yaml: yaml).makeDiffusion() }

  private static let processes = [
    "parameterization: v", "parameterization: x0\nschedule: { type: linear }",
    "parameterization: velocity\nschedule: { type: rectified_flow, shift: 2 }",
    "parameterization: v\nrescale_betas_zero_snr: true", "parameterization: edm\nschedule: { type: edm }",
  ]

  /// One step of DDIM by the target, from every step, lands where two of the teacher's do.
  @Test(arguments: processes, [1, 4, 16]) func aStepByTheTargetIsTwoOfTheTeachers(process: String, steps: Int) throws {
    let diffusion = try diffusion(process), distillation = try ProgressiveDistillation(diffusion, steps: steps)
    let teacherLevels = try diffusion.process.samplingLevels(.trailing, steps: 2 * steps)
    let z = Tensor.randn([1, 1, 4, 4], dtype: .float64, using: Generator(seed: 1))
    for step in 0..<steps {
      let t = distillation.process.level(step), s = step > 0 ? distillation.process.level(step - 1) : .clean
      let place = 2 * (steps - 1 - step)
      #expect(teacherLevels[place].isAsNoisy(as: t) && teacherLevels[place + 2].isAsNoisy(as: s))
      let run = SamplingRun(
        DDIM(eta: 0), denoiser: oracle, levels: Array(teacherLevels[place...place + 2]), start: z, noise: BatchNoise(Generator(seed: 1)))
      let target = distillation.target(z, at: [step], by: oracle)
      let p = diffusion.parameterization.estimates(from: target, x: z, at: [t])
      // Near the image x̃₀ is a difference of nearly equal images over one of nearly equal levels.
      #expect(try distance(s.alpha * p.x0 + s.sigma * p.epsilon, run.finish()) < 1e-6)
    }
  }

  @Test func theLossIsThatOfTheTargetWithItsWeight() throws {
    let diffusion = try diffusion("parameterization: v")
    let distillation = try ProgressiveDistillation(diffusion, steps: 4, error: AbsoluteError(), weighting: MinSNRWeighting())
    let x0 = Tensor.randn([3, 1, 2, 2], using: Generator(seed: 1)), noise = Tensor.randn([3, 1, 2, 2], using: Generator(seed: 2))
    let levels = distillation.process.levels([0, 2, 3]), z = qSample(x0, at: levels, noise: noise)
    let target = distillation.target(z, at: [0, 2, 3], by: oracle)
    let perfect = distillation(x0, at: [0, 2, 3], noise: noise, teacher: oracle) { _, _ in target }
    #expect(try perfect.abs().max().item() == 0)
    let silent = distillation(x0, at: [0, 2, 3], noise: noise, teacher: oracle) { x, _ in .zeros(like: x) }
    let weights = levels.map { MinSNRWeighting().weight(at: $0, of: .v) }
    #expect(try distance(silent, Tensor(weights.map { Float($0) }) * target.abs().reshape(3, -1).mean(1)) < 1e-5)
  }

  @Test func theTeacherIsAskedTwiceAndGetsNoGradient() throws {
    let counted = CountingDenoiser(oracle), distillation = try ProgressiveDistillation(diffusion("parameterization: v"), steps: 2)
    let scale = Tensor([1], [1]).to(.float32).requiringGradient()
    let x0 = Tensor.randn([2, 1, 2, 2], using: Generator(seed: 1))
    let loss = distillation(x0, at: [0, 1], noise: x0, teacher: counted) { x, _ in scale * x }
    try loss.mean().backward()
    #expect(try counted.calls.count == 2 && scale.gradient?.abs().max().item() ?? 0 > 0)
  }

  @Test func moreStepsThanHalfOfTheProcessAreRefused() throws {
    let short = try diffusion("schedule: { type: cosine, steps: 10 }")
    #expect(throws: DiffusionError.self) { try ProgressiveDistillation(short, steps: 6) }
    #expect(throws: DiffusionError.self) { try ProgressiveDistillation(short, steps: 0) }
  }
}
