import Failures

/// Why a libtorch operation failed. The fault is carried by the `Tensor` that the operation returned, through all further
/// operations, until data is read out, which throws it.
public struct TorchFault: ClassifiedError, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// Shapes, dtypes or values that the operation does not accept.
    case invalid
    /// The device has no memory left for the result.
    case outOfMemory
  }

  /// The operation that failed, by its name in `Tensors`.
  public let operation: String
  /// The operands' shapes, with the parameter's name where one is a parameter.
  public let operands: [String]
  public let kind: Kind
  /// libtorch's message, first line only. It differs between versions.
  public let message: String
  /// The module in which it occurred, by its state-dict prefix, if the network names it.
  public internal(set) var module: String?

  public init(operation: String, operands: [String] = [], kind: Kind = .invalid, message: String, module: String? = nil) {
    self.operation = operation
    self.operands = operands
    self.kind = kind
    self.message = message
    self.module = module
  }

  public var failure: Failure { kind == .outOfMemory ? .memory : .internal }

  public var description: String {
    let place = module.map { " in \($0)" } ?? ""
    let advice =
      kind == .outOfMemory ? "; memory ran out: take fewer images at a time (--batch), smaller ones, or --precision bfloat16" : ""
    return "\(operation)(\(operands.joined(separator: ", "))) failed\(place): \(message)\(advice)"
  }
}
