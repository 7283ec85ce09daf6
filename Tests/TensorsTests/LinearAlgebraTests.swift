import Testing

@testable import Tensors

@Suite("Linear algebra") struct LinearAlgebraTests {
  @Test func eigenvectorsOfASymmetricMatrixRebuildIt() throws {
    let half = Tensor.randn([6, 6], dtype: .float64, using: Generator(seed: 3)), matrix = half + half.transpose(0, 1)
    let (values, vectors) = matrix.symmetricEigen()
    let rebuilt = (vectors * values).matmul(vectors.transpose(0, 1))
    // Rounding of sums of six products.
    #expect(try difference(rebuilt, matrix) < 1e-13)
    #expect(try values.doubles() == values.doubles().sorted())
  }

  @Test func singularValuesFallAndAreThoseOfAKnownMatrix() throws {
    // Rounding.
    try expect(Tensor([3.0, 0, 0, -5, 0, 0], [3, 2]).singularValues(), [5, 3], within: 1e-14)
  }

  @Test func theKthSmallestIsCountedFromOne() throws {
    let x = Tensor([5.0, 1, 4, 2, 2, 9], [2, 3])
    try expect(x.kthSmallest(1, 1), [1, 2])
    try expect(x.kthSmallest(2, 1), [4, 2])
    #expect(x.kthSmallest(4, 1).fault != nil)
  }

  @Test func whatHasNoEigenvaluesIsAFaultOfBothResults() throws {
    for matrix in [Tensor.ones([2, 3], dtype: .float64), broken] {
      let (values, vectors) = matrix.symmetricEigen()
      #expect(values.fault != nil && vectors.fault != nil)
    }
  }
}
