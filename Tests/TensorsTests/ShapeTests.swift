import Testing

@testable import Tensors

@Suite("Shapes") struct ShapeTests {
  let x = counting(2, 3)

  @Test func axesAreRearranged() throws {
    try expect(x.reshape(3, -1), [0, 1, 2, 3, 4, 5], [3, 2])
    try expect(x.reshape([6]), [0, 1, 2, 3, 4, 5])
    try expect(x.transpose(0, 1), [0, 3, 1, 4, 2, 5], [3, 2])
    #expect(counting(2, 3, 4).permute(2, 0, 1).shape == [4, 2, 3])
    try expect(counting(2, 3, 4).permute(2, 0, 1).select(0, 1), [1, 5, 9, 13, 17, 21], [2, 3])
    try expect(x.flip(1), [2, 1, 0, 5, 4, 3], [2, 3])
    try expect(x.flip(0, 1), [5, 4, 3, 2, 1, 0], [2, 3])
    #expect(x.unsqueeze(0).shape == [1, 2, 3])
    #expect(x.unsqueeze(-1, -1).shape == [2, 3, 1, 1])
    #expect(x.unsqueeze(0, 2).shape == [1, 2, 1, 3])
    #expect(x.unsqueeze(1).squeeze(1).shape == [2, 3])
    #expect(x.reshape(4, 2).fault?.operation == "reshape")
  }

  @Test func elementsAreRepeated() throws {
    try expect(counting(2, 1).expand(-1, 3), [0, 0, 0, 1, 1, 1], [2, 3])
    try expect(counting(2).repeat(2), [0, 1, 0, 1])
    try expect(counting(1, 2).repeat(2, 1), [0, 1, 0, 1], [2, 2])
    try expect(counting(2).repeatInterleave(2, dim: 0), [0, 0, 1, 1])
  }

  @Test func partsAreTaken() throws {
    try expect(x.select(1, -1), [2, 5])
    try expect(counting(6).slice(0, 1..<6, step: 2), [1, 3, 5])
    try expect(x.narrow(1, 1, 2), [1, 2, 4, 5], [2, 2])
    try expect(x.image(1), [3, 4, 5], [1, 3])
    try expect(x.indexSelect(1, Tensor([2, 0])), [2, 0, 5, 3], [2, 2])
    try expect(x.gather(1, Tensor([2, 0], [2, 1])), [2, 3], [2, 1])
    let parts = counting(2, 4).chunk(2, dim: 1)
    try expect(parts[1], [2, 3, 6, 7], [2, 2])
    let split = counting(6).split([1, 3, 2], dim: 0)
    #expect(split.map(\.shape) == [[1], [3], [2]])
    try expect(split[2], [4, 5])
  }

  @Test func stridedViewsShareMemory() throws {
    let view = x.strided([2, 2], strides: [3, 2], from: 0)
    try expect(view, [0, 2, 3, 5], [2, 2])
    #expect(view.strides == [3, 2])
    try expect(x.strided([2, 3], strides: [0, 1], from: 3), [3, 4, 5, 3, 4, 5], [2, 3])
    try expect(x.strided([], strides: [], from: 5), [5], [])
    for (shape, strides, start) in [([7], [1], 0), ([2], [5], 1), ([2], [1, 1], 0), ([2], [-1], 1), ([2], [1], -1)] {
      #expect(x.strided(shape, strides: strides, from: start).fault?.kind == .invalid, "\(shape) \(strides) \(start)")
    }
  }

  @Test func slicesOutOfRangeAreFaults() {
    for fault in [
      x.narrow(1, 2, 2).fault, x.narrow(0, -1, 1).fault, x.narrow(0, 0, -1).fault, x.narrow(0, 1, .max).fault, x.image(2).fault,
      x.select(1, 3).fault, x.chunk(2, dim: 1)[1].fault, x.chunk(0, dim: 1)[0].fault, x.split([1, 1], dim: 1)[0].fault,
      x.split([4, -1], dim: 1)[0].fault, x.gather(1, Tensor([5], [1, 1])).fault, x.indexSelect(1, Tensor([3])).fault,
    ] {
      #expect(fault?.kind == .invalid)
    }
    #expect(x.chunk(2, dim: 1).count == 2)
    #expect(x.split([1, 1], dim: 1).count == 2)
  }

