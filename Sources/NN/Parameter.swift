import Tensors

/// A tensor that training changes: the place where mutation lives, since tensors themselves are values.
///
/// Not Sendable, like the modules that own it.
public final class Parameter {
  /// A leaf of the gradient record, or, in a network prepared for inference, a plain tensor.
  public private(set) var value: Tensor

  /// - Parameter value: the first value; its gradient will be gathered.
  public init(_ value: Tensor) { self.value = value.requiringGradient() }

  public var shape: [Int] { value.shape }
  /// What `backward()` gathered since the last `clearGradients`; nil if nothing did.
  public var gradient: Tensor? { value.gradient }

  /// Gives the value a name that faults of operations on it will tell.
  func label(_ name: String) { value = value.labelled(name) }

  /// Overwrites the numbers in place: optimisers and averages that hold the tensor see the new ones.
  public func assign(_ source: Tensor) throws(TorchFault) { try InPlace.copy(source, into: value) }

  /// Puts another tensor in the place of this one, for a network that is being prepared for inference.
  package func replace(with tensor: Tensor) { value = tensor }
}

/// A tensor that belongs to a module's state and is not trained.
public final class Buffer {
  public private(set) var value: Tensor
  public init(_ value: Tensor) { self.value = value }
  public func assign(_ source: Tensor) throws(TorchFault) { try InPlace.copy(source, into: value) }
  package func replace(with tensor: Tensor) { value = tensor }
}
