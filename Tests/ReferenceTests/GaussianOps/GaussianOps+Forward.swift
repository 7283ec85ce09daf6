import Diffusion
import Tensors

// The forward process, its posterior, and what follows from them.
extension GaussianOpsReferenceSet {
  static func forwardOperations(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([])
    let process = try wholeProcess(manifest.config)
    let x0 = try manifest.tensor("x_start"), noise = try manifest.tensor("noise"), previous = try manifest.tensor("xprev")
    let t = try manifest.tensor("t").ints(), levels = process.levels(t)

    let xt = qSample(x0, at: levels, noise: noise)
    let forward = qDistribution(x0, at: levels), posterior = process.posterior(x0: x0, xt: xt, at: t)
    let posteriorVariance = Tensor(t.map { process.posteriorVariance[$0] }).to(.float32).unsqueeze(-1, -1, -1)
    // The estimates are made from the recorded x_t, whose rounding they would magnify.
    let recorded = try manifest.tensor("q_sample")

    let expanded = { (numbers: Tensor) in numbers + 0 * x0 }
    var reproduction = Reproduction()
    reproduction.tensors = [
      "q_sample": xt,
      "q_mean_variance/mean": forward.mean,
      "q_mean_variance/variance": expanded(forward.logVariance.exp()),
      "q_mean_variance/log_variance": expanded(forward.logVariance),
      "q_posterior/mean": posterior.mean,
      "q_posterior/variance": expanded(posteriorVariance),
      "q_posterior/log_variance_clipped": expanded(posterior.logVariance),
      "predict_xstart_from_eps": Parameterization.epsilon.estimates(from: noise, x: recorded, at: levels).x0,
      "predict_xstart_from_xprev": process.x0(previous: previous, xt: recorded, at: t),
      "predict_eps_from_xstart": Parameterization.x0.estimates(from: x0, x: recorded, at: levels).epsilon,
    ]
    return reproduction
  }

  /// `{"process": "GaussianDiffusion", "schedule": …, "steps": …, "rescale_timesteps": …}`: a process with all its steps.
  private static func wholeProcess(_ config: [String: JSON]) throws -> DiscreteProcess {
    guard Set(config.keys) == ["process", "schedule", "steps", "rescale_timesteps"], config["process"] == .string("GaussianDiffusion"),
      let schedule = config["schedule"]?.string, let steps = config["steps"]?.int, let rescales = config["rescale_timesteps"]?.bool
    else { throw ReferenceError("the config \(config) is not understood") }
    return try DiscreteProcess(betas: DiscreteProcess.referenced(schedule: schedule, steps: steps).betas, rescaleTimesteps: rescales)
  }
}
