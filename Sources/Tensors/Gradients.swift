internal import CTorch
import Failures

// Grad mode and autocast belong to the thread, so these scopes are synchronous on purpose: set before an `await`, they
// could belong to another task after it.

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

public var isGradientEnabled: Bool { ct_grad_enabled() }

/// Runs `body` with matrix products, convolutions and attention in `dtype`, all else in the operands' own.
///
/// Weights are cast once in a scope and the casts forgotten at its end: an optimiser steps between scopes, not within one.
/// - Parameters:
///   - dtype: bfloat16 or float16; float32 turns autocast off, also within another scope.
///   - device: the one on which the operands lie.
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
  /// The same numbers, cut off from the record of how they were made.
  public func detach() -> Tensor { unary("detach", ct_detach) }

  /// A leaf with the same numbers, for which gradients can be asked.
  public func requiringGradient() -> Tensor { unary("requiringGradient", ct_leaf) }

  /// Adds the gradient of this scalar to every leaf that it depends on.
  public func backward() throws(TorchFault) {
    try Tensor.run("backward", [self]) { ct_backward($0[0]) }
  }

  /// The gradient that `backward()` gathered in this leaf; nil if none did.
  public var gradient: Tensor? {
    guard case .live(let handle) = storage else { return nil }
    return withExtendedLifetime(handle) { ct_grad(handle.raw).map { Tensor(storage: .live(Handle($0))) } }
  }

  /// d self / d inputs, without touching what leaves have gathered. nil where self does not depend on an input.
  /// - Parameters:
  ///   - weights: where self is not a scalar, the factor of each of its elements.
  ///   - recording: whether the gradients can be differentiated in their turn. The fused group norm's cannot.
  public func gradients(of inputs: [Tensor], weights: Tensor? = nil, recording: Bool = false) throws(TorchFault) -> [Tensor?] {
    var out = [OpaquePointer?](repeating: nil, count: inputs.count)
    try Tensor.run("gradients", [self] + inputs + (weights.map { [$0] } ?? [])) { handles in
      var raws = Array(handles[1..<(1 + inputs.count)])
      return ct_gradients(handles[0], weights == nil ? nil : handles.last!, &raws, raws.count, recording, &out)
    }
    return out.map { raw in raw.map { Tensor(storage: .live(Handle($0))) } }
  }
}
