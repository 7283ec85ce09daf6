import Checkpoints
import Foundation
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("Every denoising network") struct NetworkContractTests {
  typealias Batch = TinyNetworks.Batch

  @Test(arguments: TinyNetworks.names) func givesAnImageOfFloat32ForEachImage(name: String) throws {
    let network = try TinyNetworks.network(name)
    for (height, width) in try [(8, 8)] + TinyNetworks.tiny(name).sizes {
      let y = try network.infer(Batch(for: name, count: 2, height: height, width: width)).validated()
      #expect(y.shape == [2, 6, height, width] && y.dtype == .float32)
      #expect(try y.isFinite().all().item() == 1)
    }
  }

  @Test(arguments: TinyNetworks.names) func everyParameterReceivesAGradient(name: String) throws {
    let network = try TinyNetworks.network(name), batch = Batch(for: name)
    let y = network.run(batch, mode: .training(Generator(seed: 1)))
    try (y * Tensor.randn(y.shape, using: Generator(seed: 2))).sum().backward()
    for (name, parameter) in network.namedParameters() {
      let norm = try #require(parameter.gradient, "\(name)").norm().item()
      // What all keys have in common softmax takes away again.
      if name.hasSuffix(".to_k.bias") { continue }
      // The loss is a sum of some thousand terms of order 1; rounding alone would leave 1e-5 and less.
      #expect(norm.isFinite && norm > 1e-3, "\(name): \(norm)")
    }
  }

  @Test(arguments: TinyNetworks.names) func imagesOfABatchDoNotAffectEachOther(name: String) throws {
    let network = try TinyNetworks.network(name), batch = Batch(for: name)
    let together = try network.infer(batch).validated()
    for index in 0..<3 {
      // Kernels depend on the batch's size; 1e-6 per operation was seen.
      #expect(try (network.infer(batch.image(index)) - together.image(index)).abs().max().item() < 1e-4)
    }
  }

  @Test(arguments: TinyNetworks.names) func theOutputDependsOnLabelsTimestepsAndEveryPixel(name: String) throws {
    let network = try TinyNetworks.network(name), batch = Batch(for: name, count: 1)
    let y = network.infer(batch)
    var other = batch
    if batch.conditioning.labels != nil {
      other.conditioning.labels = Tensor([4])
      #expect(try relativeError(network.infer(other), y) > 1e-3)
    }
    other = batch
    other.timesteps = Tensor([4.5] as [Float])
    #expect(try relativeError(network.infer(other), y) > 1e-3)
    other = batch
    other.x = batch.x.requiringGradient()
    let z = network.run(other, mode: .inference)
    // Attention, or the vector that all passes through, lets one corner of the output see all of the input.
    let seen = try #require(try z.select(3, 0).select(2, 0).sum().gradients(of: [other.x])[0])
    #expect(try seen.abs().min().item() > 0)
  }

  @Test(arguments: TinyNetworks.names) func aNetworkOfShapesAloneHasTheSameKeysAndParameterCount(name: String) throws {
    let recipe = try TinyNetworks.recipe(name)
    let shapes = try recipe.makeNetwork(using: .shapes), real = try recipe.makeNetwork(using: Initializer(Generator(seed: 1)))
    #expect(shapes.state().map { "\($0.name) \($0.entry.value.shape)" } == real.state().map { "\($0.name) \($0.entry.value.shape)" })
    #expect(shapes.parameterCount == real.parameterCount && real.parameterCount > 0)
    #expect(shapes.state().allSatisfy { $0.entry.value.device == .meta })
  }

  /// The check before a training and the count of FLOPs do so.
  @Test(arguments: TinyNetworks.names) func aForwardPassRunsOnShapesAlone(name: String) throws {
    let network = try TinyNetworks.recipe(name).makeNetwork(using: .shapes)
    let y = network.run(Batch(for: name).shapes, mode: .training(Generator(seed: 1)))
    #expect(try y.validated().shape == [3, 6, 8, 8] && y.device == .meta)
  }

  @Test(arguments: TinyNetworks.names) func theSameSeedGivesTheSameNetwork(name: String) throws {
    func values(_ seed: UInt64) throws -> [[Float]] {
      try TinyNetworks.recipe(name).makeNetwork(using: Initializer(Generator(seed: seed))).stateDict().entries.map {
        try $0.tensor.floats()
      }
    }
    #expect(try values(1) == values(1))
    #expect(try values(1) != values(2))
  }

  @Test(arguments: TinyNetworks.names) func anUntrainedNetworkOutputsZero(name: String) throws {
    // The last layer starts from zero, so that the first step does not begin with noise.
    let network = try TinyNetworks.recipe(name).makeNetwork(using: Initializer(Generator(seed: 1)))
    #expect(try network.infer(Batch(for: name)).abs().max().item() == 0)
  }

  // MARK: Ready for inference

  @Test(arguments: TinyNetworks.names, [(DType.float32, 1e-5), (.bfloat16, 0.03)])
  func aPreparedCopyComputesTheSame(name: String, precision: (dtype: DType, tolerance: Double)) throws {
    let network = try TinyNetworks.network(name), batch = Batch(for: name)
    let plain = network.infer(batch)
    let y = try network.prepared(for: precision.dtype).infer(batch).validated()
    #expect(y.dtype == .float32)
    // In bfloat16 each of some thirty layers rounds to 8 bits, 0.4 % at most.
    #expect(try relativeError(y, plain) < precision.tolerance)
    if precision.dtype == .float32 { #expect(try (y - plain).abs().max().item() < 1e-4) }
  }

  @Test(arguments: TinyNetworks.names, [DType.float32, .bfloat16])
  func aPreparedCopyIsIndependentOfTheOriginal(name: String, dtype: DType) throws {
    let network = try TinyNetworks.network(name), batch = Batch(for: name)
    let before = try network.stateDict().entries.map { try $0.tensor.floats() }
    let copy = try network.prepared(for: dtype)
    let y = try copy.infer(batch).floats()
    #expect(try network.stateDict().entries.map { try $0.tensor.floats() } == before)
    #expect(network.parameters().allSatisfy { $0.value.requiresGradient })
    for parameter in network.parameters() { try parameter.assign(parameter.value.detach() * 2 + 1) }
    #expect(try copy.infer(batch).floats() == y)
    #expect(throws: TorchFault.self) { try copy.load(network.stateDict()) }
    #expect(throws: TorchFault.self) { try copy.prepared(for: dtype) }
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).safetensors").path
    #expect(throws: TorchFault.self) { try Safetensors.write(copy.stateDict(), to: path) }
    #expect(!FileManager.default.fileExists(atPath: path))
  }
}
