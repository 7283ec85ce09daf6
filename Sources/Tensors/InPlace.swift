internal import CTorch

/// Operations that change tensors in place. They are internal to the package: to its users only a Parameter or a Buffer changes,
/// never a Tensor.
package enum InPlace {
  /// Overwrites a tensor's elements.
  package static func copy(_ source: Tensor, into destination: Tensor) throws(TorchFault) {
    try Tensor.run("copy", [destination, source]) { ct_copy($0[0], $0[1]) }
  }

  /// Removes the accumulated gradients.
  package static func clearGradients(_ parameters: [Tensor]) throws(TorchFault) {
    try Tensor.run("clearGradients", parameters) { handles in
      var raws = handles
      return ct_clear_grads(&raws, raws.count)
    }
  }

  /// The L2 norm of all gradients together.
  package static func gradientNorm(_ parameters: [Tensor]) throws(TorchFault) -> Double {
    var norm = 0.0
    try Tensor.run("gradientNorm", parameters) { handles in
      var raws = handles
      return ct_gradient_norm(&raws, raws.count, &norm)
    }
    return norm
  }

  /// Adam's state for one parameter: running means of the gradient and its square, and the number of steps.
  package struct Moments: Sendable {
    package var first: Tensor, second: Tensor, steps: Tensor
    package init(first: Tensor, second: Tensor, steps: Tensor) {
      self.first = first
      self.second = second
      self.steps = steps
    }
    /// The initial state for a parameter.
    package init(of parameter: Tensor) {
      // Multiplying keeps the parameter's memory layout, which the step needs.
      let zero = parameter.detach() * 0
      self.init(first: zero, second: zero.clone(), steps: .zeros([], on: parameter.device))
    }
  }

  /// The numbers of a step of Adam (Kingma and Ba 2015).
  package struct AdamStep {
    package var learningRate: Double
    /// Decay rates of the running means of the gradient and of its square.
    package var betas: (Double, Double)
    package var eps: Double
    /// Decoupled from the gradient: AdamW (Loshchilov and Hutter 2019).
    package var weightDecay = 0.0
    /// L2 penalty: this times the parameter is added to its gradient.
    package var penalty = 0.0
    /// The gradients' factor, by which they are clipped.
    package var gradientScale = 1.0
    /// The rate β of averages: average ← β average + (1 − β) parameter, after the step.
    package var averageRate = 0.0

    package init(learningRate: Double, betas: (Double, Double), eps: Double) {
      (self.learningRate, self.betas, self.eps) = (learningRate, betas, eps)
    }
  }

  /// One step of Adam for all parameters that have a gradient, and an update of the averages of all parameters, in one pass over memory.
  /// - Parameter averages: one for each parameter; nil for none.
  package static func adam(
    _ parameters: [Tensor], _ moments: [Moments], _ step: AdamStep, averages: [Tensor]? = nil
  ) throws(TorchFault) {
    precondition(parameters.count == moments.count && (averages == nil || averages?.count == parameters.count))
    let n = parameters.count
    var numbers = ct_adam_step(
      lr: step.learningRate, beta1: step.betas.0, beta2: step.betas.1, eps: step.eps, decay: step.weightDecay, penalty: step.penalty,
      scale: step.gradientScale, average_rate: step.averageRate)
    let all = parameters + moments.map(\.first) + moments.map(\.second) + moments.map(\.steps) + (averages ?? [])
    try Tensor.run("adam", all) { handles in
      var p = Array(handles[0..<n]), m = Array(handles[n..<2 * n]), v = Array(handles[2 * n..<3 * n]), s = Array(handles[3 * n..<4 * n])
      guard averages != nil else { return ct_adam(&p, &m, &v, &s, nil, n, &numbers) }
      var a = Array(handles[4 * n..<5 * n])
      return ct_adam(&p, &m, &v, &s, &a, n, &numbers)
    }
  }

  /// Sets average to rate × average + (1 - rate) × value, for all tensors.
  package static func average(_ averages: [Tensor], towards values: [Tensor], rate: Double) throws(TorchFault) {
    precondition(averages.count == values.count)
    let n = values.count
    try Tensor.run("average", averages + values) { handles in
      var a = Array(handles[0..<n]), v = Array(handles[n..<2 * n])
      return ct_ema(&a, &v, n, rate)
    }
  }
}
