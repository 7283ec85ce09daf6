import Testing

@testable import Tensors

/// Winograd's kernels against float64 convolutions, and the rule that chooses them.
@Suite("Convolutions") struct ConvolutionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var images = 1, height = 8, width = 8, inputs = 16, outputs = 16, kernel = 3, stride = 1
    var testDescription: String { "\([images, inputs, height, width]) to \(outputs), kernel \(kernel), stride \(stride)" }
  }

  /// Channels at, below and above whole vectors and panels; sizes at and beside whole tiles; few and many tiles.
  static let winograd = [
    Case(), Case(images: 2, inputs: 64, outputs: 64), Case(height: 13, width: 9, inputs: 17, outputs: 24),
    Case(images: 3, height: 7, width: 5, inputs: 40, outputs: 18), Case(height: 28, width: 28, inputs: 300, outputs: 19),
    Case(images: 2, height: 30, width: 31, inputs: 20, outputs: 300), Case(height: 3, width: 3, inputs: 64, outputs: 48),
    Case(images: 16, inputs: 128, outputs: 128), Case(images: 5, height: 32, width: 32, inputs: 33, outputs: 31),
    Case(height: 4, width: 4, inputs: 128, outputs: 16), Case(images: 3, height: 16, width: 20, inputs: 96, outputs: 65),
  ]
  /// Shapes that libtorch computes, at least in part: narrow, small, other kernels.
  static let others = [
    Case(images: 2, height: 28, width: 28, inputs: 32, outputs: 1), Case(images: 2, height: 28, width: 28, inputs: 1, outputs: 32),
    Case(height: 16, width: 16, inputs: 64, outputs: 6), Case(inputs: 3, outputs: 48), Case(height: 5, width: 5, inputs: 64, outputs: 64),
    Case(height: 1, width: 1, inputs: 64, outputs: 64), Case(height: 9, width: 9, stride: 2), Case(kernel: 1), Case(inputs: 7, outputs: 7),
  ]

  /// Whether this processor, as limited by ATEN_CPU_CAPABILITY, has kernels.
  static var hasKernels: Bool {
    #if arch(arm64)
      true
    #else
      Torch.cpuCapability.hasPrefix("AVX")
    #endif
  }

  struct Operands {
    var x: Tensor, weight: Tensor, bias: Tensor, perImage: Tensor, residual: Tensor
    var all: [Tensor] { [x, weight, bias, perImage, residual] }
    func map(_ change: (Tensor) -> Tensor) -> Operands {
      Operands(x: change(x), weight: change(weight), bias: change(bias), perImage: change(perImage), residual: change(residual))
    }
  }

  private func operands(_ c: Case) -> Operands {
    let g = Generator(seed: 7), height = (c.height - 1) / c.stride + 1, width = (c.width - 1) / c.stride + 1
    let fan = Double(c.inputs * c.kernel * c.kernel).squareRoot()
    return Operands(
      x: .randn([c.images, c.inputs, c.height, c.width], using: g).channelsLast(),
      weight: .randn([c.outputs, c.inputs, c.kernel, c.kernel], using: g) / fan, bias: .randn([c.outputs], using: g),
      perImage: .randn([c.images, c.outputs], using: g), residual: .randn([c.images, c.outputs, height, width], using: g).channelsLast())
  }

  private func convolve(_ o: Operands, _ c: Case) -> Tensor {
    o.x.conv2d(o.weight, o.bias, stride: c.stride, padding: c.kernel / 2, perImage: o.perImage, addingTo: o.residual)
  }

  /// In float64, operation by operation.
  private func exact(_ o: Operands, _ c: Case) -> Tensor {
    let wide = o.map { $0.dtype == .float64 ? $0 : $0.to(.float64) }
    return wide.x.contiguous().conv2d(wide.weight.contiguous(), stride: c.stride, padding: c.kernel / 2) + wide.bias.reshape(1, -1, 1, 1)
      + wide.perImage.unsqueeze(-1, -1) + wide.residual
  }

  /// The largest difference, in root mean squares of the expected values.
  private func error(_ found: Tensor, _ expected: Tensor) throws -> Double {
    let scale = try expected.detach().to(.float64).square().mean().sqrt().item()
    return try (found.detach().to(.float64) - expected.detach().to(.float64)).abs().max().item() / Swift.max(scale, 1e-30)
  }

  /// Winograd's transforms round to 1e-6 of the root mean square; of up to 3e5 results the farthest is ten times that off. A weight
  /// gradient sums over all tiles, and rounds twice as much.
  private let limit = 1e-5, gradientLimit = 2e-5

  @Test(arguments: winograd + others) func equalsItsDefinition(c: Case) throws {
    let o = operands(c), y = convolve(o, c)
    #expect(try error(y, exact(o, c)) < limit)
    #expect(y.isChannelsLast)
  }

  @Test(arguments: winograd + others) func itsGradientsEqualThoseOfTheDefinition(c: Case) throws {
    let narrow = operands(c).map { $0.requiringGradient() }, wide = operands(c).map { $0.to(.float64).requiringGradient() }
    let seed = Tensor.randn(narrow.residual.shape, using: Generator(seed: 3)).channelsLast()
    let found = try convolve(narrow, c).gradients(of: narrow.all, weights: seed)
    let expected = try exact(wide, c).gradients(of: wide.all, weights: seed.to(.float64))
    for (index, (a, b)) in zip(found, expected).enumerated() {
      let a = try #require(a), b = try #require(b)
      #expect(a.shape == b.shape)
      #expect(try error(a, b) < gradientLimit, "operand \(index)")
    }
  }

  @Test(arguments: winograd) func theRuleChoosesWinogradForTheseShapes(c: Case) throws {
    let o = operands(c)
    let same = try convolve(o, c).bytes() == withExactConvolutions { try convolve(o, c).bytes() }
    #expect(same == !Self.hasKernels)
  }

  @Test func exactConvolutionsAreThoseOfLibtorchOperationByOperation() throws {
    let c = Case(images: 2, inputs: 64, outputs: 64), o = operands(c)
    try withExactConvolutions {
      #expect(Torch.exactConvolutions)
      let steps = o.residual + (o.x.conv2d(o.weight, o.bias, padding: 1) + o.perImage.unsqueeze(-1, -1))
      #expect(try convolve(o, c).bytes() == steps.bytes())
      let fast = try withExactConvolutions(false) { try convolve(o, c).bytes() }
      #expect(try (fast != steps.bytes()) == Self.hasKernels)
    }
  }

  @Test(arguments: [Case(images: 3, height: 16, width: 16, inputs: 64, outputs: 64), Case(inputs: 32, outputs: 80)])
  func isBitIdenticalOnAnyNumberOfThreads(c: Case) throws {
    let before = Torch.threadCount
    defer { Torch.threadCount = before }
    let results = try [1, 3].map { threads in
      Torch.threadCount = threads
      let o = operands(c).map { $0.requiringGradient() }, y = convolve(o, c)
      return try [y.detach()] + y.gradients(of: [o.x, o.weight, o.bias], weights: y.detach()).map { $0! }
    }
    guard Self.hasKernels else { return }  // libtorch does not promise it
    for (a, b) in zip(results[0], results[1]) { #expect(try a.bytes() == b.bytes()) }
  }

  @Test(arguments: [Case(images: 9, inputs: 64, outputs: 64), Case(images: 5, height: 16, width: 16, inputs: 24, outputs: 40)])
  func anImagesBytesDoNotDependOnTheRestOfItsBatch(c: Case) throws {
    let o = operands(c), together = convolve(o, c)
    guard Self.hasKernels else { return }
    for image in 0..<c.images {
      func one(_ t: Tensor) -> Tensor { t.narrow(0, image, 1) }
      let alone = convolve(
        Operands(x: one(o.x), weight: o.weight, bias: o.bias, perImage: one(o.perImage), residual: one(o.residual)), c)
      #expect(try alone.bytes() == one(together).bytes())
    }
  }

  @Test func numbersThatAreNotFiniteStayInTheirImage() throws {
    let c = Case(images: 2, height: 6, width: 6, inputs: 9, outputs: 9)
    var o = operands(c)
    o.x = Tensor.cat([o.x.narrow(0, 0, 1) * Tensor([Float.nan]), o.x.narrow(0, 1, 1)], dim: 0).channelsLast()
    let y = convolve(o, c)
    #expect(try y.narrow(0, 0, 1).isFinite().any().item() == 0)
    #expect(try y.narrow(0, 1, 1).isFinite().all().item() == 1)
  }

  @Test func layoutsOfWeightsAndImagesGiveTheSame() throws {
    let c = Case(images: 2, height: 12, width: 12, inputs: 24, outputs: 32), o = operands(c)
    let expected = try convolve(o, c).bytes()
    var other = o
    other.weight = o.weight.channelsLast()
    #expect(try convolve(other, c).bytes() == expected)
    other.weight = Tensor.cat([o.weight, o.weight], dim: 1).narrow(1, 24, 24)  // neither order
    #expect(try convolve(other, c).bytes() == expected)
    other.x = o.x.contiguous()
    #expect(try error(convolve(other, c), exact(o, c)) < limit)
  }

  @Test func aWeightsGradientHasItsLayout() throws {
    let c = Case(inputs: 24, outputs: 32), o = operands(c)
    for weight in [o.weight, o.weight.channelsLast()] {
      let leaf = weight.requiringGradient()
      try o.x.conv2d(leaf, padding: 1).square().sum().backward()
      let gradient = try #require(leaf.gradient)
      if Self.hasKernels { #expect(gradient.isContiguous == leaf.isContiguous) }
    }
  }

  @Test func addendsAreOptionalAndStayAsTheyAre() throws {
    let c = Case(images: 2), o = operands(c), wide = o.map { $0.to(.float64) }
    let plain = wide.x.conv2d(wide.weight, padding: 1)
    #expect(try error(o.x.conv2d(o.weight, padding: 1), plain) < limit)
    #expect(try error(o.x.conv2d(o.weight, padding: 1, perImage: o.perImage), plain + wide.perImage.unsqueeze(-1, -1)) < limit)
    let before = try o.residual.bytes()
    #expect(try error(o.x.conv2d(o.weight, padding: 1, addingTo: o.residual), plain + wide.residual) < limit)
    #expect(try o.residual.bytes() == before)
  }

  @Test func onlyWantedGradientsAreComputed() throws {
    let c = Case(images: 2), o = operands(c)
    let bias = o.bias.requiringGradient()
    let y = o.x.conv2d(o.weight, bias, padding: 1, perImage: o.perImage, addingTo: o.residual)
    let found = try #require(try y.gradients(of: [bias], weights: .ones(y.shape).channelsLast())[0])
    #expect(try error(found, .full(Double(c.images * c.height * c.width), [c.outputs])) < 1e-6)
    let residual = o.residual.requiringGradient()
    let sum = o.x.conv2d(o.weight, padding: 1, addingTo: residual)
    #expect(try sum.gradients(of: [residual], weights: o.residual)[0]?.bytes() == o.residual.bytes())
  }

  @Test func aSecondDerivativeIsThatOfLibtorch() throws {
    let c = Case(images: 2)
    func second() throws -> Tensor {
      let o = operands(c).map { $0.requiringGradient() }
      let first = try convolve(o, c).square().sum().gradients(of: [o.x], recording: true)[0]!
      return try first.square().sum().gradients(of: [o.weight])[0]!
    }
    #expect(try error(second(), withExactConvolutions { try second() }) < 1e-4)  // four convolutions, each of 1e-5
  }

  @Test func recomputedConvolutionsHaveTheSameGradients() throws {
    let o = operands(Case(images: 2)).map { $0.requiringGradient() }
    func body(_ x: Tensor) -> Tensor { x.conv2d(o.weight, o.bias, padding: 1, perImage: o.perImage, addingTo: o.residual) }
    let kept = try body(o.x).square().sum().gradients(of: o.all)
    let again = try Tensor.recomputed([o.x], parameters: [o.weight, o.bias, o.perImage, o.residual]) { body($0[0]) }
      .square().sum().gradients(of: o.all)
    for (a, b) in zip(kept, again) { #expect(try a?.bytes() == b?.bytes()) }
  }

  @Test func addendsOfTheWrongShapeAreFaults() {
    let x = Tensor.ones([2, 16, 8, 8]).channelsLast(), weight = Tensor.ones([16, 16, 3, 3])
    #expect(x.conv2d(weight, .ones([15]), padding: 1).fault?.operation == "conv2d")
    #expect(x.conv2d(weight, padding: 1, perImage: .ones([2, 15])).fault?.kind == .invalid)
    #expect(x.conv2d(weight, padding: 1, addingTo: .ones([2, 16, 8, 7])).fault?.kind == .invalid)
    #expect(x.conv2d(.ones([16, 15, 3, 3]), padding: 1).fault?.kind == .invalid)
  }
}
