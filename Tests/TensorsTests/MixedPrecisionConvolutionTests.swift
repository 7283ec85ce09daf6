import Testing

@testable import Tensors

/// Convolutions under autocast to bfloat16, whose weight gradients Winograd's kernel sums in float32 where there is no AMX.
@Suite("Convolutions under autocast") struct MixedPrecisionConvolutionTests {
  typealias Case = ConvolutionTests.Case

  static let cases = [
    Case(), Case(images: 2, height: 13, width: 9, inputs: 17, outputs: 24), Case(images: 3, height: 7, width: 5, inputs: 40, outputs: 18),
    Case(images: 4, height: 16, width: 16, inputs: 64, outputs: 80), Case(images: 2, height: 28, width: 28, inputs: 96, outputs: 1),
  ]

  /// Whether sums of weight gradients are float32 and not rounded to bfloat16 at the end.
  static var sumsInFloat32: Bool {
    ConvolutionTests.hasKernels && Torch.hasKernels(for: .bfloat16) && !Torch.cpuFeatures.contains("amx_bf16")
  }

  /// Numbers that bfloat16 holds, in float32.
  private func numbers(_ shape: [Int], seed: UInt64, scale: Double = 1) -> Tensor {
    (Tensor.randn(shape, using: Generator(seed: seed)) * scale).to(.bfloat16).to(.float32)
  }

  private struct Operands {
    let x: Tensor, weight: Tensor, bias: Tensor, seed: Tensor
  }

  private func operands(_ c: Case) -> Operands {
    Operands(
      x: numbers([c.images, c.inputs, c.height, c.width], seed: 1).channelsLast().requiringGradient(),
      weight: numbers([c.outputs, c.inputs, 3, 3], seed: 2, scale: 0.1).requiringGradient(),
      bias: numbers([c.outputs], seed: 3).requiringGradient(),
      seed: numbers([c.images, c.outputs, c.height, c.width], seed: 4).channelsLast())
  }

  private func expectEqual(_ found: Tensor?, _ expected: Tensor?, within limit: Double) throws {
    let found = try #require(found), expected = try #require(expected)
    #expect(found.shape == expected.shape && found.dtype == .float32)
    let difference = try (found.to(.float64) - expected).abs().max().item(), scale = try expected.square().mean().sqrt().item()
    #expect(difference < limit * Swift.max(scale, 1e-30))
  }

  /// A result in bfloat16 is off by 1 part in 256 at most, and the farthest of them are five root mean squares large.
  private let rounded = 5.0 / 256
  /// As in `ConvolutionTests`: sums over all tiles.
  private let summed = 2e-5

  @Test(arguments: cases) func gradientsAreThoseOfTheDefinition(c: Case) throws {
    let o = operands(c)
    let y = withAutocast(to: .bfloat16, on: .cpu) { o.x.conv2d(o.weight, o.bias, padding: 1) }
    #expect(y.dtype == .bfloat16 && y.isChannelsLast)
    let found = try y.gradients(of: [o.x, o.weight, o.bias], weights: o.seed.to(.bfloat16))
    let wide = [o.x, o.weight, o.bias].map { $0.detach().to(.float64).contiguous().requiringGradient() }
    let exact = wide[0].conv2d(wide[1], wide[2], padding: 1)
    let expected = try exact.gradients(of: wide, weights: o.seed.to(.float64))
    try expectEqual(y.detach().to(.float32), exact.detach(), within: rounded)
    try expectEqual(found[0], expected[0], within: rounded)
    for index in [1, 2] { try expectEqual(found[index], expected[index], within: Self.sumsInFloat32 ? summed : rounded) }
  }

  @Test func frozenWeightsAndAbsentBiasesHaveNoGradient() throws {
    let o = operands(Case()), weight = o.weight.detach()
    let frozen = withAutocast(to: .bfloat16, on: .cpu) { o.x.conv2d(weight, o.bias, padding: 1) }
    let found = try frozen.gradients(of: [o.x, o.bias], weights: o.seed.to(.bfloat16))
    #expect(found.count { $0 != nil } == 2)
    let plain = withAutocast(to: .bfloat16, on: .cpu) { o.x.conv2d(o.weight, padding: 1) }
    #expect(try plain.gradients(of: [o.weight], weights: o.seed.to(.bfloat16))[0]?.shape == o.weight.shape)
  }

  @Test func secondDerivativesAreThoseOfTheDefinition() throws {
    let o = operands(Case())
    func second(_ dtype: DType) throws -> Tensor {
      let y = withAutocast(to: dtype, on: .cpu) { o.x.conv2d(o.weight, o.bias, padding: 1) }.to(.float32)
      let first = try y.square().sum().gradients(of: [o.x], recording: true)[0]!
      return try first.sum().gradients(of: [o.weight])[0]!
    }
    let exact = try second(.float32), low = try second(.bfloat16)
    // Several roundings, each of 1 part in 256.
    #expect(try (low - exact).norm().item() < 0.03 * exact.norm().item())
  }

  @Test func exactConvolutionsAreLibtorchs() throws {
    let o = operands(Case(images: 2, inputs: 64, outputs: 64))
    func gradient() throws -> [UInt8] {
      let y = withAutocast(to: .bfloat16, on: .cpu) { o.x.conv2d(o.weight, o.bias, padding: 1) }
      return try [UInt8](#require(y.gradients(of: [o.weight], weights: o.seed.to(.bfloat16))[0]).bytes())
    }
    let fast = try gradient(), exact = try withExactConvolutions { try gradient() }
    #expect((fast != exact) == Self.sumsInFloat32)
  }
}
