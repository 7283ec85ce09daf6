import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("The ADM UNet") struct ADMUNetTests {
  typealias Batch = TinyNetworks.Batch

  // MARK: Checkpoints

  @Test(arguments: TinyNetworks.references.indices) func keysAndShapesMatchTheReference(index: Int) throws {
    let (file, recipe) = TinyNetworks.references[index]
    let state = try recipe.makeNetwork(using: .shapes).state()
    let lines = state.map { ([$0.name] + $0.entry.value.shape.map { "\($0)" }).joined(separator: " ") }
    #expect(lines.sorted() == (try TinyNetworks.golden(file)).sorted())
  }

  @Test func theNetworkOfTheBenchmarkHasEightMillionParametersAnd58GFLOP() throws {
    var recipe = ADMUNet.Recipe()
    recipe.modelChannels = 64
    recipe.channelMult = [1, 2, 2]
    recipe.attentionResolutions = [16, 8]
    recipe.adapt(to: NetworkInputSpec(channels: 3, outputChannels: 3, height: 32, width: 32, classRows: nil))
    let network = try recipe.makeNetwork(using: .shapes)
    #expect(abs(Double(network.parameterCount) / 8.0e6 - 1) < 0.01, "\(network.parameterCount)")
    let count = OperationCount.measure {
      let y = network(.empty([16, 3, 32, 32], on: .meta), timesteps: .empty([16], on: .meta), conditioning: .none, mode: .inference)
      #expect(y.fault == nil)
      #expect(y.shape == [16, 3, 32, 32] && y.device == .meta)
    }
    #expect(abs(count.flops / 58.4e9 - 1) < 0.01, "\(count.flops)")
  }

  // MARK: Options

  /// One change of the tiny configuration.
  struct Variant: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout ADMUNet.Recipe) -> Void
  }

  static let variants = [
    Variant(testDescription: "added embedding") { $0.useScaleShiftNorm = false },
    Variant(testDescription: "layers that resample") { $0.resblockUpdown = false },
    Variant(testDescription: "layers that pool and repeat") { ($0.resblockUpdown, $0.convResample) = (false, false) },
    Variant(testDescription: "legacy order of attention") { $0.useNewAttentionOrder = false },
    Variant(testDescription: "no classes") { $0.numClasses = nil },
    Variant(testDescription: "two blocks a level, heads by number") { ($0.numResBlocks, $0.numHeadChannels, $0.numHeads) = (2, -1, 4) },
    Variant(testDescription: "attention at every level, other heads in the decoder") {
      ($0.attentionResolutions, $0.numHeadChannels, $0.numHeads, $0.numHeadsUpsample) = ([8, 4], -1, 2, 4)
    },
    Variant(testDescription: "one level") { ($0.channelMult, $0.attentionResolutions) = ([1], []) },
  ]

  private func network(_ variant: Variant, _ initializer: Initializer) throws -> ADMUNet {
    var recipe = try #require(try TinyNetworks.recipe(ADMUNet.Recipe.name) as? ADMUNet.Recipe)
    variant.change(&recipe)
    return try ADMUNet(recipe, using: initializer)
  }

  @Test(arguments: variants) func everyOptionTrainsAndPrepares(variant: Variant) throws {
    let generator = Generator(seed: 1)
    let network = try network(variant, Initializer(generator))
    for parameter in network.parameters() {
      try parameter.assign(parameter.value.detach() + 0.02 * Tensor.randn(parameter.shape, using: generator))
    }
    var batch = Batch(count: 2)
    if network.recipe.numClasses == nil { batch.conditioning.labels = nil }
    let y = network(
      batch.x, timesteps: batch.timesteps, conditioning: batch.conditioning, mode: .training(generator))
    try y.square().mean().backward()
    for (name, parameter) in network.namedParameters() {
      #expect(try #require(parameter.gradient, "\(name)").norm().item() > 0, "\(name)")
    }
    #expect(try relativeError(network.prepared(for: .float32).infer(batch), y.detach()) < 1e-5)
    #expect(try relativeError(network.prepared(for: .bfloat16).infer(batch), y.detach()) < 0.03)
  }

  /// A network whose layers that start from zero were moved away from it.
  private func trained(_ change: @escaping @Sendable (inout ADMUNet.Recipe) -> Void) throws -> ADMUNet {
    let generator = Generator(seed: 1)
    let network = try network(Variant(testDescription: "", change: change), Initializer(generator))
    for parameter in network.parameters() where try parameter.value.detach().norm().item() == 0 {
      try parameter.assign(0.05 * Tensor.randn(parameter.shape, using: generator))
    }
    return network
  }

  @Test(arguments: [false, true]) func checkpointingChangesNeitherNamesNorResultNorGradients(scaleShift: Bool) throws {
    func gradients(checkpoint: Bool) throws -> [(name: String, value: Tensor)] {
      let network = try trained { ($0.useCheckpoint, $0.dropout, $0.useScaleShiftNorm) = (checkpoint, 0.3, scaleShift) }
      let y = network.run(Batch(count: 2), mode: .training(Generator(seed: 5)))
      try y.square().mean().backward()
      return try [("y", y.detach())] + network.namedParameters().map { ($0.name, try #require($0.parameter.gradient)) }
    }
    let plain = try gradients(checkpoint: false), again = try gradients(checkpoint: true)
    #expect(plain.map(\.name) == again.map(\.name))
    for (a, b) in zip(plain, again) {
      // The embedding's gradient is summed over the blocks in another order.
      let error = try relativeError(b.value, a.value)
      #expect(error < 1e-5, "\(a.name): \(error)")
    }
  }

  @Test func contextVectorsAreRequiredAndChangeTheOutput() throws {
    let network = try trained { $0.contextDim = 6 }
    var batch = Batch(count: 1)
    #expect(network.infer(batch).fault?.message == "this network needs context vectors")
    batch.conditioning.context = .zeros([1, 6])
    let y = network.infer(batch)
    batch.conditioning.context = .randn([1, 6], using: Generator(seed: 3))
    #expect(try relativeError(network.infer(batch), y) > 1e-3)
    batch.conditioning.context = .zeros([1, 5])
    #expect(network.infer(batch).fault?.message == "expected context vectors of shape [1, 6], one an image, found [1, 5]")
  }

  @Test func dropoutActsOnlyInTraining() throws {
    let network = try network(Variant(testDescription: "") { $0.dropout = 0.3 }, Initializer(Generator(seed: 1)))
    for parameter in network.parameters() { try parameter.assign(parameter.value.detach() + 0.05) }
    let batch = Batch(count: 1)
    func train(_ seed: UInt64) throws -> [Float] {
      try network(
        batch.x, timesteps: batch.timesteps, conditioning: batch.conditioning, mode: .training(Generator(seed: seed))
      ).detach().floats()
    }
    #expect(try network.infer(batch).floats() == network.infer(batch).floats())
    #expect(try train(1) == train(1))
    #expect(try train(1) != train(2))
    #expect(try train(1) != network.infer(batch).floats())
  }

  // MARK: Inputs that do not fit

  /// What the fault says of an input that was changed.
  private func problem(_ classes: Int? = 5, _ change: (inout Batch) -> Void) throws -> String {
    let network = try network(Variant(testDescription: "") { $0.numClasses = classes }, .shapes)
    var batch = Batch(count: 2)
    change(&batch)
    let y = network.infer(batch)
    #expect(throws: TorchFault.self) { try y.item() }
    return y.fault?.description ?? ""
  }

  @Test func anInputOfTheWrongShapeIsRefusedWithTheExpectedOne() throws {
    #expect(
      try problem { $0.x = .ones([2, 1, 8, 8]) }
        == "adm_unet([2, 1, 8, 8]) failed: expected images [N, 3, H, W], found [2, 1, 8, 8]")
    #expect(try problem { $0.x = .ones([3, 8, 8]) } == "adm_unet([3, 8, 8]) failed: expected images [N, 3, H, W], found [3, 8, 8]")
    #expect(try problem { $0.conditioning.labels = nil }.hasSuffix("this network needs labels"))
    #expect(try problem(nil) { _ in }.hasSuffix("this network has no classes, but labels were given"))
    for shape in [[1], [3], [2, 1], []] {
      let words = "of shape [2], one an image, found \(shape)"
      #expect(try problem { $0.timesteps = .ones(shape) }.hasSuffix("expected timesteps \(words)"))
      #expect(try problem { $0.conditioning.labels = .ones(shape, dtype: .int64) }.hasSuffix("expected labels \(words)"))
    }
  }

  @Test func aFaultNamesTheModuleInWhichItArose() throws {
    let network = try TinyNetworks.network(ADMUNet.Recipe.name)
    var batch = Batch(count: 2)
    batch.conditioning.labels = Tensor([0, 5])
    #expect(network.infer(batch).fault?.module == "label_emb")
    let failed = Tensor.ones([2]).matmul(.ones([3, 3]))
    batch.conditioning.labels = failed
    #expect(network.infer(batch).fault == failed.fault)
    batch = Batch(count: 2)
    batch.timesteps = failed
    #expect(network.infer(batch).fault == failed.fault)
    batch.x = failed
    #expect(network.infer(batch).fault == failed.fault)
  }

  @Test func anEmptyBatchDoesNotTrap() throws {
    let y = try TinyNetworks.network(ADMUNet.Recipe.name).infer(Batch(count: 0))
    #expect(y.fault != nil || y.shape == [0, 6, 8, 8])
  }
}
