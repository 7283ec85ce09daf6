import Foundation
import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Interop
@testable import Diffusion

@Suite("Schedulers of diffusers") struct DiffusersSchedulerTests {
  /// As that library writes it: what other classes have is among it, and Python's infinity.
  private static let file = """
    {
      "_class_name": "DPMSolverMultistepScheduler",
      "_diffusers_version": "0.42.0",
      "algorithm_type": "sde-dpmsolver++",
      "beta_end": 0.012,
      "beta_schedule": "scaled_linear",
      "beta_start": 0.00085,
      "clip_sample": false,
      "flow_shift": 1.0,
      "lambda_min_clipped": -Infinity,
      "skip_prk_steps": true,
      "solver_order": 2,
      "steps_offset": 1,
      "time_shift_type": "exponential",
      "timestep_spacing": "leading",
      "trained_betas": null,
      "use_flow_sigmas": false,
      "use_karras_sigmas": false,
      "variance_type": null
    }
    """

  private func scheduler(_ kind: DiffusersScheduler.Kind, _ arguments: String = "") throws -> DiffusersScheduler {
    try DiffusersScheduler(json: "{\"_class_name\": \"\(kind.rawValue)\"\(arguments.isEmpty ? "" : ", \(arguments)")}")
  }

  private func sampler(
    _ scheduler: DiffusersScheduler, _ arguments: DiffusersScheduler.StepArguments = .init(), steps: Int = 10
  ) throws -> any Sampler { try scheduler.sampler(arguments, steps: steps, in: scheduler.process.makeDiffusion().process) }

  private func levels(_ scheduler: DiffusersScheduler, steps: Int) throws -> [NoiseLevel] {
    try scheduler.levels(steps: steps, in: scheduler.process.makeDiffusion().process)
  }

  // MARK: Reading

  @Test func aDiffusersFileIsReadWithOptionsOfOtherClassesInIt() throws {
    let read = try DiffusersScheduler(json: Self.file)
    #expect(read.kind == .dpmSolverMultistep)
    #expect(read.algorithmType == .sdeDPMSolverPP && read.lambdaMinClipped == -.infinity && read.trainedBetas == nil)
    #expect(try sampler(read) is DPMSolverPP2MSDE)
    #expect(try levels(read, steps: 4).map(\.timestep) == [801, 601, 401, 201, 0])
  }

  @Test func anOptionThatAClassDoesNotHaveHasNoEffect() throws {
    let plain = try scheduler(.pndm),
      cluttered = try scheduler(.pndm, "\"clip_sample\": true, \"use_karras_sigmas\": true, \"solver_order\": 9")
    #expect(try levels(cluttered, steps: 10) == levels(plain, steps: 10))
    let denoiser = cluttered.denoiser(in: try cluttered.process.makeDiffusion()) { x, _ in x }
    #expect(denoiser is NetworkDenoiser)
  }

