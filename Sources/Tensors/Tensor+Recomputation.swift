internal import CTorch

extension Tensor {
  /// body(inputs) with gradient checkpointing: only the inputs are kept, and the backward pass runs `body` again (Chen et al. 2016,
  /// "Training Deep Nets with Sublinear Memory Cost"). First derivatives only.
  /// - Parameters:
  ///   - parameters: tensors that `body` uses besides its inputs and that need a gradient.
  ///   - body: must return the same values each time.
  package static func recomputed(_ inputs: [Tensor], parameters: [Tensor], _ body: @escaping ([Tensor]) -> Tensor) -> Tensor {
    let computation = Computation(body)
    let result = apply("recomputed", inputs + parameters) { handles in
      let read = handles.prefix(inputs.count).map(Optional.some), others = handles.dropFirst(inputs.count).map(Optional.some)
      return ct_recomputed(computation.shared, read, read.count, others, others.count)
    }
    // The body's own fault says more than the failure of the whole.
    return computation.fault.map(Tensor.init(failing:)) ?? result
  }
}

/// A computation in the form that the shim calls.
private final class Computation {
  private let body: ([Tensor]) -> Tensor
  private(set) var fault: TorchFault?

  init(_ body: @escaping ([Tensor]) -> Tensor) { self.body = body }

  /// Holds a reference of its own to this object.
  var shared: ct_computation {
    ct_computation(
      run: { context, inputs, count, why, capacity in
        let computation = Unmanaged<Computation>.fromOpaque(context!).takeUnretainedValue()
        return computation.run(UnsafeBufferPointer(start: inputs, count: count), why: why, capacity)
      },
      release: { Unmanaged<Computation>.fromOpaque($0!).release() },
      context: Unmanaged.passRetained(self).toOpaque())
  }

  private func run(_ inputs: UnsafeBufferPointer<OpaquePointer?>, why: UnsafeMutablePointer<CChar>?, _ capacity: Int) -> OpaquePointer? {
    let result = body(inputs.compactMap { $0.map { Tensor(storage: .live(Tensor.Handle($0))) } })
    switch result.storage {
    case .live(let handle): return withExtendedLifetime(handle) { ct_alias(handle.raw) }
    case .failed(let fault):
      self.fault = fault
      // The shim zeroes the buffer beforehand, so the text is terminated.
      for (index, byte) in fault.description.utf8.prefix(capacity - 1).enumerated() { why?[index] = CChar(bitPattern: UInt8(byte)) }
      return nil
    }
  }
}
