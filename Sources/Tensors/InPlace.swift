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

  /// Scales all gradients down to a joint L2 norm of `limit`, if it is positive and smaller than their norm.
  /// - Returns: the norm before scaling.
  package static func clipGradients(_ parameters: [Tensor], limit: Double) throws(TorchFault) -> Double {
    var norm = 0.0
    try Tensor.run("clipGradients", parameters) { handles in
      var raws = handles
      return ct_clip_grads(&raws, raws.count, limit, &norm)
    }
    return norm
  }

  /// AdamW's state for one parameter: running means of the gradient and its square, and the number of steps.
  package struct Moments: Sendable {
    package var first: Tensor, second: Tensor, steps: Tensor
    package init(first: Tensor, second: Tensor, steps: Tensor) {
      self.first = first
      self.second = second
      self.steps = steps
    }
    /// The initial state for a parameter.
    package init(of parameter: Tensor) {
      // Multiplying keeps the parameter's memory layout, which the fused step needs.
      let zero = parameter.detach() * 0
      self.init(first: zero, second: zero.clone(), steps: .zeros([], on: parameter.device))
    }
  }

  /// One step of AdamW (Loshchilov and Hutter 2019) over all parameters that have a gradient.
  package static func adamW(
    _ parameters: [Tensor], _ moments: [Moments], learningRate: Double, betas: (Double, Double), eps: Double, weightDecay: Double
  ) throws(TorchFault) {
    precondition(parameters.count == moments.count)
    let n = parameters.count
    let all = parameters + moments.map(\.first) + moments.map(\.second) + moments.map(\.steps)
    try Tensor.run("adamW", all) { handles in
      var p = Array(handles[0..<n]), m = Array(handles[n..<2 * n]), v = Array(handles[2 * n..<3 * n]), s = Array(handles[3 * n..<4 * n])
      return ct_adamw(&p, &m, &v, &s, n, learningRate, betas.0, betas.1, eps, weightDecay)
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
