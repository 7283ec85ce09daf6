import Testing

@testable import Tensors

/// Convolutions for inference: that their weights are packed once for each size of images. The count of packings is that of the process,
/// so these tests run one after the other, and count what no other test packs meanwhile.
@Suite("Packed convolutions", .serialized) struct PackedConvolutionTests {
  private let random = Generator(seed: 5)

  private func images(_ count: Int, _ channels: Int, _ size: Int) -> Tensor {
    .randn([count, channels, size, size], using: random).channelsLast()
  }

  @Test(arguments: [(16, 24, 3, 1), (3, 16, 3, 1), (16, 16, 3, 2), (16, 48, 1, 1)])
  func equalTheSameConvolutionThatIsNotPacked(inputs: Int, outputs: Int, kernel: Int, stride: Int) throws {
    let weight = Tensor.randn([outputs, inputs, kernel, kernel], using: random) / Double(inputs * kernel * kernel).squareRoot()
    let bias = Tensor.randn([outputs], using: random)
    let packed = PackedConv2d(weight, bias, stride: stride, padding: kernel / 2, dtype: .float32)
    // Several sizes in turn, each twice: more than are kept.
    for size in [8, 9, 10, 11, 12, 8, 9] {
      for count in [1, 3] {
        let x = images(count, inputs, size), rows = Tensor.randn([count, outputs], using: random)
        let plain = x.conv2d(weight, bias, stride: stride, padding: kernel / 2), residual = Tensor.randn(plain.shape, using: random)
        // Sums of up to 150 products of about 1, rounded in another order.
        #expect(try (packed(x) - plain).abs().max().item() < 2e-5)
        let all = packed(x, perImage: rows, addingTo: residual.channelsLast())
        #expect(try (all - (plain + rows.unsqueeze(-1, -1) + residual)).abs().max().item() < 2e-5)
        #expect(try (packed(x, addingTo: residual) - (plain + residual)).abs().max().item() < 2e-5)
      }
    }
  }

  @Test func keptTransformedWeightsGiveTheSameBytes() throws {
    let weight = Tensor.randn([48, 32, 3, 3], using: random), x = images(2, 32, 12)
    let packed = PackedConv2d(weight, nil, stride: 1, padding: 1, dtype: .float32)
    guard ConvolutionTests.hasKernels else { return }  // oneDNN does not promise it
    #expect(try packed(x).bytes() == x.conv2d(weight, padding: 1).bytes())
    // Images of more tiles than weights are kept for, before and after they are.
    let large = images(1, 32, 72), expected = try large.conv2d(weight, padding: 1).bytes()
    #expect(try packed(large).bytes() == expected)
    #expect(try PackedConv2d(weight, nil, stride: 1, padding: 1, dtype: .float32)(large).bytes() == expected)
  }

  @Test func wrongAddendsAreFaults() {
    let packed = PackedConv2d(.ones([16, 16, 3, 3]), nil, stride: 1, padding: 1, dtype: .float32)
    #expect(packed(images(2, 16, 8), perImage: .ones([1, 16])).fault?.kind == .invalid)
    #expect(packed(images(2, 16, 8), addingTo: .ones([2, 16, 8, 7])).fault?.kind == .invalid)
    #expect(packed(images(2, 15, 8)).fault?.kind == .invalid)
  }
}
