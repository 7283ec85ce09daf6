import Diffusion
import Foundation
import RecipeKit

/// A scheduler of diffusers, as `scheduler_config.json` in a folder of that library describes it.
///
///     let scheduler = try DiffusersScheduler(json: text, file: "scheduler/scheduler_config.json")
///     let diffusion = try scheduler.process.makeDiffusion(), process = diffusion.process
///     let run = SamplingRun(
///       try scheduler.sampler(steps: 20, in: process), denoiser: scheduler.denoiser(in: diffusion, network: network),
///       levels: try scheduler.levels(steps: 20, in: process), shape: shape, noise: noise)
///
/// Its properties are that library's arguments, by their names in snake_case, with the defaults of the class. An argument that only
/// other classes have is taken and has no effect, as there: files carry those of the class that they were made from.
public struct DiffusersScheduler: Recipe, Equatable {
  /// The classes that are understood; none of them is a stand-in for another.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case ddim = "DDIMScheduler"
    case ddpm = "DDPMScheduler"
    case dpmSolverMultistep = "DPMSolverMultistepScheduler"
    case euler = "EulerDiscreteScheduler"
    case eulerAncestral = "EulerAncestralDiscreteScheduler"
    case flowMatchEuler = "FlowMatchEulerDiscreteScheduler"
    case heun = "HeunDiscreteScheduler"
    case pndm = "PNDMScheduler"
    case uniPC = "UniPCMultistepScheduler"
  }
  /// How the betas grow.
  public enum BetaSchedule: String, Sendable, Codable, CaseIterable {
    case linear
    case scaledLinear = "scaled_linear"
    case squaredCosine = "squaredcos_cap_v2"
  }
  /// What the network predicts: ε, x₀ or v.
  public enum PredictionType: String, Sendable, Codable, CaseIterable {
    case epsilon, sample
    case v = "v_prediction"
  }
  /// Which timesteps are visited.
  public enum TimestepSpacing: String, Sendable, Codable, CaseIterable { case leading, linspace, trailing }
  /// The variance of DDPM's step. The first two are the same: one goes by way of the logarithm.
  public enum VarianceType: String, Sendable, Codable, CaseIterable {
    case fixedSmall = "fixed_small"
    case fixedSmallLog = "fixed_small_log"
    case fixedLarge = "fixed_large"
    case learnedRange = "learned_range"
  }
  /// Where a run ends: at the clean image or at the least noise of the training.
  public enum FinalSigmas: String, Sendable, Codable, CaseIterable {
    case zero
    case sigmaMin = "sigma_min"
  }
  /// Which of DPM-Solver's equations is solved: that of ε, that of x₀, or the SDE of x₀.
  public enum AlgorithmType: String, Sendable, Codable, CaseIterable {
    case dpmSolver = "dpmsolver"
    case dpmSolverPP = "dpmsolver++"
    case sdeDPMSolverPP = "sde-dpmsolver++"
  }
  /// DPM-Solver's and UniPC's; each takes the other's words for its own default.
  public enum SolverType: String, Sendable, Codable, CaseIterable { case midpoint, heun, bh1, bh2 }

  /// `_class_name` of the file.
  public private(set) var _className: Kind?
  /// The version of diffusers that wrote the file; for information.
  public private(set) var _diffusersVersion: String?

  // MARK: The process

  /// T.
  public var numTrainTimesteps = 1000
  /// β of the first and the last step, for `linear` and `scaled_linear`.
  public var betaStart = 1e-4, betaEnd = 0.02
  public var betaSchedule = BetaSchedule.linear
  /// Given, they replace the schedule.
  public var trainedBetas: [Double]?
  /// Changes the betas so that the last step has no signal.
  public var rescaleBetasZeroSnr = false
  public var predictionType = PredictionType.epsilon
  /// DDPM's; of a solver only `learned_range` matters, where the network has twice the channels.
  public var varianceType: VarianceType?

  // MARK: Clipping of x₀

  /// Whether DDIM, DDPM and Heun keep it within ±`clip_sample_range`.
  public var clipSample = false
  public var clipSampleRange = 1.0
  /// Whether it is thresholded dynamically instead, by DDIM, DDPM, DPM-Solver and UniPC; see `Denoiser.thresholded`.
  public var thresholding = false
  public var dynamicThresholdingRatio = 0.995
  public var sampleMaxValue = 1.0

  // MARK: The levels

  public var timestepSpacing = TimestepSpacing.linspace
  /// Added to the timesteps of `leading`.
  public var stepsOffset = 0
  /// Whether DDIM and PNDM end at the clean image; else at the level of timestep 0.
  public var setAlphaToOne = true
  /// Where DPM-Solver, Euler and UniPC end; the others end at the clean image.
  public var finalSigmasType = FinalSigmas.zero
  /// Whether the levels lie on a Karras grid with ρ = 7: over all the noise of the training for DPM-Solver and UniPC, over that of
  /// the timesteps for Euler and Heun.
  public var useKarrasSigmas = false
  /// Training steps whose λ lies below are cut off the noisy end before the steps are spaced. JSON knows no −∞: `-Infinity`.
  public var lambdaMinClipped = -Double.infinity

  // MARK: The solver

  /// DPM-Solver's and UniPC's, 1 to 3.
  public var solverOrder = 2
  public var solverType = SolverType.midpoint
  public var algorithmType = AlgorithmType.dpmSolverPP
  /// In runs of fewer than 15 steps (UniPC: in all) the last steps are of lower order.
  public var lowerOrderFinal = true
  /// Whether DPM-Solver's last step is first order in any case.
  public var eulerAtFinal = false
  /// PNDM begins by its pseudo linear multistep method; else with three steps of its Runge-Kutta method.
  public var skipPrkSteps = false
  /// Steps, counted from 0, after which UniPC does not correct.
  public var disableCorrector: [Int] = []
  /// Whether UniPC solves for x₀ and not for ε.
  public var predictX0 = true

  // MARK: The path of flow matching

  /// How far its levels are moved towards noise; see `RectifiedFlowSchedule`.
  public var shift = 1.0
  /// Read by that class where `use_dynamic_shifting` is true, which is refused.
  public var baseShift: Double? = 0.5, maxShift: Double? = 1.15
  public var baseImageSeqLen: Int? = 256, maxImageSeqLen: Int? = 4096
  /// Not supported where the class has them.
  public var invertSigmas = false, stochasticSampling = false

  // MARK: Not supported; refused where they would have an effect

  public var useExponentialSigmas = false, useBetaSigmas = false, useLuLambdas = false, useFlowSigmas = false
  public var flowShift: Double? = 1, timeShiftType: String? = nil, useDynamicShifting = false
  public var interpolationType = "linear", timestepType = "discrete"
  public var sigmaMin: Double?, sigmaMax: Double?, shiftTerminal: Double?
  public var solverP: String?

  /// The class with its defaults.
  public init(_ kind: Kind) {
    self.init()
    _className = kind
    solverType = kind == .uniPC ? .bh2 : .midpoint
    switch kind {
    case .ddim: (timestepSpacing, clipSample) = (.leading, true)
    case .ddpm: (timestepSpacing, clipSample, varianceType) = (.leading, true, .fixedSmall)
    case .pndm: (timestepSpacing, setAlphaToOne) = (.leading, false)
    case .heun: (betaStart, betaEnd) = (0.00085, 0.012)
    case .dpmSolverMultistep, .euler, .eulerAncestral, .flowMatchEuler, .uniPC: break
    }
  }

  /// No class: what a file is laid over to learn its class.
  public init() {}

  /// Reads `scheduler_config.json`.
  ///
  /// - Parameter file: its name, for messages.
  /// - Throws: for an argument or a value that is not understood, with the nearest one that is, and the line where it stands.
  public init(json: String, file: String = "scheduler_config.json") throws(RecipeError) {
    guard let kind = try Self(yaml: json, file: file)._className else {
      throw RecipeError(place: file, path: "_class_name", Self.expectedClass)
    }
    self = try Self(kind).overlaid(yaml: json, file: file)
  }

  static let expectedClass = "expected one of \(Kind.allCases.map(\.rawValue).joined(separator: ", ")), found none"

  /// The class; `validate` refuses a file that names none.
  public var kind: Kind { _className ?? .ddim }
}
