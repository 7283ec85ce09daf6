import Tensors
import Testing

@testable import Networks

@Suite("Padding to a size that can be halved") struct SizePaddingTests {
  @Test func repeatsTheLastRowAndColumnAndIsUndone() throws {
    let x = Tensor((0..<15).map { Float($0) }, [1, 1, 3, 5])
    let padded = x.padded(toMultiplesOf: 4)
    #expect(padded.shape == [1, 1, 4, 8])
    #expect(try padded.select(2, 3).floats() == [10, 11, 12, 13, 14, 14, 14, 14])
    #expect(try padded.select(3, 7).floats() == [4, 9, 14, 14])
    #expect(try padded.cropped(toSizeOf: x).floats() == x.floats())
  }

  @Test func leavesImagesThatFitUnchanged() throws {
    let x = Tensor.ones([2, 3, 8, 4])
    #expect(x.padded(toMultiplesOf: 4).shape == x.shape && x.padded(toMultiplesOf: 1).shape == x.shape)
    let failed = Tensor.ones([1]).matmul(.ones([2, 2]))
    #expect(failed.padded(toMultiplesOf: 4).fault == failed.fault && failed.cropped(toSizeOf: x).fault == failed.fault)
  }
}
