import Testing

@testable import Tensors

@Suite("Counting memory on the meta device") struct MemoryAccountTests {
  private func meta(_ shape: [Int], _ dtype: DType = .float32) -> Tensor { .empty(shape, dtype: dtype, on: .meta) }

  @Test func aStorageCountsUntilItsReleaseAndViewsCountNothing() throws {
    let account = MemoryAccount(small: 1000)
    var x: Tensor? = account.counting { meta([10, 25]) }
    #expect(account.live == 1000 && account.smallLive == 0)
    var view: Tensor? = account.counting { x!.reshape(25, 10).transpose(0, 1) }
    #expect(account.live == 1000)
    account.counting { _ = meta([50], .bfloat16) }
    #expect(account.live == 1000 && account.peak == 1100 && account.smallPeak == 100)
    x = nil
    #expect(account.live == 1000)  // the view holds it
    #expect(try view?.validated().shape == [10, 25])
    view = nil
    #expect(account.live == 0 && account.peak == 1100)
    account.restartPeaks()
    #expect(account.peak == 0 && account.smallPeak == 0)
  }

  @Test func onlyTensorsCreatedInTheScopeCount() {
    let outer = MemoryAccount(), inner = MemoryAccount()
    let before = meta([7])
    let made = outer.counting { [meta([1]), inner.counting { meta([2]) }, Tensor.shapeAlone([3]), Tensor.ones([4]), meta([5])] }
    #expect(outer.live == 4 * (1 + 5) && inner.live == 4 * 2)
    withExtendedLifetime((before, made)) {}
  }

  @Test func tensorsKeptForTheBackwardPassCountUntilTheyAreUsed() throws {
    let account = MemoryAccount()
    let weight = Tensor.empty([8, 4, 3, 3], on: .meta).requiringGradient(), image = 2 * 6 * 6 * 4
    try account.counting {
      let x = meta([2, 4, 6, 6]).channelsLast()
      let y = x.conv2d(weight, padding: 1)  // keeps x
      let loss = y.silu().sum()  // keeps y
      _ = consume y
      #expect(account.live == image * 4 + image * 8 + 4)
      try loss.backward()
    }
    #expect(account.live == weight.count * 4)
    #expect(weight.gradient?.shape == [8, 4, 3, 3])
  }

  @Test func withoutGradientsNothingIsKept() {
    let account = MemoryAccount(), weight = Tensor.empty([8, 4, 3, 3], on: .meta).requiringGradient()
    let y = account.counting { withoutGradient { meta([2, 4, 6, 6]).channelsLast().conv2d(weight, padding: 1).silu().mean(2, 3) } }
    #expect(account.live == 2 * 8 * 4 && y.shape == [2, 8])
  }

  /// Compares every network operation that has its own gradient on the meta device with the same on the CPU.
  @Test(arguments: [DType.float32, .bfloat16]) func gradientsHaveTheSameShapesAndDtypesAsOnTheCPU(dtype: DType) throws {
    func outcome(on device: Device) throws -> [String] {
      let random = Generator(seed: 1)
      func leaf(_ shape: [Int]) -> Tensor { Tensor.randn(shape, using: random).to(device).requiringGradient() }
      let x = leaf([2, 4, 6, 6]), weight = leaf([32, 4, 3, 3]), bias = leaf([32]), rows = leaf([2, 32]), map = leaf([96, 32])
      let table = leaf([5, 32])
      let labels = device == .meta ? Tensor.empty([2], dtype: .int64, on: .meta) : Tensor([1, 3])
      let y = withAutocast(to: dtype, on: device) {
        let h = x.channelsLast().conv2d(weight, bias, padding: 1)
        let n = h.groupNorm(groups: 4, bias, bias, scale: rows, shift: table.embedding(labels), activation: .silu)
        let m = n.permute(0, 2, 3, 1).reshape(2, 36, 32).layerNorm().layerNorm(bias, bias)
        let parts = m.linear(map).reshape(2, 36, 3, 2, 16)
        return Tensor.attention(parts.select(2, 0).transpose(1, 2), parts.select(2, 1).transpose(1, 2), parts.select(2, 2).transpose(1, 2))
      }
      try y.to(.float32).sum().backward()
      return ["\(y.shape) \(y.dtype)"]
        + [x, weight, bias, rows, map, table].map { leaf in leaf.gradient.map { "\($0.shape) \($0.dtype)" } ?? "none" }
    }
    let found = try outcome(on: .meta)
    #expect(try found == outcome(on: .cpu))
    #expect(found[0].hasSuffix(dtype.rawValue))
  }

  @Test(arguments: [Device.cpu, .meta]) func aLayerNormWhoseWeightDoesNotFitIsAFault(device: Device) {
    let x = Tensor.empty([2, 3], on: device)
    #expect(x.layerNorm(.empty([3], on: device)).fault == nil)
    #expect(x.layerNorm(.empty([2], on: device)).fault != nil)
    #expect(Tensor.empty([], on: device).layerNorm().fault != nil)
  }

  @Test func imagesOfOneChannelStayChannelsLast() {
    let x = Tensor.ones([2, 1, 6, 6]).channelsLast(), y = x.conv2d(.ones([8, 1, 3, 3]), padding: 1)
    #expect(y.isChannelsLast && !y.isContiguous)
    #expect(x.shape == [2, 1, 6, 6] && x.requiringGradient().channelsLast().isChannelsLast)
  }
}
