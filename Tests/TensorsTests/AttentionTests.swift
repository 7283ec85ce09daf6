import Testing

@testable import Tensors

@Suite("Attention") struct AttentionTests {
  /// softmax(q kᵀ / √d) v, in the operands' dtype.
  private func composed(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
    (q.matmul(k.transpose(-1, -2)) / Double(q.size(-1)).squareRoot()).softmax(-1).matmul(v)
  }

  /// Queries, keys and values as a network cuts them from one tensor: strided, `[N, heads, length, d]`.
  private func operands(_ shape: [Int], _ dtype: DType) -> [Tensor] {
    let (n, heads, length, d) = (shape[0], shape[1], shape[2], shape[3])
    let joined = Tensor.randn([n, length, 3, heads, d], using: Generator(seed: 5)).to(dtype)
    return (0..<3).map { joined.select(2, $0).transpose(1, 2) }
  }

  private func difference(_ a: Tensor, _ b: Tensor) throws -> Double { try (a.to(.float64) - b.to(.float64)).abs().max().item() }

  static let shapes = [[2, 4, 64, 32], [1, 2, 17, 16], [3, 1, 1, 8], [1, 2, 300, 64]]

  @Test(arguments: shapes, [DType.float32, .bfloat16])
  func equalsItsDefinition(shape: [Int], dtype: DType) throws {
    let o = operands(shape, dtype)
    let y = Tensor.attention(o[0], o[1], o[2])
    #expect(y.dtype == dtype)
    #expect(y.shape == shape)
    let wide = o.map { $0.to(.float64) }
    // Values of size 1 to 4; bfloat16 holds 8 digits, and weights are rounded to it before they meet the values.
    #expect(try difference(y, composed(wide[0], wide[1], wide[2])) < (dtype == .float32 ? 5e-6 : 3e-2))
  }

  @Test(arguments: shapes, [DType.float32, .bfloat16])
  func itsGradientsAreThoseOfTheDefinition(shape: [Int], dtype: DType) throws {
    let o = operands(shape, dtype).map { $0.requiringGradient() }
    let wide = o.map { $0.detach().to(.float64).requiringGradient() }
    let weights = Tensor.randn(shape, using: Generator(seed: 6)).to(dtype)
    let y = withAutocast(to: .bfloat16, on: .cpu) { Tensor.attention(o[0], o[1], o[2]) }
    let found = try y.gradients(of: o, weights: weights.to(y.dtype))
    let expected = try composed(wide[0], wide[1], wide[2]).gradients(of: wide, weights: weights.to(.float64))
    for (a, b) in zip(found, expected) {
      let a = try #require(a), b = try #require(b)
      #expect(a.dtype == dtype)
      #expect(try difference(a, b) < 3e-2 * Swift.max(1, try b.abs().max().item()))
    }
  }

  @Test func operandsThatDoNotFitAreAFault() {
    let fault = Tensor.attention(.ones([1, 2, 4, 8]), .ones([1, 2, 4, 8]), .ones([1, 3, 5, 8])).fault
    #expect(fault?.operation == "attention")
    #expect(fault?.operands.count == 3)
  }
}
