import Foundation
import Testing

@testable import Tensors

@Suite("Network operations") struct NetworkOperationTests {
  @Test func linearMapsAndProducts() throws {
    let a = counting(2, 2), b = Tensor([1, 1, 0, 2] as [Float], [2, 2])
    try expect(a.matmul(b), [0, 2, 2, 8], [2, 2])
    try expect(a.linear(b), [1, 2, 5, 6], [2, 2])
    try expect(a.linear(b, Tensor([10, 20] as [Float])), [11, 22, 15, 26], [2, 2])
  }

  @Test func aConvolutionSumsItsNeighbourhood() throws {
    let image = counting(1, 1, 3, 3)
    try expect(image.conv2d(.ones([1, 1, 3, 3])), [36], [1, 1, 1, 1])
    try expect(image.conv2d(.ones([1, 1, 3, 3]), Tensor([0.5] as [Float]), stride: 2, padding: 1), [8.5, 12.5, 20.5, 24.5], [1, 1, 2, 2])
    #expect(image.conv2d(.ones([1, 2, 3, 3])).fault?.operation == "conv2d")
  }

  @Test func theGradientsOfAConvolutionEqualAutograds() throws {
    let random = Generator(seed: 2)
    let x = Tensor.randn([2, 3, 6, 5], using: random).requiringGradient()
    let w = Tensor.randn([4, 3, 3, 3], using: random).requiringGradient()
    let y = x.conv2d(w, stride: 2, padding: 1)
    let dy = Tensor.randn(y.shape, using: random)
    let expected = try y.gradients(of: [x, w], weights: dy)
    #expect(try difference(dy.conv2dInputGradient(x.detach(), w.detach(), stride: 2, padding: 1), expected[0]!) < 1e-5)
    #expect(try difference(dy.conv2dWeightGradient(x.detach(), w.detach(), stride: 2, padding: 1), expected[1]!) < 1e-5)
  }

  @Test func tablesAndClasses() throws {
    let table = counting(3, 2)
    try expect(table.embedding(Tensor([2, 0])), [4, 5, 0, 1], [2, 2])
    #expect(table.embedding(Tensor([3])).fault?.kind == .invalid)
    try expect(Tensor([1, 0]).oneHot(3), [0, 1, 0, 1, 0, 0], [2, 3])
  }

  @Test func layerNormStandardisesTheLastAxis() throws {
    let x = Tensor([1, 3, 10, 30] as [Double], [2, 2])
    try expect(x.layerNorm(eps: 0), [-1, 1, -1, 1], [2, 2], within: 1e-12)
    let weight = Tensor([2, 2] as [Double]), bias = Tensor([1, 1] as [Double])
    try expect(x.layerNorm(weight, bias, eps: 0), [-1, 3, -1, 3], [2, 2], within: 1e-12)
  }

  @Test func poolingAndResizing() throws {
    let image = counting(1, 1, 2, 2)
    try expect(image.avgPool2d(2), [1.5], [1, 1, 1, 1])
    // Of 0 1 2 / 3 4 5 / 6 7 8; beyond the edge there is nothing, no zeros either.
    let square = counting(1, 1, 3, 3)
    try expect(square.avgPool2d(3, stride: 1, padding: 1), [2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6], [1, 1, 3, 3])
    try expect((square - 9).maxPool2d(3, stride: 1, padding: 1), [-5, -4, -4, -2, -1, -1, -2, -1, -1], [1, 1, 3, 3])
    try expect(square.maxPool2d(2, stride: 1), [4, 5, 7, 8], [1, 1, 2, 2])
    try expect(square.maxPool2d(2), [4], [1, 1, 1, 1])
    #expect(image.maxPool2d(3).fault != nil)
    try expect(image.interpolate(height: 2, width: 4, .nearest), [0, 0, 1, 1, 2, 2, 3, 3], [1, 1, 2, 4])
    // Pixels are areas: the new centres lie at -0.25, 0.25, 0.75, 1.25 of the old.
    try expect(counting(1, 1, 1, 2).interpolate(height: 1, width: 4, .bilinear), [0, 0.25, 0.75, 1], [1, 1, 1, 4], within: 1e-6)
    // Keys' kernel with a = -0.75 keeps constants.
    try expect(Tensor.full(2, [1, 1, 3, 3]).interpolate(height: 5, width: 4, .bicubic).mean(), [2], [], within: 1e-6)
    try expect(counting(1, 4, 1, 1).pixelShuffle(2), [0, 1, 2, 3], [1, 1, 2, 2])
    #expect(counting(1, 3, 1, 1).pixelShuffle(2).fault != nil)
    // Two channels of 2 x 4: of each, first the even rows and columns, then the odd columns.
    let unshuffled = counting(1, 2, 2, 4).pixelUnshuffle(2)
    try expect(unshuffled, [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15], [1, 8, 1, 2])
    try expect(unshuffled.pixelShuffle(2), (0..<16).map(Double.init), [1, 2, 2, 4])
    #expect(counting(1, 1, 3, 2).pixelUnshuffle(2).fault != nil)
  }

