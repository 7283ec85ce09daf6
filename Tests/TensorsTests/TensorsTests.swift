import Testing

@testable import Tensors

@Suite("Tensors") struct TensorBasicsTests {
  @Test func aSeedGivesPyTorchsNumbers() throws {
    // torch.manual_seed(42); torch.randn(4)
    let values = try Tensor.randn([4], using: Generator(seed: 42)).floats()
    for (a, b) in zip(values, [0.33669036, 0.12880941, 0.23446237, 0.23033303] as [Float]) { #expect(abs(a - b) < 1e-6) }
  }
  @Test func aFaultTravelsToTheEnd() throws {
    let bad = Tensor.ones([2, 3]).matmul(.ones([4, 5]))
    let later = (bad + 1).silu().sum()
    #expect(throws: TorchFault.self) { try later.item() }
    #expect(later.fault?.operation == "matmul")
    #expect(bad.chunk(2, dim: 1).count == 2)
  }
  @Test func outOfMemoryIsToldApart() {
    let huge = Tensor.empty([1 << 50])
    #expect(huge.fault?.kind == .outOfMemory)
  }
  @Test func gradientsFlow() throws {
    let w = Tensor.full(3, [2]).requiringGradient()
    try (w * w).sum().backward()
    #expect(try w.gradient!.floats() == [6, 6])
  }
  @Test func fusedNormEqualsItsComposition() throws {
    let g = Generator(seed: 1)
    for (n, c, h, w, groups) in [(1, 32, 7, 5, 32), (3, 64, 9, 9, 32), (2, 24, 8, 8, 4), (5, 48, 16, 16, 8), (1, 160, 20, 20, 32)] {
      let x = (Tensor.randn([n, c, h, w], using: g) + 30).channelsLast()
      let weight = Tensor.randn([c], using: g), bias = Tensor.randn([c], using: g)
      let scale = Tensor.randn([n, c], using: g), shift = Tensor.randn([n, c], using: g)
      let fused = x.groupNorm(groups: groups, weight, bias, scale: scale, shift: shift, activation: .silu)
      // libtorch's own float32 kernel loses digits to a large mean (4e-4 here), so the composition runs in float64.
      let composed = x.to(.float64).requiringGradient().groupNorm(
        groups: groups, weight.to(.float64), bias.to(.float64), scale: scale, shift: shift, activation: .silu)
      #expect(try (fused.to(.float64) - composed.detach()).abs().max().item() < 3e-5)
      #expect(fused.isChannelsLast)
    }
  }
  @Test func packedConvolutionEqualsPlain() throws {
    let g = Generator(seed: 1)
    let w = Tensor.randn([16, 8, 3, 3], using: g), b = Tensor.randn([16], using: g)
    let p = PackedConv2d(w, b, stride: 1, padding: 1, dtype: .float32)
    for n in [1, 3, 16] {
      let x = Tensor.randn([n, 8, 10, 12], using: g).channelsLast(), r = Tensor.randn([n, 16, 10, 12], using: g)
      #expect(try (p(x) - x.conv2d(w, b, padding: 1)).abs().max().item() < 1e-4)
      #expect(try (p(x, addingTo: r) - (r + x.conv2d(w, b, padding: 1))).abs().max().item() < 1e-4)
    }
  }
  @Test func everyThreadWorks() {
    Torch.threadCount = 2
    #expect(Torch.parallelBackend == "gomp")
    #expect(Torch.libraryVersion == Torch.headerVersion)
  }
}
