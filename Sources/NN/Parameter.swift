import Tensors

/// A tensor that training changes: the place where mutation lives, since tensors themselves are values.
///
/// Not Sendable, like the modules that own it.
public final class Parameter {
  /// A leaf of the gradient record, or, in a network prepared for inference, a plain tensor.
  public private(set) var value: Tensor
  private var isFixed = false

  /// - Parameter value: the first value; its gradient will be gathered.
  public init(_ value: Tensor) { self.value = value.requiringGradient() }

  public var shape: [Int] { value.shape }
  /// What `backward()` gathered since the last `clearGradients`; nil if nothing did.
  public var gradient: Tensor? { value.gradient }

  /// Gives the value a name that faults of operations on it will tell.
  func label(_ name: String) { value = value.labelled(name) }

  /// Overwrites the numbers in place: optimisers and averages that hold the tensor see the new ones.
  /// - Throws: also when there are none to overwrite, or when the network is for inference alone.
  public func assign(_ source: Tensor) throws(TorchFault) { try value.overwrite(with: source, isFixed: isFixed) }

  /// Puts another tensor, which may be mapped from a file, in the place of this one: the network is for inference then.
  package func replace(with tensor: Tensor) { (value, isFixed) = (tensor, true) }
}

/// A tensor that belongs to a module's state and is not trained.
public final class Buffer {
  public private(set) var value: Tensor
  private var isFixed = false

  public init(_ value: Tensor) { self.value = value }
  /// As `Parameter.assign`.
  public func assign(_ source: Tensor) throws(TorchFault) { try value.overwrite(with: source, isFixed: isFixed) }
  package func replace(with tensor: Tensor) { (value, isFixed) = (tensor, true) }
}

extension Tensor {
  fileprivate func overwrite(with source: Tensor, isFixed: Bool) throws(TorchFault) {
    if isFixed { throw failed("assign", "it belongs to a network for inference; change the network that is trained").fault! }
    if device == .meta {
      throw failed("assign", "it has a shape but no numbers; adopt a state, or make the module with a generator").fault!
    }
    try InPlace.copy(source, into: self)
  }
}
