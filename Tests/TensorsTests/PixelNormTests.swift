import Testing

@testable import Tensors

/// The fused kernel against float64 compositions.
@Suite("Fused pixel norm") struct PixelNormTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var images = 2, channels = 32, height = 5, width = 7
    var mean = 0.0, affine = true, modulated = true, activation = Tensor.Activation.silu
    var testDescription: String {
      "\([images, channels, height, width]), mean \(mean), affine \(affine), modulated \(modulated), \(activation)"
    }
  }

  /// Widths below, at and above a vector of 16, one and several chunks of pixels, each operand present and absent.
  static let cases = [
    Case(), Case(activation: .identity), Case(affine: false), Case(modulated: false), Case(affine: false, modulated: false),
    Case(images: 1, channels: 64, height: 16, width: 16), Case(images: 3, channels: 24, height: 9, width: 9),
    Case(images: 5, channels: 80, height: 8, width: 9), Case(images: 1, channels: 7, height: 3, width: 3),
    Case(images: 8, channels: 16, height: 1, width: 1), Case(images: 1, channels: 160, height: 20, width: 20, mean: 30),
  ]

  /// Every operand as a leaf that requires a gradient, in the order x, weight, bias, scale, shift.
  private func operands(_ c: Case, _ dtype: DType = .float32) -> [Tensor?] {
    let g = Generator(seed: 7)
    func rows(_ present: Bool, _ shape: [Int]) -> Tensor? { present ? Tensor.randn(shape, using: g) : nil }
    let x = (Tensor.randn([c.images, c.channels, c.height, c.width], using: g) + c.mean).to(dtype).channelsLast()
    return [
      x, rows(c.affine, [c.channels]), rows(c.affine, [c.channels]), rows(c.modulated, [c.images, c.channels]),
      rows(c.modulated, [c.images, c.channels]),
    ]
  }

  private func norm(_ o: [Tensor?], _ c: Case) -> Tensor {
    o[0]!.pixelNorm(o[1], o[2], scale: o[3], shift: o[4], activation: c.activation)
  }

  /// The definition, in float64.
  private func exact(_ o: [Tensor?], _ c: Case) -> Tensor {
    let centred = o[0]! - o[0]!.mean(1, keep: true)
    var z = centred / (centred.square().mean(1, keep: true) + 1e-5).sqrt()
    if let weight = o[1], let bias = o[2] { z = z * weight.reshape(1, -1, 1, 1) + bias.reshape(1, -1, 1, 1) }
    if let scale = o[3], let shift = o[4] { z = z * (1 + scale.unsqueeze(-1, -1)) + shift.unsqueeze(-1, -1) }
    return c.activation == .silu ? z * z.sigmoid() : z
  }

  private func difference(_ a: Tensor, _ b: Tensor) throws -> Double { try (a.to(.float64) - b.to(.float64)).abs().max().item() }

  @Test(arguments: cases) func equalsItsDefinition(c: Case) throws {
    let o = operands(c)
    let y = norm(o, c)
    // Some float32 roundings of values below 40, and sums over the channels.
    #expect(try difference(y, exact(o.map { $0?.to(.float64) }, c)) < 3e-5)
    #expect(y.isChannelsLast)
  }

  @Test(arguments: cases) func itsGradientsEqualThoseOfTheDefinition(c: Case) throws {
    let fused = operands(c).map { $0?.requiringGradient() }
    let wide = operands(c).map { $0?.to(.float64).requiringGradient() }
    let weights = Tensor.randn(fused[0]!.shape, using: Generator(seed: 3))
    let found = try norm(fused, c).gradients(of: fused.compactMap { $0 }, weights: weights.channelsLast())
    let expected = try exact(wide, c).gradients(of: wide.compactMap { $0 }, weights: weights.to(.float64))
    #expect(found.count == expected.count)
    for (a, b) in zip(found, expected) {
      let a = try #require(a), b = try #require(b)
      #expect(a.shape == b.shape)
      // Sums over an image of products rounded to float32; a large mean costs x some digits.
      let limit = (c.mean == 0 ? 3e-6 : 3e-5) * Swift.max(1, try b.abs().max().item())
      #expect(try difference(a, b) < limit)
    }
  }

  @Test(arguments: [Case(), Case(images: 1, channels: 48, height: 12, width: 12), Case(activation: .identity)])
  func bfloat16ImagesAgreeWithinTheirRounding(c: Case) throws {
    let narrow = operands(c, .bfloat16).map { $0?.requiringGradient() }
    let wide = narrow.map { $0?.detach().to(.float64).requiringGradient() }
    let weights = Tensor.randn(narrow[0]!.shape, using: Generator(seed: 3)).to(.bfloat16).channelsLast()
    let y = norm(narrow, c), z = exact(wide, c)
    #expect(y.dtype == .bfloat16)
    // Half a unit in the last of 8 bits.
    #expect(try ((y.detach().to(.float64) - z.detach()).abs() - z.detach().abs() / 256).max().item() < 1e-6)
    let found = try y.gradients(of: narrow.compactMap { $0 }, weights: weights)
    let expected = try z.gradients(of: wide.compactMap { $0 }, weights: weights.to(.float64))
    for (a, b) in zip(found, expected) {
      let a = try #require(a), b = try #require(b)
      let share = a.dtype == .bfloat16 ? 1.0 / 256 : 1e-5
      #expect(try ((a.to(.float64) - b).abs() - b.abs() * share).max().item() < 2e-5)
    }
    #expect(found[0]?.dtype == .bfloat16)
    #expect(found[1]?.dtype == .float32)
  }

  @Test func modulationInBfloat16HasAGradientInBfloat16() throws {
    let c = Case()
    var o = operands(c, .bfloat16)
    o[3] = o[3]?.to(.bfloat16).requiringGradient()
    o[4] = o[4]?.to(.bfloat16).requiringGradient()
    try norm(o, c).to(.float32).sum().backward()
    #expect(o[3]?.gradient?.dtype == .bfloat16)
    #expect(try o[4]!.gradient!.isFinite().all().item() == 1)
  }

  @Test func isBitIdenticalOnAnyNumberOfThreads() throws {
    let c = Case(images: 3, channels: 64, height: 16, width: 16)
    let before = Torch.threadCount
    defer { Torch.threadCount = before }
    let results = try [1, 2].map { threads in
      Torch.threadCount = threads
      let o = operands(c).map { $0?.requiringGradient() }
      let y = norm(o, c)
      return try [y.detach()] + y.gradients(of: o.compactMap { $0 }, weights: y.detach()).map { $0! }
    }
    for (a, b) in zip(results[0], results[1]) { #expect(try a.bytes() == b.bytes()) }
  }

  @Test func otherLayoutsAndDtypesGiveTheSame() throws {
    let c = Case(), o = operands(c)
    let plain = [o[0]!.contiguous()] + o.dropFirst()
    #expect(try difference(norm(plain, c), norm(o, c)) < 1e-5)
    let wide = o.map { $0?.to(.float64) }
    #expect(try difference(norm(wide, c), exact(wide, c)) < 1e-12)
  }

  @Test func aSecondDerivativeIsAnErrorAndNotZero() throws {
    let o = operands(Case()).map { $0!.requiringGradient() }
    #expect(throws: TorchFault.self) { try norm(o, Case()).sum().gradients(of: o, recording: true) }
  }

  @Test func rowsOfTheWrongShapeAreFaults() {
    let x = Tensor.ones([2, 8, 4, 4]).channelsLast()
    #expect(x.pixelNorm(.ones([7])).fault?.operation == "pixelNorm")
    #expect(x.pixelNorm(scale: .ones([2, 8]), shift: .ones([3, 8])).fault?.kind == .invalid)
    #expect(x.pixelNorm(scale: .ones([2, 8, 1, 1])).fault != nil)
    #expect(Tensor.ones([2, 8]).pixelNorm().fault != nil)
  }

  @Test func infinityAndNaNAreNotHidden() throws {
    for bad in [Float.nan, .infinity] {
      var values = [Float](repeating: 1, count: 2 * 4 * 4)
      values[3] = bad
      for dtype in [DType.float32, .bfloat16] {
        let y = Tensor(values, [2, 4, 2, 2]).to(dtype).channelsLast().pixelNorm(activation: .silu)
        // One pixel has it, among 8 of four channels.
        #expect(try y.isFinite().to(.float32).sum().item() == 28)
      }
    }
  }
}
