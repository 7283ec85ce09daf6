import Diffusion
import RecipeKit
import Tensors

/// The process, the denoiser and the sampler that a scheduler stands for.
extension DiffusersScheduler {
  /// What diffusers' callers hand to `step` along with the network's output.
  public struct StepArguments: Recipe, Equatable {
    /// DDIM's η.
    public var eta = 0.0
    /// Whether DDIM derives ε anew from the clipped x₀.
    public var useClippedModelOutput = false
    /// Euler's noise, put in between σ `s_tmin` and `s_tmax`.
    public var sChurn = 0.0, sTmin = 0.0, sTmax = Double.infinity, sNoise = 1.0

    public init() {}
  }

  /// The process with diffusers' tables, in float32, and what the network predicts of it.
  public var process: ProcessRecipe {
    var recipe = ProcessRecipe()
    recipe.schedule = schedule
    if kind == .flowMatchEuler {
      recipe.parameterization = .velocity
      return recipe
    }
    recipe.tables = .float32
    recipe.rescaleBetasZeroSnr = rescaleBetasZeroSnr && kind != .heun && kind != .pndm
    recipe.parameterization =
      switch predictionType {
      case .epsilon: .epsilon
      case .sample: .x0
      case .v: .v
      }
    recipe.variance =
      switch varianceType {
      case .fixedLarge: .fixedLarge
      case .learnedRange: .learnedRange
      case .fixedSmall, .fixedSmallLog, nil: .fixedSmall
      }
    return recipe
  }

  private var schedule: Choice<ScheduleRegistry> {
    if kind == .flowMatchEuler { return Choice(RectifiedFlowSchedule(steps: numTrainTimesteps, shift: shift)) }
    if let trainedBetas { return Choice(GivenSchedule(betas: trainedBetas)) }
    switch betaSchedule {
    case .linear: return Choice(LinearSchedule(steps: numTrainTimesteps, betaStart: betaStart, betaEnd: betaEnd))
    case .scaledLinear: return Choice(ScaledLinearSchedule(steps: numTrainTimesteps, betaStart: betaStart, betaEnd: betaEnd))
    case .squaredCosine: return Choice(SquaredCosineSchedule(steps: numTrainTimesteps))
    }
  }

  /// The network with what the class does to its estimate of x₀.
  ///
  /// - Parameters:
  ///   - diffusion: made by `process`.
  ///   - network: takes the timesteps of `levels(steps:in:)`; with flow matching T times the place on the path.
  public func denoiser(
    _ arguments: StepArguments = StepArguments(), in diffusion: GaussianDiffusion, network: @escaping DenoisingNetwork
  ) -> any Denoiser {
    let unit = Double(numTrainTimesteps) / 1000, isScaled = kind == .flowMatchEuler && unit != 1
    let plain = diffusion.denoiser(isScaled ? { network($0, unit * $1) } : network)
    // Heun's slope is always that of the clipped x₀.
    let rederives = arguments.useClippedModelOutput || kind == .heun
    if thresholding && thresholds {
      return plain.thresholded(
        dynamicThresholdingRatio: dynamicThresholdingRatio, sampleMaxValue: sampleMaxValue, useClippedModelOutput: rederives)
    }
    if clipSample && clips { return plain.clipped(to: -clipSampleRange...clipSampleRange, useClippedModelOutput: rederives) }
    return plain
  }

  /// Whether the class knows of clipping, or of thresholding.
  package var clips: Bool { kind == .ddim || kind == .ddpm || kind == .heun }
  package var thresholds: Bool { [.ddim, .ddpm, .dpmSolverMultistep, .uniPC].contains(kind) }

  /// The method, with the options that make it that of the class.
  ///
  /// - Parameters:
  ///   - steps: as for the levels.
  ///   - process: made by `process`.
  /// - Throws: `RecipeError` for an argument that the class does not take, `DiffusionError` for impossible steps.
  public func sampler(
    _ arguments: StepArguments = StepArguments(), steps: Int, in process: DiscreteProcess
  ) throws -> any Sampler {
    try check(arguments)
    switch kind {
    case .ddim: return try ddim(eta: arguments.eta, over: levels(steps: steps, in: process), steps: steps, in: process)
    case .ddpm: return DDPM()
    case .dpmSolverMultistep: return dpmSolver
    case .euler: return euler(arguments)
    case .eulerAncestral: return EulerAncestral()
    case .flowMatchEuler: return Euler()
    case .heun: return Heun()
    case .pndm:
      var pndm = PNDM()
      pndm.skipPrkSteps = skipPrkSteps
      pndm.combined = predictionType == .v ? .v : .epsilon
      return pndm
    case .uniPC:
      var uniPC = UniPC()
      uniPC.solverOrder = solverOrder
      uniPC.solverType = solverType == .bh1 ? .bh1 : .bh2
      uniPC.lowerOrderFinal = lowerOrderFinal
      uniPC.disableCorrector = disableCorrector
      return uniPC
    }
  }

  private func euler(_ arguments: StepArguments) -> Euler {
    var euler = Euler()
    euler.sChurn = arguments.sChurn
    euler.sTmin = arguments.sTmin
    euler.sTmax = arguments.sTmax.isFinite ? arguments.sTmax : nil
    euler.sNoise = arguments.sNoise
    euler.churnOrder = .modelFirst
    return euler
  }

  private var dpmSolver: any Sampler {
    switch (algorithmType, solverOrder) {
    // What these are at first order.
    case (.sdeDPMSolverPP, 1): return DDIM(eta: 1)
    case (_, 1): return DPMSolverPP1()
    case (.dpmSolver, 2): return withOptions(DPMSolver2M())
    case (.dpmSolver, _):
      var solver = DPMSolver3M()
      solver.curvature = .half
      return withOptions(solver)
    case (.dpmSolverPP, 2): return withOptions(DPMSolverPP2M())
    case (.dpmSolverPP, _):
      var solver = DPMSolverPP3M()
      solver.curvature = .half
      return withOptions(solver)
    case (.sdeDPMSolverPP, _): return withOptions(DPMSolverPP2MSDE())
    }
  }

  private func withOptions(_ solver: some MultistepDPMSolver) -> any Sampler {
    var solver = solver
    solver.solverType = solverType == .heun ? .heun : .midpoint
    (solver.lowerOrderFinal, solver.eulerAtFinal) = (lowerOrderFinal, eulerAtFinal)
    return solver
  }

  private func check(_ arguments: StepArguments) throws(RecipeError) {
    let none = StepArguments()
    let churns = arguments.sChurn != 0 || arguments.sTmin != 0 || arguments.sTmax != .infinity || arguments.sNoise != 1
    try arguments.require(kind == .ddim || arguments.eta == none.eta, "eta", "only DDIMScheduler's step takes it, not \(kind.rawValue)'s")
    try arguments.require(
      kind == .ddim || !arguments.useClippedModelOutput, "use_clipped_model_output",
      "only DDIMScheduler's step takes it, not \(kind.rawValue)'s")
    try arguments.require(kind == .euler || !churns, "s_churn", "only EulerDiscreteScheduler's step takes it, not \(kind.rawValue)'s")
    try arguments.require(
      arguments.sChurn == 0 || predictionType == .epsilon, "s_churn",
      "expected 0 with prediction_type \(predictionType.rawValue), whose output that library reads by the churned samples, "
        + "found \(arguments.sChurn)")
  }
}
