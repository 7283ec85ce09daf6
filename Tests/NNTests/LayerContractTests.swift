import Foundation
import Tensors
import Testing

@testable import NN

/// A kind of layer: how to create it, its state, and a batch of three images as input.
struct LayerKind: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let state: [String: [Int]]
  let make: @Sendable (Initializer) -> any Preparable
  /// Three images along the first axis, in the dtype of the layer's input in a network prepared for `dtype`.
  let input: @Sendable (DType) -> Tensor
  let run: @Sendable (any Preparable, Tensor) -> Tensor

  init<Layer: Preparable & SendableMetatype>(
    _ name: String, state: [String: [Int]], input: @escaping @Sendable (DType) -> Tensor,
    make: @escaping @Sendable (Initializer) -> Layer, run: @escaping @Sendable (Layer, Tensor) -> Tensor
  ) {
    testDescription = name
    self.state = state
    self.input = input
    self.make = make
    self.run = { run($0 as! Layer, $1) }
  }

  private static let images: @Sendable (DType) -> Tensor = {
    .randn([3, 4, 5, 5], using: Generator(seed: 2)).to($0).channelsLast()
  }
  private static let positions: @Sendable (DType) -> Tensor = { .randn([3, 5, 4], using: Generator(seed: 3)).to($0) }
  /// Timestep and class embeddings stay float32.
  private static let rows: @Sendable (DType) -> Tensor = { _ in .randn([3, 4], using: Generator(seed: 4)) }
  private static let modulation = Tensor.randn([3, 4], using: Generator(seed: 5))

  static let all = [
    LayerKind("linear", state: ["weight": [6, 4], "bias": [6]], input: rows) {
      Linear(4, 6, using: $0)
    } run: {
      $0($1)
    },
    LayerKind("linear without a bias", state: ["weight": [6, 4]], input: rows) {
      Linear(4, 6, bias: false, using: $0)
    } run: {
      $0($1)
    },
    LayerKind("convolution", state: ["weight": [6, 4, 3, 3], "bias": [6]], input: images) {
      Conv2d(4, 6, using: $0)
    } run: {
      $0($1)
    },
    LayerKind("strided convolution", state: ["weight": [6, 4, 3, 3], "bias": [6]], input: images) {
      Conv2d(4, 6, stride: 2, using: $0)
    } run: {
      $0($1)
    },
    LayerKind("convolution of kernel 1", state: ["weight": [6, 4, 1, 1], "bias": [6]], input: images) {
      Conv2d(4, 6, kernel: 1, using: $0)
    } run: {
      $0($1)
    },
    LayerKind("convolution without a bias", state: ["weight": [4, 4, 3, 3]], input: images) {
      Conv2d(4, 4, bias: false, using: $0)
    } run: {
      $0($1, addingTo: $1)
    },
    LayerKind("pointwise convolution", state: ["weight": [6, 4, 1], "bias": [6]], input: positions) {
      PointwiseConv1d(4, 6, using: $0)
    } run: {
      $0($1)
    },
    LayerKind("pointwise linear", state: ["weight": [6, 4], "bias": [6]], input: positions) {
      PointwiseLinear(4, 6, using: $0)
    } run: {
      $0($1)
    },
    LayerKind("group norm", state: ["weight": [4], "bias": [4]], input: images) {
      GroupNorm(4, groups: 2, using: $0)
    } run: {
      $0($1)
    },
    LayerKind("modulated group norm", state: ["weight": [4], "bias": [4]], input: images) {
      GroupNorm(4, groups: 2, using: $0)
    } run: { layer, x in
      let rows = modulation.narrow(0, 0, x.size(0))
      return layer(x, scale: rows, shift: rows, activation: .silu)
    },
    LayerKind("embedding", state: ["weight": [5, 3]], input: { _ in Tensor([4, 0, 2]) }) {
      Embedding(5, 3, using: $0)
    } run: {
      $0($1)
    },
  ]
}

