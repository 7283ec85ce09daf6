import Foundation
import Testing

@testable import Tensors

/// Compares a tensor's elements, in row-major order, with values; `within` is the largest difference allowed.
func expect(
  _ tensor: Tensor, _ values: [Double], _ shape: [Int]? = nil, within tolerance: Double = 0,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let found = try tensor.doubles()
  #expect(tensor.shape == shape ?? [values.count], sourceLocation: sourceLocation)
  try #require(found.count == values.count, sourceLocation: sourceLocation)
  for (a, b) in zip(found, values) {
    let same = a == b || (a.isNaN && b.isNaN) || abs(a - b) <= tolerance
    #expect(same, "\(found) is not \(values)", sourceLocation: sourceLocation)
    if !same { return }
  }
}

/// The largest difference between elements.
func difference(_ a: Tensor, _ b: Tensor) throws -> Double { try (a.to(.float64) - b.to(.float64)).abs().max().item() }

/// 0, 1, 2 … in a shape.
func counting(_ shape: Int..., dtype: DType = .float32) -> Tensor {
  Tensor.arange(0, Double(shape.reduce(1, *)), dtype: dtype).reshape(shape)
}

/// A tensor that failed: 2x3 times 4x5.
let broken = Tensor.ones([2, 3]).matmul(.ones([4, 5]))

/// Identifies the current thread.
func currentThread() -> UInt {
  #if canImport(Darwin)
    UInt(bitPattern: pthread_self())
  #else
    UInt(pthread_self())
  #endif
}
