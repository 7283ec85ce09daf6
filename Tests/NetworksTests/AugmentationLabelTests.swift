import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("Augmentation labels") struct AugmentationLabelTests {
  typealias Batch = TinyNetworks.Batch
  static let names = [ADMUNet.Recipe.name, SuperResolutionUNet.Recipe.name]

  /// A network whose layers that start from zero were moved away from it, unless it is to be as it was made.
  private func network(_ name: String, labels: Int? = 9, asMade: Bool = false) throws -> any DiffusionNetwork {
    var recipe = try TinyNetworks.tiny(name).recipe, facts = TinyNetworks.facts
    facts.augmentationLabels = labels
    recipe.adapt(to: facts)
    #expect(recipe.augmentationLabels == labels ?? 0)
    let generator = Generator(seed: 1), network = try recipe.makeNetwork(using: Initializer(generator))
    for parameter in network.parameters() where try !asMade && parameter.value.detach().norm().item() == 0 {
      try parameter.assign(0.05 * Tensor.randn(parameter.shape, using: generator))
    }
    return network
  }

  private func batch(_ name: String, _ augmentation: Tensor?) -> Batch {
    var batch = Batch(for: name)
    batch.conditioning.augmentation = augmentation
    return batch
  }

  private let labels = Tensor.randn([3, 9], using: Generator(seed: 4))

  @Test(arguments: names) func oneAdditionalWeightReadsTheLabelsAndIsTrained(name: String) throws {
    let network = try network(name), plain = try self.network(name, labels: nil)
    #expect(network.state().map(\.name).filter { name in !plain.state().contains { $0.name == name } } == ["map_augment.weight"])
    let weight = try #require(network.namedParameters().first { $0.name == "map_augment.weight" }?.parameter)
    #expect(weight.shape == [64, 9])
    let y = network.run(batch(name, labels), mode: .training(Generator(seed: 1)))
    try (y * Tensor.randn(y.shape, using: Generator(seed: 2))).sum().backward()
    let gradient = try #require(weight.gradient)
    for column in 0..<9 { #expect(try gradient.select(1, column).norm().item() > 1e-4, "label \(column)") }
  }

  @Test(arguments: names) func zeroLabelsEqualNoLabelsAndTheNetworkWithoutTheInput(name: String) throws {
    let network = try network(name), plain = try self.network(name, labels: nil)
    try plain.load(StateDict(network.stateDict().entries.filter { $0.name != "map_augment.weight" }.map { ($0.name, $0.tensor) }))
    let unlabelled = try network.infer(batch(name, nil)).floats()
    #expect(try network.infer(batch(name, .zeros([3, 9]))).floats() == unlabelled)
    #expect(try plain.infer(batch(name, nil)).floats() == unlabelled)
  }

  @Test(arguments: names) func learnedLabelsChangeTheOutput(name: String) throws {
    let learned = try network(name), unlabelled = learned.infer(batch(name, nil))
    #expect(try relativeError(learned.infer(batch(name, labels)), unlabelled) > 1e-3)
    for dtype in [DType.float32, .bfloat16] {
      let prepared = try learned.prepared(for: dtype).infer(batch(name, labels))
      #expect(try relativeError(prepared, learned.infer(batch(name, labels))) < (dtype == .float32 ? 1e-5 : 0.03))
    }
    // A new network starts as one without the input.
    let made = try network(name, asMade: true)
    for parameter in made.parameters() where try parameter.value.detach().norm().item() == 0 && parameter.shape != [64, 9] {
      try parameter.assign(.full(0.05, like: parameter.value.detach()))
    }
    #expect(try made.infer(batch(name, labels)).floats() == made.infer(batch(name, nil)).floats())
  }

  @Test func labelsOfTheWrongShapeAreRefused() throws {
    let labelled = try network(ADMUNet.Recipe.name), plain = try network(ADMUNet.Recipe.name, labels: nil)
    for shape in [[3, 8], [2, 9], [9], [3]] {
      let y = labelled.infer(batch(ADMUNet.Recipe.name, .ones(shape)))
      #expect(y.fault?.message == "expected augmentation labels of shape [3, 9], one row an image, found \(shape)")
    }
    let y = plain.infer(batch(ADMUNet.Recipe.name, labels))
    #expect(y.fault?.message == "this network has no augmentation input, but augmentation labels were given")
    let failed = Tensor.ones([2]).matmul(.ones([3, 3]))
    #expect(labelled.infer(batch(ADMUNet.Recipe.name, failed)).fault == failed.fault)
  }

  @Test func aWidthGivenInTheRecipeIsKept() throws {
    var recipe = ADMUNet.Recipe(), facts = TinyNetworks.facts
    recipe.augmentDim = 13
    facts.augmentationLabels = 9
    recipe.adapt(to: facts)
    #expect(recipe.augmentDim == 13)
    recipe.augmentDim = 0
    #expect(throws: RecipeError.self) { try recipe.validate() }
  }

  @Test(arguments: TinyNetworks.names.filter { !names.contains($0) }) func otherNetworksTakeNoAugmentationLabels(name: String) throws {
    var recipe = try TinyNetworks.tiny(name).recipe, facts = TinyNetworks.facts
    let plain = try TinyNetworks.recipe(name)
    facts.augmentationLabels = 9
    recipe.adapt(to: facts)
    #expect(recipe.augmentationLabels == 0 && recipe.yaml() == plain.yaml())
  }
}