  @Test func tensorsAreJoined() throws {
    try expect(.cat([x, x.narrow(1, 0, 1)], dim: 1), [0, 1, 2, 0, 3, 4, 5, 3], [2, 4])
    try expect(.stack([counting(2), counting(2) + 2]), [0, 1, 2, 3], [2, 2])
    try expect(.stack([counting(2), counting(2) + 2], dim: 1), [0, 2, 1, 3], [2, 2])
    #expect(Tensor.cat([x, counting(3, 2)], dim: 1).fault?.operation == "cat")
    #expect(Tensor.stack([]).fault != nil)
  }

  @Test func imagesArePadded() throws {
    let image = Tensor([1, 2, 3, 4] as [Float], [1, 1, 2, 2])
    try expect(image.pad(top: 1, bottom: 0, left: 0, right: 1), [0, 0, 0, 1, 2, 0, 3, 4, 0], [1, 1, 3, 3])
    try expect(image.pad(top: 0, bottom: 1, left: 1, right: 0, with: .constant(9)), [9, 1, 2, 9, 3, 4, 9, 9, 9], [1, 1, 3, 3])
    try expect(image.pad(top: 1, bottom: 0, left: 0, right: 0, with: .reflect), [3, 4, 1, 2, 3, 4], [1, 1, 3, 2])
    try expect(image.pad(top: 0, bottom: 0, left: 2, right: 0, with: .replicate), [1, 1, 1, 2, 3, 3, 3, 4], [1, 1, 2, 4])
  }

  @Test func aCloneHasItsOwnMemory() throws {
    let copy = x.clone()
    try InPlace.copy(.zeros([2, 3]), into: copy)
    try expect(x.sum(), [15], [])
    try expect(copy.sum(), [0], [])
  }
}

@Suite("Layout of images") struct LayoutTests {
  private let x = Tensor.randn([2, 4, 3, 5], using: Generator(seed: 1)).channelsLast()

  @Test func channelsLastChangesStridesAndNothingElse() throws {
    #expect(x.isChannelsLast)
    #expect(x.strides == [60, 1, 20, 4])
    #expect(try x.bytes() == x.contiguous().bytes())
    #expect(x.contiguous().isContiguous)
  }

  @Test func isPreservedByNetworkOperations() throws {
    let kept: [(String, Tensor)] = [
      ("+", x + x), ("+ number", x + 1), ("broadcast", x * Tensor.ones([2, 4, 1, 1])), ("silu", x.silu()), ("to", x.to(.bfloat16)),
      ("clone", x.clone()), ("detach", x.detach()), ("leaf", x.requiringGradient()), ("cat", .cat([x, x], dim: 1)),
      ("conv2d", x.conv2d(.ones([8, 4, 3, 3]), padding: 1)), ("avgPool2d", x.avgPool2d(2)), ("maxPool2d", x.maxPool2d(2)),
      ("norm", x.groupNorm(groups: 2)),
      ("interpolate", x.interpolate(height: 6, width: 10, .nearest)), ("clamp", x.clamp(0...1)), ("narrow", x.narrow(0, 1, 1)),
      ("zeros times", x.detach() * 0), ("pad", x.pad(top: 1, bottom: 1, left: 1, right: 1)),
      ("dropout", x.dropout(0.5, using: Generator(seed: 1))),
      ("rows of pixels and back", x.permute(0, 2, 3, 1).reshape(2, 15, 4).reshape(2, 3, 5, 4).permute(0, 3, 1, 2)),
    ]
    for (name, y) in kept { #expect(y.isChannelsLast, "\(name) \(y)") }
  }
}
