internal import CTorch
import Foundation

extension Tensor {
  /// A tensor of the given values in row-major order, on the CPU.
  public init(_ values: [Float], _ shape: [Int]) { self = .copying(values, shape, .float32) }
  public init(_ values: [Double], _ shape: [Int]) { self = .copying(values, shape, .float64) }
  public init(_ values: [Int], _ shape: [Int]) { self = .copying(values.map(Int64.init), shape, .int64) }
  public init(_ values: [UInt8], _ shape: [Int]) { self = .copying(values, shape, .uint8) }
  /// A vector.
  public init(_ values: [Float]) { self.init(values, [values.count]) }
  public init(_ values: [Double]) { self.init(values, [values.count]) }
  public init(_ values: [Int]) { self.init(values, [values.count]) }

  private static func copying<Value>(_ values: [Value], _ shape: [Int], _ dtype: DType) -> Tensor {
    values.withUnsafeBytes { Tensor(bytes: $0, shape, dtype) }
  }

  /// A copy of `bytes`, elements in row-major order in this machine's byte order, on the CPU.
  /// - Faults: if the number of bytes does not match the shape and dtype.
  public init(bytes: UnsafeRawBufferPointer, _ shape: [Int], _ dtype: DType) {
    self = Tensor.apply("Tensor(bytes:)", []) { _ in
      ct_from_bytes(bytes.baseAddress, bytes.count, shape.wide, shape.count, dtype.code)
    }
  }

  /// A view, without a copy, of memory that `owner` keeps alive, such as a mapped file. The memory must hold the shape's
  /// elements, aligned for the dtype; it is never written to.
  package init(borrowing memory: UnsafeRawPointer, _ shape: [Int], _ dtype: DType, owner: AnyObject) {
    let retained = Unmanaged.passRetained(owner).toOpaque()
    self = Tensor.apply("Tensor(borrowing:)", []) { _ in
      ct_from_borrowed(UnsafeMutableRawPointer(mutating: memory), shape.wide, shape.count, dtype.code, retained) {
        Unmanaged<AnyObject>.fromOpaque($0!).release()
      }
    }
  }

  public static func full(_ value: Double, _ shape: [Int], dtype: DType = .float32, on device: Device = .cpu) -> Tensor {
    apply("full", []) { _ in ct_full(shape.wide, shape.count, value, dtype.code, device.code) }
  }
  public static func zeros(_ shape: [Int], dtype: DType = .float32, on device: Device = .cpu) -> Tensor {
    full(0, shape, dtype: dtype, on: device)
  }
  public static func ones(_ shape: [Int], dtype: DType = .float32, on device: Device = .cpu) -> Tensor {
    full(1, shape, dtype: dtype, on: device)
  }
  /// A tensor with uninitialised elements.
  public static func empty(_ shape: [Int], dtype: DType = .float32, on device: Device = .cpu) -> Tensor {
    apply("empty", []) { _ in ct_empty(shape.wide, shape.count, dtype.code, device.code) }
  }
  /// A constant tensor with x's shape, dtype and device.
  public static func full(_ value: Double, like x: Tensor) -> Tensor {
    x.fault == nil ? full(value, x.shape, dtype: x.dtype, on: x.device) : x
  }
  public static func zeros(like x: Tensor) -> Tensor { full(0, like: x) }
  public static func ones(like x: Tensor) -> Tensor { full(1, like: x) }

  /// start, start + step … up to, not including, end.
  public static func arange(
    _ start: Double, _ end: Double, step: Double = 1, dtype: DType = .float32, on device: Device = .cpu
  ) -> Tensor {
    apply("arange", []) { _ in ct_arange(start, end, step, dtype.code, device.code) }
  }
  /// `count` values from start to end, both included.
  public static func linspace(
    _ start: Double, _ end: Double, count: Int, dtype: DType = .float32, on device: Device = .cpu
  ) -> Tensor {
    apply("linspace", []) { _ in ct_linspace(start, end, Int64(count), dtype.code, device.code) }
  }
}

extension Tensor {
  // MARK: Reading data out

  /// The element of a tensor with exactly one.
  public func item() throws(TorchFault) -> Double {
    var value = 0.0
    try Tensor.run("item", [self]) { ct_item($0[0], &value) }
    return value
  }

  /// The elements in row-major order, each as a Double.
  public func doubles() throws(TorchFault) -> [Double] { try copied(as: .float64, 0.0) }
  /// The elements in row-major order, each as a Float.
  public func floats() throws(TorchFault) -> [Float] { try copied(as: .float32, Float(0)) }
  /// The elements in row-major order, truncated to integers.
  public func ints() throws(TorchFault) -> [Int] { try copied(as: .int64, Int64(0)).map { Int($0) } }
  /// The elements in row-major order as bytes 0 to 255.
  public func uint8s() throws(TorchFault) -> [UInt8] { try copied(as: .uint8, UInt8(0)) }

  /// The elements' bytes in row-major order, in this machine's byte order.
  public func bytes() throws(TorchFault) -> [UInt8] {
    try requireElements()
    var out = [UInt8](repeating: 0, count: count * dtype.size)
    try out.fill(from: self)
    return out
  }

  /// A tensor on the meta device has no elements, and an array of its size could exceed memory.
  private func requireElements() throws(TorchFault) {
    if device == .meta { try failed("copy", "a tensor on the device meta has no elements").validated() }
  }

  private func copied<Value>(as dtype: DType, _ zero: Value) throws(TorchFault) -> [Value] {
    try requireElements()
    let converted = try to(dtype).validated()
    var out = [Value](repeating: zero, count: converted.count)
    try out.fill(from: converted)
    return out
  }
}

extension Array {
  fileprivate mutating func fill(from tensor: Tensor) throws(TorchFault) {
    let failure = withUnsafeMutableBytes { buffer -> TorchFault? in
      do throws(TorchFault) {
        try Tensor.run("copy", [tensor]) { ct_copy_out($0[0], buffer.baseAddress, buffer.count) }
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }
}
