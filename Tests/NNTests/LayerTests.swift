import Foundation
import Tensors
import Testing

@testable import NN

@Suite("Layers") struct LayerTests {
  /// For tests in which values do not matter.
  let initializer = Initializer(Generator(seed: 1))

  private func close(_ x: Tensor, _ values: [Double], within tolerance: Double = 1e-5) throws -> Bool {
    let found = try x.doubles()
    return found.count == values.count && zip(found, values).allSatisfy { abs($0 - $1) <= tolerance }
  }

  // MARK: Against values computed by hand

  @Test func linearMapsTheLastAxis() throws {
    let linear = Linear(2, 3, using: initializer)
    try linear.weight.assign(Tensor([1, 2, 3, 4, 5, 6] as [Float], [3, 2]))
    try linear.bias!.assign(Tensor([0.5, -1, 2] as [Float]))
    let y = linear(Tensor([1, -1, 0, 2] as [Float], [1, 2, 2]))
    #expect(y.shape == [1, 2, 3])
    #expect(try close(y, [-0.5, -2, 1, 4.5, 7, 14]))
    #expect(linear(.ones([2, 3])).fault != nil)
  }

  /// Weights 1 to 9 over pixels 1 to 9: the middle is the sum of their squares, since nothing is flipped.
  @Test func convolutionKeepsTheSizeUnlessItStrides() throws {
    let image = Tensor((1...9).map(Float.init), [1, 1, 3, 3])
    let whole: [Double] = [94, 154, 106, 186, 285, 186, 106, 154, 94]
    for stride in [1, 2] {
      let convolution = Conv2d(1, 1, stride: stride, using: initializer)
      try convolution.weight.assign(Tensor((1...9).map(Float.init), [1, 1, 3, 3]))
      try convolution.bias!.assign(Tensor([0.5] as [Float]))
      let expected = stride == 1 ? whole : [94, 106, 106, 94]
      let y = convolution(image)
      #expect(y.shape == (stride == 1 ? [1, 1, 3, 3] : [1, 1, 2, 2]))
      #expect(try close(y, expected.map { $0 + 0.5 }))
      #expect(try close(convolution(image, addingTo: 100 * Tensor.ones(like: y)), expected.map { $0 + 100.5 }))
    }
    #expect(Conv2d(1, 2, kernel: 1, using: initializer)(image).shape == [1, 2, 3, 3])
    #expect(Conv2d(1, 2, kernel: 3, padding: 0, using: initializer)(image).shape == [1, 2, 1, 1])
    #expect(Conv2d(2, 2, using: initializer)(image).fault?.operation == "conv2d")
  }

  @Test func pointwiseConvolutionMapsEachPosition() throws {
    let pointwise = PointwiseConv1d(3, 2, using: initializer)
    try pointwise.weight.assign(Tensor([1, 2, 3, -1, 0, 1] as [Float], [2, 3, 1]))
    try pointwise.bias.assign(Tensor([1, 0] as [Float]))
    #expect(try close(pointwise(Tensor([1, 1, 1, 0, 2, -1] as [Float], [1, 2, 3])), [7, 0, 2, -1]))
  }

  @Test func groupNormNormalisesGroupsThenModulatesThenActivates() throws {
    let norm = GroupNorm(4, groups: 2, eps: 1e-5, using: initializer)
    try norm.weight.assign(Tensor([1, 2, 3, 4] as [Float]))
    try norm.bias.assign(Tensor([0, 1, 0, -1] as [Float]))
    // The first group has mean 4 and variance 5, the second is zero.
    let x = Tensor([1, 3, 5, 7, 0, 0, 0, 0] as [Float], [1, 4, 1, 2])
    let unit = [-3, -1, 1, 3].map { $0 / (5 + 1e-5).squareRoot() }
    let plain = [unit[0], unit[1], 2 * unit[2] + 1, 2 * unit[3] + 1, 0, 0, -1, -1]
    #expect(try close(norm(x), plain))
    let scale = Tensor([1, 0, 2, -2] as [Float], [1, 4]), shift = Tensor([0, 10, 5, 0] as [Float], [1, 4])
    let modulated = [2 * plain[0], 2 * plain[1], plain[2] + 10, plain[3] + 10, 5, 5, 1, 1]
    #expect(try close(norm(x, scale: scale, shift: shift), modulated))
    #expect(try close(norm(x, scale: scale, shift: shift, activation: .silu), modulated.map { $0 / (1 + exp(-$0)) }))
    #expect(try close(norm(x.channelsLast(), scale: scale, shift: shift).contiguous(), modulated))
    #expect(norm(.ones([1, 6, 1, 2])).fault != nil)
  }

  @Test func embeddingPicksRows() throws {
    let embedding = Embedding(3, 2, using: initializer)
    try embedding.weight.assign(Tensor([1, 2, 3, 4, 5, 6] as [Float], [3, 2]))
    #expect(try close(embedding(Tensor([2, 0, 2])), [5, 6, 1, 2, 5, 6]))
    for index in [3, -1] { #expect(embedding(Tensor([index])).fault?.operation == "embedding") }
  }

  // MARK: Dropout

  @Test func dropoutActsOnlyInTrainingAndKeepsTheMean() throws {
    let x = Tensor.full(3, [100, 100]), dropout = Dropout(0.25)
    #expect(try dropout(x, mode: .inference).floats() == x.floats())
    let y = try dropout(x, mode: .training(Generator(seed: 5))).floats()
    #expect(Set(y) == [0, 4])
    // 2,500 of 10,000, with a standard deviation of 43.
    #expect(abs(y.count { $0 == 0 } - 2500) < 200)
    #expect(try dropout(x, mode: .training(Generator(seed: 5))).floats() == y)
    #expect(try dropout(x, mode: .training(Generator(seed: 6))).floats() != y)
    let generator = Generator(seed: 5)
    #expect(try Dropout(0)(x, mode: .training(generator)).floats() == x.floats())
    #expect(Dropout(1)(x, mode: .training(generator)).fault?.operation == "dropout")
  }

  @Test func dropoutPassesGradientsWhereItPassedValues() throws {
    let x = Tensor.ones([8, 8]).requiringGradient()
    let y = Dropout(0.5)(x, mode: .training(Generator(seed: 5)))
    try y.sum().backward()
    #expect(try x.gradient!.floats() == y.detach().floats())
  }
}
