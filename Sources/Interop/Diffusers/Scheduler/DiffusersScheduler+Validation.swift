import Diffusion
import RecipeKit

extension DiffusersScheduler {
  public func validate() throws(RecipeError) {
    if let problem = processProblem ?? valueProblem ?? solverProblem ?? unsupportedOption {
      try require(false, problem.key, problem.message)
    }
  }

  /// What is wrong with a value: its key, what was expected, what was found.
  private typealias Problem = (key: String, message: String)

  private var processProblem: Problem? {
    if _className == nil { return ("_class_name", Self.expectedClass) }
    if kind == .flowMatchEuler { return flowProblem }
    if predictionType == .epsilon, process.rescaleBetasZeroSnr {
      return (
        "prediction_type",
        "expected v_prediction or sample with rescale_betas_zero_snr, found epsilon, which says nothing of the image in pure noise"
      )
    }
    if let trainedBetas { return problem(betas: trainedBetas) }
    if !(1...1_000_000).contains(numTrainTimesteps) { return ("num_train_timesteps", "expected 1 to 1000000, found \(numTrainTimesteps)") }
    for (key, beta) in [("beta_start", betaStart), ("beta_end", betaEnd)] where !(beta > 0 && beta <= 1) {
      return (key, "expected a number in (0, 1], found \(beta)")
    }
    return nil
  }

  private var flowProblem: Problem? {
    if !(1...DiscreteProcess.stepLimit).contains(numTrainTimesteps) {
      return ("num_train_timesteps", "expected 1 to \(DiscreteProcess.stepLimit), found \(numTrainTimesteps)")
    }
    if !(shift >= 1e-3 && shift <= 1e3) { return ("shift", "expected 0.001 to 1000, found \(shift)") }
    if invertSigmas { return ("invert_sigmas", "expected false, for a path from noise to image, found true") }
    if stochasticSampling { return ("stochastic_sampling", "expected false, Euler's method without noise, found true") }
    return useKarrasSigmas ? ("use_karras_sigmas", "expected false for \(kind.rawValue), found true") : nil
  }

  private func problem(betas: [Double]) -> Problem? {
    if betas.isEmpty { return ("trained_betas", "expected 1 or more, found none") }
    return betas.first { !($0 > 0 && $0 <= 1) }.map { ("trained_betas", "expected numbers in (0, 1], found \($0)") }
  }

  private var valueProblem: Problem? {
    if stepsOffset < 0 { return ("steps_offset", "expected 0 or more, found \(stepsOffset)") }
    if !(clipSampleRange > 0) { return ("clip_sample_range", "expected a number above 0, found \(clipSampleRange)") }
    if !(sampleMaxValue >= 1) { return ("sample_max_value", "expected 1 or more, found \(sampleMaxValue)") }
    if !(0...1).contains(dynamicThresholdingRatio) {
      return ("dynamic_thresholding_ratio", "expected 0 to 1, found \(dynamicThresholdingRatio)")
    }
    return nil
  }

  private var solverProblem: Problem? {
    switch kind {
    case .eulerAncestral where predictionType == .sample, .pndm where predictionType == .sample:
      return ("prediction_type", "expected epsilon or v_prediction for \(kind.rawValue), found sample")
    case .uniPC where !predictX0: return ("predict_x0", "expected true, the form that corrects x0, found false")
    case .uniPC, .dpmSolverMultistep:
      if !(1...3).contains(solverOrder) { return ("solver_order", "expected 1 to 3, found \(solverOrder)") }
      return kind == .uniPC ? nil : algorithmProblem
    default: return nil
    }
  }

  private var algorithmProblem: Problem? {
    // That library's third-order step of the SDE has a wrong sign and runs away.
    if algorithmType == .sdeDPMSolverPP, solverOrder == 3 {
      return ("solver_order", "expected 1 or 2 for algorithm_type \(algorithmType.rawValue), found 3")
    }
    if algorithmType == .dpmSolver, finalSigmasType == .zero {
      return ("final_sigmas_type", "expected sigma_min for algorithm_type dpmsolver, whose last step would be infinite, found zero")
    }
    return nil
  }

  /// An option whose effect is not supported.
  private var unsupportedOption: Problem? {
    let grids = [
      ("use_exponential_sigmas", useExponentialSigmas), ("use_beta_sigmas", useBetaSigmas), ("use_lu_lambdas", useLuLambdas),
      ("use_flow_sigmas", useFlowSigmas), ("use_dynamic_shifting", useDynamicShifting),
    ]
    for (key, isUsed) in grids where isUsed { return (key, "expected false, found true; the nearest grid is use_karras_sigmas") }
    for (key, value) in [("sigma_min", sigmaMin), ("sigma_max", sigmaMax), ("shift_terminal", shiftTerminal)] {
      if let value { return (key, "expected null, the noise of the process, found \(value)") }
    }
    if interpolationType != "linear" { return ("interpolation_type", "expected linear, found \(interpolationType)") }
    if timestepType != "discrete" { return ("timestep_type", "expected discrete, found \(timestepType)") }
    return solverP.map { ("solver_p", "expected null, the method's own predictor, found \($0)") }
  }
}