/// What networks rely on in every layer with weights.
@Suite("Every layer") struct LayerContractTests {
  private let initializer = Initializer(Generator(seed: 1))

  /// A layer whose parameters are all non-trivial: norms start with a weight of one and a bias of zero.
  private func layer(_ kind: LayerKind) throws -> any Preparable {
    let layer = kind.make(initializer), random = Generator(seed: 6)
    for parameter in layer.parameters() {
      try parameter.assign(parameter.value.detach() + 0.1 * Tensor.randn(parameter.value.shape, using: random))
    }
    return layer
  }

  @Test func isInTheTable() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Sources/NN/Layers.swift")
    let source = try String(contentsOf: file, encoding: .utf8)
    let layers = Set(source.matches(of: /final class (\w+): Module, Preparable/).map { String($0.1) })
    let made = Set(LayerKind.all.map { "\(type(of: $0.make(.shapes)))" })
    #expect(layers == made)
    #expect(layers.count >= 6)
  }

  @Test(arguments: LayerKind.all) func hasPyTorchsNamesAndShapes(kind: LayerKind) {
    let layer = kind.make(initializer)
    let found = layer.stateDict().entries.map { ($0.name, $0.tensor.shape) }
    #expect(Dictionary(uniqueKeysWithValues: found) == kind.state)
    #expect(layer.parameters().count == kind.state.count)
  }

  @Test(arguments: LayerKind.all) func passesGradientsToEveryParameter(kind: LayerKind) throws {
    let layer = try layer(kind), y = kind.run(layer, kind.input(.float32))
    try (y * y).sum().backward()
    for (name, parameter) in layer.namedParameters() {
      let gradient = try #require(parameter.value.gradient, "\(name)")
      #expect(gradient.shape == parameter.value.shape && gradient.dtype == .float32, "\(name)")
      #expect(try gradient.abs().max().item() > 0, "\(name)")
    }
  }

  @Test(arguments: LayerKind.all, [DType.float32, .bfloat16]) func treatsEachImageAlone(kind: LayerKind, dtype: DType) throws {
    let layer = try layer(kind), x = kind.input(dtype)
    try layer.prepare(for: dtype)
    let together = kind.run(layer, x)
    // The first image, whose modulation is the same in a batch of one.
    let alone = kind.run(layer, x.image(0))
    let difference = (together.image(0) - alone).to(.float32).abs().max()
    // Kernels may depend on the batch size; results have magnitudes of 1 to 10, of which bfloat16 keeps 8 bits.
    #expect(try difference.item() < (dtype == .float32 ? 1e-5 : 0.07))
    #expect(try kind.run(layer, Tensor.cat([x.image(0), x.image(2), x.image(1)], dim: 0)).image(0).bytes() == together.image(0).bytes())
  }

  @Test(arguments: LayerKind.all, [DType.float32, .bfloat16])
  func agreesWithItsPreparedCopy(kind: LayerKind, dtype: DType) throws {
    let original = try layer(kind), copy = kind.make(.shapes)
    for (to, from) in zip(copy.parameters(), original.parameters()) { to.replace(with: from.value.detach()) }
    let before = try original.parameters().map { try $0.value.floats() }
    try copy.prepare(for: dtype)
    #expect(try original.parameters().map { try $0.value.floats() } == before)
    #expect(original.parameters().allSatisfy { $0.value.requiresGradient && $0.value.dtype == .float32 })
    let x = kind.input(dtype), y = kind.run(copy, x)
    #expect(!y.requiresGradient)
    let plain = kind.run(original, kind.input(.float32)).detach(), found = y.to(.float32)
    // bfloat16 keeps 8 bits of each product's factors; sums have 36 terms at most.
    #expect(try (found - plain).norm().item() <= (dtype == .float32 ? 1e-6 : 0.01) * plain.norm().item())
    for parameter in original.parameters() { try parameter.assign(.full(7, like: parameter.value)) }
    #expect(try kind.run(copy, x).to(.float32).floats() == found.floats())
  }
}