  @Test func anUnknownArgumentIsRefusedWithItsLineAndTheNearestOne() {
    let text = Self.file.replacing("solver_order", with: "solver_ordr")
    #expect(throws: RecipeError(place: "s.json:12", "unknown key 'solver_ordr'; did you mean 'solver_order'?")) {
      try DiffusersScheduler(json: text, file: "s.json")
    }
  }

  @Test func anUnknownClassIsRefusedWithTheNearestOne() throws {
    let error = try #require(throws: RecipeError.self) { try DiffusersScheduler(json: #"{"_class_name": "DDIScheduler"}"#) }
    #expect(error.description.contains("did you mean 'DDIMScheduler'?"))
    let distant = try #require(throws: RecipeError.self) { try DiffusersScheduler(json: #"{"_class_name": "KDPM2DiscreteScheduler"}"#) }
    #expect(distant.description.contains("expected one of DDIMScheduler, DDPMScheduler"))
  }

  @Test(arguments: ["{}", "", #"{"num_train_timesteps": 1000}"#])
  func aFileThatNamesNoClassIsRefused(text: String) throws {
    let error = try #require(throws: RecipeError.self) { try DiffusersScheduler(json: text) }
    #expect(error.path == "_class_name")
  }

  @Test func aWrittenSchedulerReadsBackUnchanged() throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: ".inf", negativeInfinity: "-.inf", nan: "nan")
    for kind in DiffusersScheduler.Kind.allCases {
      let written = try scheduler(kind, #""num_train_timesteps": 500, "timestep_spacing": "trailing", "disable_corrector": [0, 2]"#)
      let text = String(decoding: try encoder.encode(written), as: UTF8.self).replacing("\"-.inf\"", with: "-Infinity")
      #expect(try DiffusersScheduler(json: text) == written)
    }
  }

  @Test(
    arguments: [
      (.ddim, #""beta_schedule": "laplace""#, "beta_schedule"),
      (.ddim, #""prediction_type": "flow_prediction""#, "prediction_type"),
      (.ddim, #""rescale_betas_zero_snr": true"#, "prediction_type"),
      (.ddim, #""num_train_timesteps": 0"#, "num_train_timesteps"),
      (.ddim, #""beta_start": 0"#, "beta_start"),
      (.ddim, #""trained_betas": []"#, "trained_betas"),
      (.ddim, #""trained_betas": [0.1, 1.5]"#, "trained_betas"),
      (.ddim, #""steps_offset": -1"#, "steps_offset"),
      (.ddpm, #""clip_sample_range": 0"#, "clip_sample_range"),
      (.ddpm, #""dynamic_thresholding_ratio": 1.5"#, "dynamic_thresholding_ratio"),
      (.ddpm, #""sample_max_value": 0.5"#, "sample_max_value"),
      (.ddpm, #""variance_type": "learned""#, "variance_type"),
      (.pndm, #""prediction_type": "sample""#, "prediction_type"),
      (.eulerAncestral, #""prediction_type": "sample""#, "prediction_type"),
      (.euler, #""use_exponential_sigmas": true"#, "use_exponential_sigmas"),
      (.euler, #""use_beta_sigmas": true"#, "use_beta_sigmas"),
      (.euler, #""interpolation_type": "log_linear""#, "interpolation_type"),
      (.euler, #""timestep_type": "continuous""#, "timestep_type"),
      (.euler, #""sigma_max": 80"#, "sigma_max"),
      (.dpmSolverMultistep, #""solver_order": 4"#, "solver_order"),
      (.dpmSolverMultistep, #""algorithm_type": "dpmsolver""#, "final_sigmas_type"),
      (.dpmSolverMultistep, #""algorithm_type": "sde-dpmsolver++", "solver_order": 3"#, "solver_order"),
      (.dpmSolverMultistep, #""algorithm_type": "sde-dpmsolver""#, "algorithm_type"),
      (.dpmSolverMultistep, #""use_lu_lambdas": true"#, "use_lu_lambdas"),
      (.dpmSolverMultistep, #""use_flow_sigmas": true"#, "use_flow_sigmas"),
      (.flowMatchEuler, #""shift": 0"#, "shift"),
      (.flowMatchEuler, #""num_train_timesteps": 0"#, "num_train_timesteps"),
      (.flowMatchEuler, #""use_dynamic_shifting": true"#, "use_dynamic_shifting"),
      (.flowMatchEuler, #""stochastic_sampling": true"#, "stochastic_sampling"),
      (.flowMatchEuler, #""invert_sigmas": true"#, "invert_sigmas"),
      (.flowMatchEuler, #""use_karras_sigmas": true"#, "use_karras_sigmas"),
      (.flowMatchEuler, #""shift_terminal": 0.1"#, "shift_terminal"),
      (.uniPC, #""predict_x0": false"#, "predict_x0"),
      (.uniPC, #""solver_p": "DPMSolverMultistepScheduler""#, "solver_p"),
      (.uniPC, #""use_dynamic_shifting": true"#, "use_dynamic_shifting"),
    ] as [(DiffusersScheduler.Kind, String, String)])
  func anUnsupportedOptionIsRefusedByName(kind: DiffusersScheduler.Kind, arguments: String, key: String) throws {
    let error = try #require(throws: RecipeError.self) { try scheduler(kind, arguments) }
    #expect(error.path == key && error.message.contains("expected"), "\(error)")
  }

  // MARK: Levels

  @Test func eachClassVisitsItsOwnTimestepsByDefault() throws {
    let expected: [DiffusersScheduler.Kind: [Double]] = [
      .ddim: [750, 500, 250, 0], .ddpm: [750, 500, 250, 0], .pndm: [750, 500, 250, 0], .euler: [999, 666, 333, 0],
      .eulerAncestral: [999, 666, 333, 0], .flowMatchEuler: [1000, 667, 334, 1], .heun: [999, 666, 333, 0],
      .dpmSolverMultistep: [999, 749, 500, 250],
      .uniPC: [999, 749, 500, 250],
    ]
    for kind in DiffusersScheduler.Kind.allCases {
      let found = try levels(scheduler(kind), steps: 4).dropLast().map(\.timestep), wanted = try #require(expected[kind])
      // Flow matching's are no whole numbers.
      #expect(zip(found, wanted).allSatisfy { abs($0 - $1) < 1e-9 } && found.count == wanted.count, "\(kind)")
    }
  }

  @Test(arguments: DiffusersScheduler.Kind.allCases)
  func everyLevelPreservesVarianceAndIsCleanerThanTheOneBefore(kind: DiffusersScheduler.Kind) throws {
    for spacing in DiffusersScheduler.TimestepSpacing.allCases {
      let levels = try levels(scheduler(kind, "\"timestep_spacing\": \"\(spacing.rawValue)\", \"set_alpha_to_one\": true"), steps: 25)
      #expect(levels.count == 26 && levels.last == .clean)
      #expect(levels.allSatisfy { abs($0.alpha * $0.alpha + $0.sigma * $0.sigma - 1) < 1e-12 })
      #expect(zip(levels, levels.dropFirst()).allSatisfy { $0.isNoisier(than: $1) })
    }
  }

  /// Sigmas and the result for the network 0.3 x − t / T from 0.5, as FlowMatchEulerDiscreteScheduler of diffusers 0.42.1 gives them.
  @Test(
    arguments: [
      (1000, 3.0, [1.0, 0.9003590941429138, 0.7511211037635803, 0.5029850602149963, 0.008928571827709675, 0.0], 0.9510377645492554),
      (1000, 1.0, [1.0, 0.5005000233650208, 0.0010000000474974513, 0.0], 1.0357173681259155),
      (500, 2.0, [1.0, 0.8009573221206665, 0.5029880404472351, 0.00795228686183691, 0.0], 0.9688302278518677),
    ] as [(Int, Double, [Double], Double)])
  func flowMatchingTakesTheStepsOfThatLibrary(total: Int, shift: Double, sigmas: [Double], result: Double) throws {
    let scheduler = try scheduler(.flowMatchEuler, "\"num_train_timesteps\": \(total), \"shift\": \(shift)")
    let diffusion = try scheduler.process.makeDiffusion(), steps = sigmas.count - 1
    let levels = try scheduler.levels(steps: steps, in: diffusion.process)
    // Theirs are float32.
    #expect(zip(levels.map(\.straightTime), sigmas).allSatisfy { abs($0 - $1) < 1e-6 } && levels.count == sigmas.count)
    let denoiser = scheduler.denoiser(in: diffusion) { x, t in 0.3 * x - t.reshape(1, 1, 1, 1) / Double(total) }
    func end(_ sampler: some Sampler) throws -> Double {
      try SamplingRun(
        sampler, denoiser: denoiser, levels: levels, start: Tensor([0.5], [1, 1, 1, 1]), noise: BatchNoise(Generator(seed: 1))
      ).finish().item()
    }
    #expect(try abs(end(scheduler.sampler(steps: steps, in: diffusion.process)) - result) < 1e-5)
    #expect(scheduler.startDeviation(of: levels) == 1)
  }

  @Test func aKarrasGridRunsOverTheNoiseThatTheClassCounts() throws {
    let whole = try levels(scheduler(.uniPC, #""use_karras_sigmas": true, "timestep_spacing": "leading""#), steps: 5)
    #expect(whole.first?.timestep == 999 && whole.dropLast().last?.timestep == 0)
    #expect(whole.allSatisfy { $0.timestep == $0.timestep.rounded() })
    // Euler's begins where its timesteps do.
    let leading = try levels(scheduler(.euler, #""use_karras_sigmas": true, "timestep_spacing": "leading""#), steps: 5)
    #expect(abs(leading[0].timestep - 800) < 1e-3)
  }

  @Test func stepsThatTheProcessDoesNotHaveAreRefusedWithTheNearest() throws {
    #expect(
      throws: DiffusionError.impossibleSpacing(
        "leading+1", total: 1000, reason: "1000 steps are not of the process, or not so many", nearest: "999 steps")
    ) { try levels(scheduler(.ddim, #""steps_offset": 1"#), steps: 1000) }
    #expect(throws: DiffusionError.self) { try levels(scheduler(.ddim), steps: 0) }
    #expect(throws: DiffusionError.self) { try levels(scheduler(.euler), steps: 1001) }
    #expect(throws: DiffusionError.self) { try levels(scheduler(.ddim, #""steps_offset": 1000"#), steps: 1) }
  }

  /// With 4 trailing steps of 10: 10, 7.5, 5, 2.5 less 1, halves to the even number; with 4 of linspace: 0, 3, 6, 9.
  @Test(arguments: [("trailing", [9, 7, 4, 1]), ("linspace", [9, 6, 3, 0]), ("leading", [6, 4, 2, 0])])
  func timestepsAreRoundedAsNumpyRoundsThem(spacing: String, expected: [Double]) throws {
    let levels = try levels(scheduler(.ddpm, "\"num_train_timesteps\": 10, \"timestep_spacing\": \"\(spacing)\""), steps: 4)
    #expect(levels.dropLast().map(\.timestep) == expected)
  }

  @Test func heunDerivesTheNoiseFromTheClippedEstimate() throws {
    let oracle = GaussianOracle(mean: 3), heun = try scheduler(.heun, #""clip_sample": true, "clip_sample_range": 0.5"#)
    let diffusion = try heun.process.makeDiffusion(), process = diffusion.process, x = Tensor([0.5, -1.25], [2, 1, 1, 1]),
      level = process.level(500)
    let p = heun.denoiser(in: diffusion, network: oracle.network(of: process, predicting: .epsilon)).predict(x, at: level)
    #expect(try p.x0.doubles() == [0.5, 0.5])
    #expect(try (level.alpha * p.x0 + level.sigma * p.epsilon - x).abs().max().item() < 1e-6)
    let ddim = try scheduler(.ddim, #""clip_sample": true, "clip_sample_range": 0.5"#)
    let kept = try ddim.denoiser(in: ddim.process.makeDiffusion(), network: oracle.network(of: process, predicting: .epsilon)).predict(
      x, at: level)
    #expect(try (kept.epsilon - p.epsilon).abs().max().item() > 0.1)
  }

  @Test func runsThatBeginWithNoiseAloneScaleItBySigma() throws {
    let linspace = try scheduler(.euler), leading = try scheduler(.euler, #""timestep_spacing": "leading""#)
    let levels = try levels(linspace, steps: 10)
    #expect(linspace.startDeviation(of: levels) == levels[0].sigma && levels[0].sigma < 1)
    #expect(leading.startDeviation(of: levels) == 1)
    #expect(try scheduler(.ddim).startDeviation(of: levels) == 1)
  }

  @Test func ddimUsesItsFixedStrideWhereStepsDifferInLength() throws {
    let scheduler = try scheduler(.ddim, #""timestep_spacing": "trailing""#)
    #expect(try sampler(scheduler, steps: 10) is DDIM)
    let process = try scheduler.process.makeDiffusion().process
    let levels = try levels(scheduler, steps: 7)
    // 142 on from 999 and from 142, not to the 856 that comes next, nor to the clean image.
    #expect(levels[1] == process.level(856) && levels[7] == process.level(0))
    let strided = try #require(try sampler(scheduler, steps: 7) as? StridedDDIM)
    let x = Tensor([0.5, -1.25]), oracle = GaussianOracle()
    let got = strided.step(x, from: levels[0], to: levels[1], denoiser: oracle, noise: .none)
    let want = DDIM().step(x, from: levels[0], to: process.level(857), denoiser: oracle, noise: .none)
    #expect(try got.x.doubles() == want.x.doubles())
  }

  /// In that library the one gives NaN, and the other runs past the end of its table.
  @Test(
    arguments: [
      (.uniPC, #""solver_type": "bh1""#), (.dpmSolverMultistep, #""use_karras_sigmas": true"#),
      (.dpmSolverMultistep, #""algorithm_type": "sde-dpmsolver++", "solver_order": 1"#),
    ] as [(DiffusersScheduler.Kind, String)])
  func aRunToTheCleanImageIsFinite(kind: DiffusersScheduler.Kind, arguments: String) throws {
    let scheduler = try scheduler(kind, #""beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample", "# + arguments)
    let diffusion = try scheduler.process.makeDiffusion(), process = diffusion.process, oracle = GaussianOracle(mean: 0.5, variance: 0.01)
    let run = SamplingRun(
      try scheduler.sampler(steps: 10, in: process),
      denoiser: scheduler.denoiser(in: diffusion, network: oracle.network(of: process, predicting: .x0)),
      levels: try scheduler.levels(steps: 10, in: process), shape: [4, 1, 2, 2], noise: BatchNoise(Generator(seed: 3)))
    #expect(try abs(run.finish().mean().item() - 0.5) < 0.1)
  }

  // MARK: Arguments of a step

  @Test(
    arguments: [
      (.ddpm, "eta: 0.5", "eta"), (.euler, "use_clipped_model_output: true", "use_clipped_model_output"), (.heun, "s_churn: 1", "s_churn"),
      (.ddim, "s_noise: 1.1", "s_churn"),
    ] as [(DiffusersScheduler.Kind, String, String)])
  func anArgumentThatTheClassDoesNotTakeIsRefused(kind: DiffusersScheduler.Kind, arguments: String, key: String) throws {
    let given = try DiffusersScheduler.StepArguments(yaml: arguments)
    let scheduler = try scheduler(kind)
    let error = try #require(throws: RecipeError.self) { try sampler(scheduler, given) }
    #expect(error.path == key && error.message.contains(kind.rawValue))
  }

  @Test func churnIsRefusedWhereItsResultWouldDiffer() throws {
    let given = try DiffusersScheduler.StepArguments(yaml: "s_churn: 2")
    #expect(try (sampler(scheduler(.euler), given) as? Euler)?.churnOrder == .modelFirst)
    let v = try scheduler(.euler, #""prediction_type": "v_prediction""#)
    #expect(throws: RecipeError.self) { try sampler(v, given) }
  }
}
