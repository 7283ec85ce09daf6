import Tensors
import Testing

@testable import NN

@Suite("Initial values of parameters") struct InitializerTests {
  /// torch.manual_seed(7), then these modules in this order; values from PyTorch 2.13.
  @Test func equalPyTorchsForTheSameSeed() throws {
    let initializer = Initializer(Generator(seed: 7))
    let linear = Linear(3, 4, using: initializer)
    try expect(
      linear.weight,
      [
        0.0403250754, -0.347792119, 0.183841825, 0.181161284, -0.308580369, -0.0865316316, -0.338227928, 0.149806648, -0.155519515,
        0.405609757, 0.409853041, 0.058814913,
      ])
    try expect(#require(linear.bias), [-0.246137112, -0.339113146, -0.0634044036, -0.162482589])
    let convolution = Conv2d(2, 3, kernel: 3, using: initializer)
    #expect(convolution.weight.shape == [3, 2, 3, 3])
    try expect(
      convolution.weight,
      [
        0.103888333, -0.201265246, 0.221522242, -0.184891194, 0.180490226, -0.0409307703, 0.121242635, 0.0918520018, 0.00986652076,
        0.0439496115, 0.178994268, 0.0606174804, 0.125051215, -0.182329565, 0.167793095, 0.0811214447, 0.0597036518, 0.0325611643,
      ])
    try expect(#require(convolution.bias), [0.00330259907, -0.0916845724, 0.129052445])
    try expect(
      Embedding(3, 2, using: initializer).weight,
      [0.607283771, -1.61278176, -0.0443466604, 0.218668476, -0.0672118962, -0.856361747])
    let pointwise = PointwiseConv1d(4, 2, using: initializer)
    #expect(pointwise.weight.shape == [2, 4, 1])
    try expect(
      pointwise.weight, [-0.123750627, 0.309876621, 0.274347007, 0.0278017521, 0.435593784, -0.353025377, -0.298149407, 0.22590816])
    try expect(pointwise.bias, [-0.0268749595, -0.45564431])
    let unbiased = Linear(2, 2, bias: false, using: initializer)
    #expect(unbiased.bias == nil)
    try expect(unbiased.weight, [-0.489431351, -0.430464566, 0.546035767, 0.320224255])
  }

  /// Compares the parameter's first values; 1e-7 is the rounding of float32 values below 1.
  private func expect(_ parameter: Parameter, _ values: [Float], sourceLocation: SourceLocation = #_sourceLocation) throws {
    let found = try parameter.value.floats().prefix(values.count)
    #expect(found.count == values.count, sourceLocation: sourceLocation)
    for (found, value) in zip(found, values) {
      #expect(abs(found - value) <= 1e-7 * max(1, abs(value)), sourceLocation: sourceLocation)
    }
  }

  @Test func normsStartAsTheIdentityAndUseNoRandomNumbers() throws {
    let generator = Generator(seed: 1)
    let norm = GroupNorm(4, groups: 2, using: Initializer(generator))
    #expect(try norm.weight.value.floats() == [1, 1, 1, 1] && norm.bias.value.floats() == [0, 0, 0, 0])
    #expect(try Tensor.rand([3], using: generator).floats() == Tensor.rand([3], using: Generator(seed: 1)).floats())
  }

  @Test func shapesAloneHaveNoValuesAndNoMemory() {
    // 2^44 elements per weight exceed any machine's memory.
    let initializer = Initializer.shapes
    let side = 1 << 22
    let linear = Linear(side, side, using: initializer)
    #expect(linear.weight.shape == [side, side] && linear.weight.value.device == .meta && linear.bias?.value.device == .meta)
    for parameter in Conv2d(side, side, kernel: 1, using: initializer).parameters() + Embedding(side, side, using: initializer).parameters()
      + PointwiseConv1d(side, side, using: initializer).parameters() + GroupNorm(1 << 44, using: initializer).parameters()
    {
      #expect(parameter.value.fault == nil && parameter.value.device == .meta)
    }
    #expect(throws: TorchFault.self) { try linear.bias?.value.floats() }
  }

  @Test func parametersRequireGradients() {
    for parameter in Linear(2, 2, using: .shapes).parameters() { #expect(parameter.value.requiresGradient) }
  }
}
