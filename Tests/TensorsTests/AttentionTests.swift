import Testing

@testable import Tensors

@Suite("Attention") struct AttentionTests {
  /// softmax(q kᵀ / √d) v, in the operands' dtype.
  private func composed(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
    (q.matmul(k.transpose(-1, -2)) / Double(q.size(-1)).squareRoot()).softmax(-1).matmul(v)
  }

  /// Queries, keys and values as slices of one tensor, as in networks: strided, `[N, heads, length, d]`.
  private func operands(_ shape: [Int], _ dtype: DType) -> [Tensor] {
    let (n, heads, length, d) = (shape[0], shape[1], shape[2], shape[3])
    let joined = Tensor.randn([n, length, 3, heads, d], using: Generator(seed: 5)).to(dtype)
    return (0..<3).map { joined.select(2, $0).transpose(1, 2) }
  }

  private func difference(_ a: Tensor, _ b: Tensor) throws -> Double { try (a.to(.float64) - b.to(.float64)).abs().max().item() }

  /// Whole blocks of queries and keys, partial blocks, single rows; widths that the bfloat16 kernel supports, and one that it does not.
  static let shapes = [[2, 4, 64, 32], [1, 2, 17, 16], [3, 1, 1, 8], [3, 1, 1, 16], [1, 1, 33, 48], [1, 2, 300, 64]]

  @Test(arguments: shapes, [DType.float32, .bfloat16])
  func equalsItsDefinition(shape: [Int], dtype: DType) throws {
    let o = operands(shape, dtype)
    let y = Tensor.attention(o[0], o[1], o[2])
    #expect(y.dtype == dtype)
    #expect(y.shape == shape)
    let wide = o.map { $0.to(.float64) }
    // Values of magnitude 1 to 4; bfloat16 has 8 bits, and the weights are rounded to it before the product with the values.
    #expect(try difference(y, composed(wide[0], wide[1], wide[2])) < (dtype == .float32 ? 5e-6 : 3e-2))
  }

  @Test(arguments: shapes, [DType.float32, .bfloat16])
  func itsGradientsEqualThoseOfTheDefinition(shape: [Int], dtype: DType) throws {
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

  @Test(arguments: [DType.float32, .bfloat16]) func theNumbersOfQueriesAndKeysMayDiffer(dtype: DType) throws {
    let random = Generator(seed: 8)
    for (queries, keys) in [(5, 70), (70, 5)] {
      let o = [queries, keys, keys].map { Tensor.randn([2, 3, $0, 32], using: random).to(dtype).requiringGradient() }
      let wide = o.map { $0.detach().to(.float64).requiringGradient() }
      let y = Tensor.attention(o[0], o[1], o[2]), z = composed(wide[0], wide[1], wide[2])
      #expect(try difference(y.detach(), z.detach()) < (dtype == .float32 ? 5e-6 : 3e-2))
      let dy = Tensor.randn(y.shape, using: random).to(dtype)
      let found = try y.gradients(of: o, weights: dy), expected = try z.gradients(of: wide, weights: dy.to(.float64))
      for (a, b) in zip(found, expected) {
        #expect(try difference(a!, b!) < (dtype == .float32 ? 1e-5 : 2e-2) * Swift.max(1, b!.abs().max().item()))
      }
    }
  }

  @Test func isAccurateForLargeScoresAndManyThreads() throws {
    // Scores of some hundreds, at which a softmax that does not subtract the maximum overflows.
    let o = operands([2, 3, 70, 32], .bfloat16).map { ($0 * 12).requiringGradient() }
    let wide = o.map { $0.detach().to(.float64) }
    let before = Torch.threadCount
    defer { Torch.threadCount = before }
    let results = try [1, 3].map { threads in
      Torch.threadCount = threads
      let y = Tensor.attention(o[0], o[1], o[2])
      return try [y.detach()] + y.gradients(of: o, weights: y.detach()).map { $0! }
    }
    for (a, b) in zip(results[0], results[1]) { #expect(try a.bytes() == b.bytes()) }
    // Values up to 40, weights rounded to 8 bits.
    #expect(try difference(results[0][0], composed(wide[0], wide[1], wide[2])) < 40 / 128)
  }

  @Test func aNaNIsNotHidden() throws {
    var values = [Float](repeating: 0.5, count: 2 * 20 * 16)
    values[3 * 16] = .nan
    let q = Tensor(values, [2, 1, 20, 16]).to(.bfloat16)
    let y = Tensor.attention(q, .ones(like: q), .ones(like: q))
    #expect(try y.isNaN().sum().item() == 16)
    let poisoned = Tensor.attention(.ones(like: q), q, .ones(like: q))
    #expect(try poisoned.isNaN().sum().item() == 20 * 16)
  }

  @Test func aSecondDerivativeIsCorrectOrAnErrorButNeverZero() {
    let o = operands([1, 1, 4, 16], .bfloat16).map { $0.requiringGradient() }
    let first = try? Tensor.attention(o[0], o[1], o[2]).sum().gradients(of: [o[0]], recording: true)[0]
    #expect(first?.requiresGradient != false)
  }

  @Test func mergingTheHeadsIsAView() {
    let o = operands([2, 4, 64, 32], .bfloat16)
    #expect(Tensor.attention(o[0], o[1], o[2]).transpose(1, 2).isContiguous)
  }

  @Test func operandsThatDoNotFitAreAFault() {
    let fault = Tensor.attention(.ones([1, 2, 4, 8]), .ones([1, 2, 4, 8]), .ones([1, 3, 5, 8])).fault
    #expect(fault?.operation == "attention")
    #expect(fault?.operands.count == 3)
  }
}
