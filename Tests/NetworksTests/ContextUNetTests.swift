import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("The context UNet") struct ContextUNetTests {
  private typealias Batch = TinyNetworks.Batch
  private let name = ContextUNet.Recipe.name

  private func recipe(_ change: (inout ContextUNet.Recipe) -> Void = { _ in }) throws -> ContextUNet.Recipe {
    var recipe = try #require(TinyNetworks.tiny(name).recipe as? ContextUNet.Recipe)
    change(&recipe)
    recipe.adapt(to: TinyNetworks.facts)
    return recipe
  }

  private func network(_ change: (inout ContextUNet.Recipe) -> Void = { _ in }) throws -> ContextUNet {
    let generator = Generator(seed: 1)
    let network = try ContextUNet(recipe(change), using: Initializer(generator))
    for parameter in network.parameters() where try parameter.value.detach().norm().item() == 0 {
      try parameter.assign(0.05 * Tensor.randn(parameter.shape, using: generator))
    }
    return network
  }

  /// The output for one image with conditioning.
  private func output(_ network: ContextUNet, _ conditioning: Conditioning, _ mode: Mode = .inference) throws -> [Float] {
    var batch = Batch(count: 1)
    batch.conditioning = conditioning
    return try withoutGradient { network.run(batch, mode: mode) }.floats()
  }

  @Test func theNullClassIsNoContext() throws {
    let network = try network()
    #expect(try output(network, Conditioning(labels: Tensor([4]))) == output(network, .none))
    #expect(try output(network, Conditioning(labels: Tensor([3]))) != output(network, .none))
  }

  @Test(arguments: [0, 2, 4]) func aClassIsOneHotOverTheClassesWithoutTheNullClass(null: Int) throws {
    let byLabel = try network { ($0.numClasses, $0.nullClass) = (5, null) }
    let byVector = try network { $0.contextDim = 4 }
    try byVector.load(byLabel.stateDict())
    let others = (0..<5).filter { $0 != null }
    for (place, label) in others.enumerated() {
      let vector = Tensor((0..<4).map { $0 == place ? Float(1) : 0 }, [1, 4])
      #expect(try output(byLabel, Conditioning(labels: Tensor([label]))) == output(byVector, Conditioning(context: vector)))
    }
    #expect(try output(byLabel, Conditioning(labels: Tensor([null]))) == output(byVector, Conditioning(context: .zeros([1, 4]))))
  }

  /// The share of images without is `training.class_dropout`, for every network.
  @Test func aTrainingStepUsesEveryContextThatItIsGiven() throws {
    let network = try network(), conditioning = Conditioning(labels: Tensor([1])), with = try output(network, conditioning)
    for seed in 0..<40 { #expect(try output(network, conditioning, .training(Generator(seed: UInt64(seed)))) == with) }
  }

  @Test func aLabelBeyondTheClassesIsAFault() throws {
    let network = try network()
    #expect(throws: TorchFault.self) { try output(network, Conditioning(labels: Tensor([5]))) }
    #expect(throws: TorchFault.self) { try output(network, Conditioning(context: .zeros([1, 4]))) }
  }

  @Test func withoutClassesInTheDataItHasNoContext() throws {
    var recipe = ContextUNet.Recipe()
    recipe.adapt(to: NetworkInputSpec(channels: 1, outputChannels: 2, height: 28, width: 28, classRows: nil))
    let network = try recipe.makeNetwork(using: .shapes)
    #expect(!network.state().contains { $0.name.contains("context") })
    let y = network(.empty([2, 1, 28, 28], on: .meta), timesteps: .empty([2], on: .meta), conditioning: .none, mode: .inference)
    #expect(y.fault == nil && y.shape == [2, 2, 28, 28])
  }

  @Test func invalidOptionsAreRefused() throws {
    func problem(_ change: (inout ContextUNet.Recipe) -> Void) throws -> String {
      let recipe = try recipe(change)
      do throws(RecipeError) { try recipe.validate() } catch { return error.description }
      return ""
    }
    #expect(try problem { _ in } == "")
    #expect(try problem { $0.channelMult = [1] } == "channel_mult: expected 2 to 12 levels, found 1")
    #expect(try problem { $0.modelChannels = 12 } == "model_channels: expected a multiple of 8, the groups of the norms, found 12")
    #expect(try problem { $0.channelMult = [1, .nan] }.hasPrefix("channel_mult: nan makes nan channels"))
    #expect(
      try problem { ($0.numClasses, $0.contextDim) = (3, 3) }
        == "context_dim: the context is a class or a vector; expected num_classes or context_dim alone")
    #expect(
      try problem { ($0.numClasses, $0.nullClass) = (3, 3) } == "null_class: expected one of the 3 of num_classes, found 3")
  }
}
