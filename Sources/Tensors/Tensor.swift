internal import CTorch
import Foundation

/// A multi-dimensional array on a device, backed by libtorch.
///
/// A value: no public operation changes a tensor in place. An operation that fails returns a tensor that carries a
/// `TorchFault`; operations on such a tensor return it unchanged, and everything that reads data out (`item()`, `floats()`,
/// `backward()`, `validated()`, saving) throws the fault. So arithmetic needs no `try`, and no error goes unnoticed.
public struct Tensor: Sendable {
  /// Owns one reference to a libtorch tensor.
  final class Handle: @unchecked Sendable {  // libtorch counts references atomically, and nothing public writes
    let raw: OpaquePointer
    let label: String?
    init(_ raw: OpaquePointer, label: String? = nil) {
      self.raw = raw
      self.label = label
    }
    deinit { ct_tensor_free(raw) }
  }
  enum Storage: Sendable {
    case live(Handle)
    case failed(TorchFault)
  }
  let storage: Storage

  init(storage: Storage) { self.storage = storage }

  /// A tensor that carries `fault`.
  public init(failing fault: TorchFault) { storage = .failed(fault) }

  // MARK: Faults

  /// The fault that this tensor carries, if an operation that led to it failed.
  public var fault: TorchFault? { if case .failed(let fault) = storage { fault } else { nil } }

  /// Returns this tensor, or throws the fault it carries.
  @discardableResult public func validated() throws(TorchFault) -> Tensor {
    if case .failed(let fault) = storage { throw fault }
    return self
  }

  /// A failed tensor in place of this one, for a layer to reject its input with. An existing fault is kept.
  public func failed(_ operation: String, _ message: String) -> Tensor {
    if fault != nil { return self }
    return Tensor(failing: TorchFault(operation: operation, operands: [summary], message: message))
  }

  /// Adds the module's name to a fault; the innermost name is kept.
  public func arising(in module: @autoclosure () -> String) -> Tensor {
    guard case .failed(var fault) = storage, fault.module == nil else { return self }
    fault.module = module()
    return Tensor(failing: fault)
  }

  // MARK: Properties

  /// Sizes of the axes; empty for a scalar and for a tensor that carries a fault.
  public var shape: [Int] {
    read([]) { raw in (0..<ct_dim(raw)).map { Int(ct_size(raw, $0)) } }
  }
  /// The distance, in elements, between neighbours along each axis.
  public var strides: [Int] {
    read([]) { raw in (0..<ct_dim(raw)).map { Int(ct_stride(raw, $0)) } }
  }
  /// The size along an axis, counted from the end when negative; 1 for a tensor that carries a fault, so that
  /// straight-line code falls through.
  public func size(_ axis: Int) -> Int {
    let shape = shape
    let index = axis < 0 ? axis + shape.count : axis
    return shape.indices.contains(index) ? shape[index] : 1
  }
  public var rank: Int { read(0) { Int(ct_dim($0)) } }
  /// The number of elements.
  public var count: Int { read(0) { Int(ct_numel($0)) } }
  public var dtype: DType { read(.float32) { DType(code: ct_dtype_of($0)) } }
  public var device: Device { read(.cpu) { Device(code: ct_device_of($0)) } }
  public var requiresGradient: Bool { read(false) { ct_requires_grad($0) } }
  public var isContiguous: Bool { read(false) { ct_is_contiguous($0, CT_CONTIGUOUS) } }
  public var isChannelsLast: Bool { read(false) { ct_is_contiguous($0, CT_CHANNELS_LAST) } }

  var summary: String {
    guard case .live(let handle) = storage else { return "a failed tensor" }
    return (handle.label.map { "\($0) " } ?? "") + "\(shape)" + (dtype == .float32 ? "" : " \(dtype)")
  }

  private func read<Value>(_ fallback: Value, _ body: (OpaquePointer) -> Value) -> Value {
    guard case .live(let handle) = storage else { return fallback }
    return withExtendedLifetime(handle) { body(handle.raw) }
  }

  // MARK: Calls of the shim

  /// Runs `body` on the operands' handles; the first fault among them is the result.
  static func apply(_ operation: String, _ operands: [Tensor], _ body: ([OpaquePointer]) -> OpaquePointer?) -> Tensor {
    var handles: [Handle] = []
    handles.reserveCapacity(operands.count)
    for operand in operands {
      switch operand.storage {
      case .live(let handle): handles.append(handle)
      case .failed: return operand
      }
    }
    return withExtendedLifetime(handles) {
      if let raw = body(handles.map(\.raw)) { return Tensor(storage: .live(Handle(raw))) }
      return Tensor(failing: takeFault(operation, operands))
    }
  }

  func unary(_ operation: String, _ body: (OpaquePointer) -> OpaquePointer?) -> Tensor {
    guard case .live(let handle) = storage else { return self }
    return withExtendedLifetime(handle) {
      if let raw = body(handle.raw) { return Tensor(storage: .live(Handle(raw))) }
      return Tensor(failing: Self.takeFault(operation, [self]))
    }
  }

  func binary(_ operation: String, _ other: Tensor, _ body: (OpaquePointer, OpaquePointer) -> OpaquePointer?) -> Tensor {
    guard case .live(let a) = storage else { return self }
    guard case .live(let b) = other.storage else { return other }
    return withExtendedLifetime((a, b)) {
      if let raw = body(a.raw, b.raw) { return Tensor(storage: .live(Handle(raw))) }
      return Tensor(failing: Self.takeFault(operation, [self, other]))
    }
  }

  /// Runs a call that returns 0 or -1 on the operands' handles, and throws its failure.
  static func run(_ operation: String, _ operands: [Tensor], _ body: ([OpaquePointer?]) -> Int32) throws(TorchFault) {
    var handles: [Handle] = []
    for operand in operands {
      switch operand.storage {
      case .live(let handle): handles.append(handle)
      case .failed(let fault): throw fault
      }
    }
    if withExtendedLifetime(handles, { body(handles.map(\.raw)) }) != 0 { throw takeFault(operation, operands) }
  }

  static func takeFault(_ operation: String, _ operands: [Tensor]) -> TorchFault {
    var kind = CT_ERROR_INVALID
    let text = ct_take_error(&kind)
    defer { free(text) }
    let message = text.map { String(cString: $0) } ?? "no reason given"
    return TorchFault(
      operation: operation, operands: operands.prefix(8).map(\.summary),
      kind: kind == CT_ERROR_OUT_OF_MEMORY ? .outOfMemory : .invalid, message: String(message.prefix { $0 != "\n" }))
  }

  /// The same tensor under a name, which appears in faults of operations on it.
  package func labelled(_ label: String) -> Tensor {
    guard case .live(let handle) = storage else { return self }
    return withExtendedLifetime(handle) {
      ct_alias(handle.raw).map { Tensor(storage: .live(Handle($0, label: label))) } ?? self
    }
  }
}

extension Tensor: CustomStringConvertible {
  public var description: String {
    if let fault { return "Tensor(\(fault))" }
    return "Tensor(\(shape), \(dtype), \(device))"
  }
}

extension Array where Element == Int {
  /// The sizes in the shim's integer type.
  var wide: [Int64] { map(Int64.init) }
}
