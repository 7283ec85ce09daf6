import Tensors

/// A tensor that training changes. Tensors are values; parameters and buffers are where they are replaced.
///
/// Not Sendable, like the modules that own it.
public final class Parameter {
  /// A leaf of the autograd graph or, in a network prepared for inference, a plain tensor.
  public private(set) var value: Tensor
  private var isFixed = false

  /// - Parameter value: the initial value, which will require a gradient.
  public init(_ value: Tensor) { self.value = value.requiringGradient() }

  public var shape: [Int] { value.shape }
  /// The gradient accumulated by `backward()` since the last `clearGradients`; nil if there is none.
  public var gradient: Tensor? { value.gradient }

  /// Gives the value a name, which appears in faults of operations on it.
  func label(_ name: String) { value = value.labelled(name) }

  /// Overwrites the values in place: optimisers and averages that hold the tensor see the new values.
  /// - Throws: a fault if shapes differ, if the module has shapes only, or if it was prepared for inference.
  public func assign(_ source: Tensor) throws(TorchFault) { try value.overwrite(with: source, isFixed: isFixed) }

  /// Replaces the tensor, perhaps with one mapped from a file; from then on the network is for inference only.
  package func replace(with tensor: Tensor) { (value, isFixed) = (tensor, true) }
}

/// A tensor that belongs to a module's state and is not trained.
public final class Buffer {
  public private(set) var value: Tensor
  private var isFixed = false

  public init(_ value: Tensor) { self.value = value }
  /// Like `Parameter.assign`.
  public func assign(_ source: Tensor) throws(TorchFault) { try value.overwrite(with: source, isFixed: isFixed) }
  package func replace(with tensor: Tensor) { (value, isFixed) = (tensor, true) }
}

extension Tensor {
  fileprivate func overwrite(with source: Tensor, isFixed: Bool) throws(TorchFault) {
    if isFixed { throw failed("assign", "it belongs to a network prepared for inference; change the network being trained").fault! }
    if device == .meta {
      throw failed("assign", "it has a shape but no numbers; adopt a state, or make the module with a generator").fault!
    }
    try InPlace.copy(source, into: self)
  }
}
