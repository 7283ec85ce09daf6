import Testing

@testable import Tensors

/// Products in bfloat16 and float16, which oneDNN computes on some processors and float32 kernels on the others.
@Suite("Products in low precision") struct LowPrecisionTests {
  private let random = Generator(seed: 4)

  /// float32 operands that `dtype` represents exactly.
  private func operand(_ shape: Int..., dtype: DType) -> Tensor { .randn(shape, using: random).to(dtype).to(.float32).requiringGradient() }

  /// The largest difference beyond one unit in the last place of `dtype`.
  private func excess(_ found: Tensor, _ expected: Tensor, _ dtype: DType) throws -> Double {
    let step = dtype == .bfloat16 ? 1.0 / 128 : 1.0 / 1024
    return try ((found.to(.float32) - expected).abs() - expected.abs() * step).max().item()
  }

  private func expectTheSame(
    _ operands: [Tensor], _ dtype: DType, _ product: ([Tensor]) -> Tensor, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let exact = product(operands)
    let low = withAutocast(to: dtype, on: .cpu) { product(operands) }
    #expect(low.dtype == dtype, sourceLocation: sourceLocation)
    #expect(try excess(low.detach(), exact.detach(), dtype) < 1e-4, sourceLocation: sourceLocation)
    let seed = Tensor.randn(exact.shape, using: random).to(dtype)
    let expected = try exact.gradients(of: operands, weights: seed.to(.float32))
    let found = try low.gradients(of: operands, weights: seed)
    for (a, b) in zip(found, expected) {
      #expect(a?.dtype == .float32, sourceLocation: sourceLocation)
      #expect(try excess(#require(a), #require(b), dtype) < 1e-4, sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: [DType.bfloat16, .float16], [(3, 1), (3, 2), (1, 1)])
  func convolutionsAndTheirGradientsAreExactWithinRounding(dtype: DType, kernel: (size: Int, stride: Int)) throws {
    let x = operand(2, 4, 6, 6, dtype: dtype), w = operand(8, 4, kernel.size, kernel.size, dtype: dtype), b = operand(8, dtype: dtype)
    for bias in [b, nil] {
      try expectTheSame([x, w] + (bias.map { [$0] } ?? []), dtype) {
        $0[0].conv2d($0[1], $0.count > 2 ? $0[2] : nil, stride: kernel.stride, padding: kernel.size / 2)
      }
    }
  }

  @Test(arguments: [DType.bfloat16, .float16]) func linearMapsAndTheirGradientsAreExactWithinRounding(dtype: DType) throws {
    let x = operand(2, 3, 4, dtype: dtype), w = operand(5, 4, dtype: dtype), b = operand(5, dtype: dtype)
    try expectTheSame([x, w, b], dtype) { $0[0].linear($0[1], $0[2]) }
    try expectTheSame([x, w], dtype) { $0[0].linear($0[1]) }
    try expectTheSame([x, operand(2, 4, 3, dtype: dtype)], dtype) { $0[0].matmul($0[1]) }
  }

  @Test(arguments: [DType.bfloat16, .float16]) func packedConvolutionsAddTheirResidualBeforeTheyRound(dtype: DType) throws {
    let w = operand(8, 4, 3, 3, dtype: dtype).detach(), x = operand(2, 4, 6, 6, dtype: dtype).detach()
    let residual = operand(2, 8, 6, 6, dtype: dtype).detach()
    let packed = PackedConv2d(w, nil, stride: 1, padding: 1, dtype: dtype)
    let y = packed(x.to(dtype), addingTo: residual.to(dtype))
    #expect(y.dtype == dtype && y.isChannelsLast)
    // One rounding, of half a unit in the last place.
    let expected = x.conv2d(w, padding: 1) + residual, step = dtype == .bfloat16 ? 1.0 / 256 : 1.0 / 2048
    #expect(try ((y.to(.float32) - expected).abs() - expected.abs() * step).max().item() < 1e-4)
    #expect(packed(x).fault?.kind == .invalid)
  }

  @Test func operandsOfDifferentPrecisionsAreAFault() {
    let x = Tensor.ones([1, 2, 4, 4]), w = Tensor.ones([3, 2, 3, 3]).to(.bfloat16)
    #expect(x.conv2d(w).fault?.operation == "conv2d")
    #expect(Tensor.ones([2, 4]).to(.bfloat16).linear(.ones([3, 4])).fault?.operation == "linear")
  }

  @Test func aBackwardPassWithinAutocastGivesTheSame() throws {
    let x = operand(2, 4, 6, 6, dtype: .bfloat16), w = operand(8, 4, 3, 3, dtype: .bfloat16)
    func gradients(within: Bool) throws -> [Float] {
      func run() throws -> [Tensor?] {
        try withAutocast(to: .bfloat16, on: .cpu) { x.conv2d(w, padding: 1) }.to(.float32).square().sum().gradients(of: [x, w])
      }
      let found = within ? try withAutocast(to: .bfloat16, on: .cpu) { try run() } : try run()
      return try found.flatMap { try $0!.floats() }
    }
    #expect(try gradients(within: true) == gradients(within: false))
  }

  @Test func secondDerivativesAreCorrect() throws {
    let x = operand(1, 2, 4, 4, dtype: .bfloat16), w = operand(2, 2, 3, 3, dtype: .bfloat16)
    func second(_ dtype: DType) throws -> Tensor {
      let y = withAutocast(to: dtype, on: .cpu) { x.conv2d(w, padding: 1) }.to(.float32)
      let first = try y.square().sum().gradients(of: [x], recording: true)[0]!
      return try first.sum().gradients(of: [w])[0]!
    }
    let exact = try second(.float32), low = try second(.bfloat16)
    // Several roundings, each of 1 part in 256.
    #expect(try (low - exact).norm().item() < 0.03 * exact.norm().item())
  }

  @Test func processorsWithAVX512HaveKernelsForBfloat16() {
    #if arch(x86_64)
      if Torch.cpuFeatures.contains("avx512f") { #expect(Torch.hasKernels(for: .bfloat16)) }
      if !Torch.cpuFeatures.contains("avx2") { #expect(!Torch.hasKernels(for: .bfloat16)) }
    #endif
    #expect(Torch.hasKernels(for: .float32) && Torch.hasKernels(for: .float64))
  }
}