  @Test func dropoutKeepsTheMean() throws {
    let x = Tensor.ones([10000]).requiringGradient()
    let y = x.dropout(0.4, using: Generator(seed: 9))
    let values = Set(try y.detach().floats())
    #expect(values == [0, 1 / 0.6])
    // Five standard deviations of the mean of 10,000.
    #expect(try abs(y.detach().mean().item() - 1) < 5 * (0.4 / 0.6 / 10000).squareRoot())
    #expect(try y.sum().gradients(of: [x])[0]!.bytes() == y.detach().bytes())
    #expect(x.dropout(1, using: Generator(seed: 9)).fault?.kind == .invalid)
    #expect(x.dropout(-0.1, using: Generator(seed: 9)).fault?.kind == .invalid)
  }
}

@Suite("Packed convolutions as plain ones") struct PackedConvolutionEqualityTests {
  private let random = Generator(seed: 1)

  @Test(arguments: [(3, 1), (1, 1), (3, 2)]) func equalPlainConvolutionsForAnyBatchAndSize(kernel: Int, stride: Int) throws {
    let w = Tensor.randn([16, 8, kernel, kernel], using: random), b = Tensor.randn([16], using: random)
    let packed = PackedConv2d(w, b, stride: stride, padding: kernel / 2, dtype: .float32)
    for (n, h, width) in [(1, 10, 12), (3, 7, 5), (16, 8, 8)] {
      let x = Tensor.randn([n, 8, h, width], using: random).channelsLast()
      let plain = x.conv2d(w, b, stride: stride, padding: kernel / 2)
      let residual = Tensor.randn(plain.shape, using: random)
      let before = try residual.bytes()
      // Sums of 72 products in another order.
      #expect(try difference(packed(x), plain) < 2e-5)
      for r in [residual, residual.channelsLast()] { #expect(try difference(packed(x, addingTo: r), plain + r) < 2e-5) }
      #expect(packed(x).isChannelsLast)
      #expect(try residual.bytes() == before)
    }
  }

  @Test func bfloat16IsExactWithinItsRounding() throws {
    let w = Tensor.randn([8, 4, 3, 3], using: random), x = Tensor.randn([2, 4, 6, 6], using: random)
    let packed = PackedConv2d(w, nil, stride: 1, padding: 1, dtype: .bfloat16)
    let expected = x.to(.bfloat16).to(.float32).conv2d(w.to(.bfloat16).to(.float32), padding: 1)
    let y = packed(x.to(.bfloat16))
    #expect(y.dtype == .bfloat16)
    #expect(try ((y.to(.float32) - expected).abs() - expected.abs() / 256).max().item() < 1e-4)
  }

  @Test func laterChangesOfTheWeightHaveNoEffect() throws {
    let w = Tensor.ones([1, 1, 1, 1]), b = Tensor.ones([1])
    let packed = PackedConv2d(w, b, stride: 1, padding: 0, dtype: .float32)
    try InPlace.copy(.zeros([1, 1, 1, 1]), into: w)
    try InPlace.copy(.zeros([1]), into: b)
    try expect(packed(.full(3, [1, 1, 2, 2])), [4, 4, 4, 4], [1, 1, 2, 2])
  }

  @Test func operandsThatDoNotFitAreAFault() {
    let packed = PackedConv2d(.ones([4, 2, 3, 3]), .ones([4]), stride: 1, padding: 0, dtype: .float32)
    let x = Tensor.ones([1, 2, 5, 5])
    for y in [
      packed(.ones([1, 3, 5, 5])), packed(.ones([2, 5, 5])), packed(x.to(.bfloat16)), packed(.ones([1, 2, 2, 2])),
      packed(x, addingTo: .ones([1, 4, 5, 5])), packed(x, addingTo: .ones([1, 1, 3, 3])),
      packed(x, addingTo: Tensor.ones([1, 4, 3, 3]).to(.bfloat16)),
      PackedConv2d(.ones([4, 2, 3]), nil, stride: 1, padding: 0, dtype: .float32)(x),
      PackedConv2d(.ones([4, 2, 3, 3]), .ones([3]), stride: 1, padding: 0, dtype: .float32)(x),
      PackedConv2d(.ones([4, 2, 3, 3]), nil, stride: 0, padding: 0, dtype: .float32)(x),
    ] {
      #expect(y.fault?.kind == .invalid)
    }
    #expect(packed(broken).fault == broken.fault)
    #expect(PackedConv2d(broken, nil, stride: 1, padding: 0, dtype: .float32)(x).fault == broken.fault)
  }
}
