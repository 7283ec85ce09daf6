import Testing

@testable import Tensors

@Suite("Creating tensors and reading their data") struct CreationTests {
  @Test func valuesAreLaidOutRowByRow() throws {
    let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], [2, 3])
    #expect(x.dtype == .float32)
    try expect(x.select(0, 1), [4, 5, 6])
    try expect(Tensor([1.5, 2.5] as [Double]), [1.5, 2.5])
    #expect(Tensor([1.5] as [Double]).dtype == .float64)
    try expect(Tensor([-1, 1 << 40]), [-1, Double(1 << 40)])
    #expect(Tensor([7]).dtype == .int64)
    try expect(Tensor([0, 255] as [UInt8], [2]), [0, 255])
    try expect(Tensor([1, 2] as [Double], [2, 1]), [1, 2], [2, 1])
    try expect(Tensor([1, 2], [1, 2]), [1, 2], [1, 2])
  }

  @Test func constantsAndRangesHaveTheirValues() throws {
    try expect(.full(2.5, [2, 2]), [2.5, 2.5, 2.5, 2.5], [2, 2])
    try expect(.zeros([2]), [0, 0])
    try expect(.ones([2], dtype: .int32), [1, 1])
    try expect(.arange(1, 2, step: 0.25), [1, 1.25, 1.5, 1.75])
    try expect(.linspace(0, 1, count: 5, dtype: .float64), [0, 0.25, 0.5, 0.75, 1])
    #expect(Tensor.empty([3, 0, 2]).count == 0)
    try expect(.zeros([]), [0], [])
  }

  @Test func likeTakesShapeDtypeAndDevice() {
    let x = Tensor.zeros([2, 3], dtype: .bfloat16, on: .meta)
    for y in [Tensor.zeros(like: x), .ones(like: x), .full(3, like: x)] {
      #expect(y.shape == [2, 3])
      #expect(y.dtype == .bfloat16)
      #expect(y.device == .meta)
    }
    #expect(Tensor.ones(like: broken).fault == broken.fault)
  }

  @Test(arguments: DType.allCases) func bytesAreUnchangedByARoundTrip(dtype: DType) throws {
    let pattern = (0..<6 * dtype.size).map { dtype == .bool ? UInt8($0 % 2) : UInt8(truncatingIfNeeded: 37 &* $0) }
    let x = pattern.withUnsafeBytes { Tensor(bytes: $0, [2, 3], dtype) }
    #expect(x.dtype == dtype)
    #expect(x.shape == [2, 3])
    #expect(try x.bytes() == pattern)
    // Also for a tensor with another memory layout.
    let turned = try x.transpose(0, 1).bytes()
    #expect(turned[dtype.size..<2 * dtype.size] == pattern[3 * dtype.size..<4 * dtype.size])
  }

  @Test func theNumberOfBytesMustMatchTheShape() throws {
    let bytes = [UInt8](repeating: 0, count: 8)
    bytes.withUnsafeBytes {
      #expect(Tensor(bytes: $0, [3], .float32).fault?.kind == .invalid)
      #expect(Tensor(bytes: $0, [-2], .float32).fault?.kind == .invalid)
      // A wrong shape must not cause an allocation.
      #expect(Tensor(bytes: $0, [1 << 50], .float32).fault?.kind == .invalid)
      #expect(Tensor(bytes: $0, [1 << 40, 1 << 40], .float32).fault?.kind == .invalid)
    }
    #expect(try Tensor(bytes: UnsafeRawBufferPointer(start: nil, count: 0), [0, 4], .float32).bytes() == [])
    #expect(Tensor([1, 2, 3] as [Float], [2]).fault != nil)
  }

  @Test func elementsConvertToTheRequestedType() throws {
    let x = Tensor([1.75, -2.25, 200] as [Float])
    #expect(try x.doubles() == [1.75, -2.25, 200])
    #expect(try x.floats() == [1.75, -2.25, 200])
    #expect(try x.ints() == [1, -2, 200])
    #expect(try Tensor([0, 7, 255]).uint8s() == [0, 7, 255])
    #expect(try Tensor([2.5] as [Float]).item() == 2.5)
    #expect(try Tensor([1 << 60]).ints() == [1 << 60])
    #expect(throws: TorchFault.self) { try x.item() }
  }

  @Test func aTensorReportsItsProperties() {
    let x = Tensor.zeros([2, 3, 4], dtype: .int16)
    #expect(x.rank == 3)
    #expect(x.count == 24)
    #expect(x.size(1) == 3)
    #expect(x.size(-1) == 4)
    #expect(x.strides == [12, 4, 1])
    #expect(x.isContiguous)
    #expect(x.device == .cpu)
    #expect(!x.requiresGradient)
    #expect("\(x)" == "Tensor([2, 3, 4], int16, cpu)")
  }

  @Test func dtypesKnowTheirSizeAndConvert() throws {
    #expect(DType.allCases.map(\.size) == [4, 8, 2, 2, 8, 4, 2, 1, 1, 1])
    #expect(DType.allCases.filter(\.isFloatingPoint) == [.float32, .float64, .float16, .bfloat16])
    for dtype in DType.allCases { try expect(Tensor([0, 1]).to(dtype), [0, 1]) }
    // 1 + 2^-8 is halfway between two bfloat16 numbers and rounds to the even one.
    try expect(Tensor([1 + 1.0 / 256, 1 + 3.0 / 256] as [Double]).to(.bfloat16), [1, 1 + 4.0 / 256])
    try expect(Tensor([3] as [Float]).to(like: Tensor([0])), [3])
    #expect(Tensor([3] as [Float]).to(like: Tensor([0])).dtype == .int64)
    #expect(Tensor([3]).to(like: broken).fault == broken.fault)
  }
}

@Suite("Borrowed memory") struct BorrowedMemoryTests {
  /// Memory that counts its releases.
  private final class Region: @unchecked Sendable {
    let pointer = UnsafeMutablePointer<Float>.allocate(capacity: 4)
    let released: @Sendable () -> Void
    init(_ released: @escaping @Sendable () -> Void) {
      self.released = released
      for i in 0..<4 { pointer[i] = Float(i) }
    }
    deinit {
      pointer.deallocate()
      released()
    }
  }
  private final class Count: @unchecked Sendable { var value = 0 }

  @Test func isReleasedOnceWithTheLastView() throws {
    let count = Count()
    var view: Tensor?
    do {
      let region = Region { count.value += 1 }
      let whole = Tensor(borrowing: region.pointer, [2, 2], .float32, owner: region)
      view = whole.select(0, 1)
    }
    #expect(count.value == 0)
    try expect(view!, [2, 3])
    view = nil
    #expect(count.value == 1)
  }

  @Test func isReleasedOnceIfNoTensorCanBeCreated() {
    let count = Count()
    do {
      let region = Region { count.value += 1 }
      #expect(Tensor(borrowing: region.pointer, [-1], .float32, owner: region).fault != nil)
    }
    #expect(count.value == 1)
  }

  @Test func isNotCopied() throws {
    let region = Region {}
    let x = Tensor(borrowing: region.pointer, [4], .float32, owner: region)
    region.pointer[2] = 9
    try expect(x, [0, 1, 9, 3])
  }
}
