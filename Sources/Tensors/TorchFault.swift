import Failures

/// Why an operation of libtorch failed. It travels inside the `Tensor` that the operation returned, through every further
/// operation, to whatever lets data out, which throws it.
public struct TorchFault: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// Shapes, dtypes or values that the operation does not take.
    case invalid
    /// The device has no memory left for the result.
    case outOfMemory
  }

  /// The operation that failed, by its name in `Tensors`.
  public let operation: String
  /// The operands' shapes, with the parameter's name where one is a parameter.
  public let operands: [String]
  public let kind: Kind
  /// libtorch's own words, first line only. They differ between its versions.
  public let message: String
  /// The module of the network in which it arose, by its state-dict prefix, where the network says so.
  public internal(set) var module: String?

  public init(operation: String, operands: [String] = [], kind: Kind = .invalid, message: String, module: String? = nil) {
    self.operation = operation
    self.operands = operands
    self.kind = kind
    self.message = message
    self.module = module
  }

  public var failure: Failure { .internal }

  public var description: String {
    let place = module.map { " in \($0)" } ?? ""
    return "\(operation)(\(operands.joined(separator: ", "))) failed\(place): \(message)"
  }
}
