internal import CTorch
import Failures

// Grad mode, autocast and the choice of convolutions are thread-local, so these scopes are synchronous on purpose: after an `await` the thread could be
// another task's.

/// Runs `body` without recording operations for gradients.
public func withoutGradient<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
  let old = ct_set_grad_enabled(false)
  defer { _ = ct_set_grad_enabled(old) }
  return try body()
}

/// Runs `body` recording operations, also within `withoutGradient`.
public func withGradient<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
  let old = ct_set_grad_enabled(true)
  defer { _ = ct_set_grad_enabled(old) }
  return try body()
}

/// Runs `body` with libtorch's own convolutions (`exact`) or the faster ones, whatever `Torch.exactConvolutions` says. A backward pass
/// follows the scope of its forward pass.
public func withExactConvolutions<Result, Failure: Error>(
  _ exact: Bool = true, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  let old = ct_override_exact_convolutions(exact ? 1 : 0)
  defer { _ = ct_override_exact_convolutions(old) }
  return try body()
}

public var isGradientEnabled: Bool { ct_grad_enabled() }

/// Runs `body` with matrix products, convolutions and attention in `dtype`, and everything else in the operands' dtypes.
///
/// Weights are cast once per scope: an optimiser must step between scopes, not within one.
/// - Parameters:
///   - dtype: bfloat16 or float16; float32 turns autocast off, also within another scope.
///   - device: the operands' device.
public func withAutocast<Result, Failure: Error>(
  to dtype: DType, on device: Device, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
  precondition([.float32, .bfloat16, .float16].contains(dtype), "autocast to \(dtype)")
  let code = dtype == .float32 ? CT_BF16 : dtype.code
  let old = ct_set_autocast(device.code, ct_autocast(enabled: dtype != .float32, dtype: code))
  defer { _ = ct_set_autocast(device.code, old) }
  return try body()
}

extension Tensor {
  /// The same values, detached from the autograd graph.
  public func detach() -> Tensor { unary("detach", ct_detach) }

  /// A leaf with the same values that requires a gradient.
  public func requiringGradient() -> Tensor { unary("requiringGradient", ct_leaf) }

  /// Accumulates the gradient of this scalar in every leaf that it depends on.
  public func backward() throws(TorchFault) {
    try Tensor.run("backward", [self]) { ct_backward($0[0]) }
  }

  /// The gradient accumulated in this leaf by `backward()`; nil if there is none.
  public var gradient: Tensor? {
    guard case .live(let handle) = storage else { return nil }
    return withExtendedLifetime(handle) { ct_grad(handle.raw).map { Tensor(storage: .live(Handle($0))) } }
  }

  /// d self / d inputs, without accumulating in the leaves; nil for an input that self does not depend on.
  /// - Parameters:
  ///   - weights: one factor per element of self; needed unless self is a scalar.
  ///   - recording: whether the gradients can themselves be differentiated. Those of the fused group norm cannot.
  public func gradients(of inputs: [Tensor], weights: Tensor? = nil, recording: Bool = false) throws(TorchFault) -> [Tensor?] {
    var out = [OpaquePointer?](repeating: nil, count: inputs.count)
    try Tensor.run("gradients", [self] + inputs + (weights.map { [$0] } ?? [])) { handles in
      var raws = Array(handles[1..<(1 + inputs.count)])
      return ct_gradients(handles[0], weights == nil ? nil : handles.last!, &raws, raws.count, recording, &out)
    }
    return out.map { raw in raw.map { Tensor(storage: .live(Handle($0))) } }
  }
}
