import NN
import RecipeKit
import Tensors
import Testing

@testable import Networks

@Suite("The encoder classifier") struct EncoderClassifierTests {
  private static let pools = EncoderClassifier.Pool.allCases

  private func recipe(_ pool: EncoderClassifier.Pool) -> EncoderClassifier.Recipe {
    var recipe = EncoderClassifier.Recipe()
    (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks) = (64, [1, 1.5], 1)
    (recipe.attentionResolutions, recipe.numHeadChannels, recipe.pool) = ([4], 32, pool)
    recipe.adapt(to: NetworkInputSpec(channels: 3, outputChannels: 3, height: 8, width: 8, classRows: 5))
    return recipe
  }

  /// What starts from zero is random.
  private func classifier(_ pool: EncoderClassifier.Pool) throws -> EncoderClassifier {
    let generator = Generator(seed: 1)
    let network = try EncoderClassifier(recipe(pool), using: Initializer(generator))
    for parameter in network.parameters() where try parameter.value.detach().norm().item() == 0 {
      try parameter.assign(0.05 * Tensor.randn(parameter.shape, using: generator))
    }
    return network
  }

  private let x = Tensor.randn([2, 3, 8, 8], using: Generator(seed: 2)), timesteps = Tensor([3.5, 700] as [Float])

  @Test(arguments: pools) func givesLogitsThatDependOnImageAndTime(pool: EncoderClassifier.Pool) throws {
    let network = try classifier(pool)
    let leaf = x.requiringGradient()
    let logits = network(leaf, timesteps: timesteps, mode: .inference)
    #expect(logits.shape == [2, 5] && logits.dtype == .float32)
    #expect(try #require(try logits.square().sum().gradients(of: [leaf])[0]).abs().min().item() > 0)
    let later = network(x, timesteps: timesteps + 50, mode: .inference)
    #expect(try relativeError(later, logits) > 1e-4)
    for index in 0..<2 {
      let alone = network(x.image(index), timesteps: timesteps.image(index), mode: .inference)
      #expect(try (alone - logits.image(index)).abs().max().item() < 1e-4)
    }
  }

  @Test(arguments: pools) func everyParameterReceivesAGradient(pool: EncoderClassifier.Pool) throws {
    let network = try classifier(pool)
    try (network(x, timesteps: timesteps, mode: .training(Generator(seed: 1))) * Tensor.randn([2, 5], using: Generator(seed: 3)))
      .sum().backward()
    for (name, parameter) in network.namedParameters() {
      #expect(try #require(parameter.gradient, "\(name)").norm().item() > 1e-6, "\(name)")
    }
  }

  @Test(arguments: pools) func aPreparedCopyComputesTheSame(pool: EncoderClassifier.Pool) throws {
    let network = try classifier(pool)
    let logits = withoutGradient { network(x, timesteps: timesteps, mode: .inference) }
    for (dtype, tolerance) in [(DType.float32, 1e-5), (.bfloat16, 0.03)] {
      let copy = try network.prepared(for: dtype)
      #expect(try relativeError(withoutGradient { copy(x, timesteps: timesteps, mode: .inference) }, logits) < tolerance)
      #expect(throws: TorchFault.self) { try copy.prepared(for: dtype) }
    }
    let copy = try network.prepared(for: .float32)
    for parameter in network.parameters() { try parameter.assign(parameter.value.detach() * 2 + 1) }
    #expect(try relativeError(withoutGradient { copy(x, timesteps: timesteps, mode: .inference) }, logits) < 1e-5)
  }

  /// Features of twice the size move the logits as far again: between them stands one linear map.
  @Test(arguments: pools) func logitsAreALinearMapOfTheFeatures(pool: EncoderClassifier.Pool) throws {
    let network = try classifier(pool), width = [.adaptive: 96, .attention: 96, .spatial: 2048, .spatialV2: 2048][pool]!
    let (features, logits) = withoutGradient { network.features(x, timesteps: timesteps, mode: .inference) }
    #expect(features.shape == [2, width] && features.dtype == .float32)
    #expect(try logits.floats() == withoutGradient { network(x, timesteps: timesteps, mode: .inference) }.floats())
    let (zero, once, twice) = withoutGradient {
      (network.out.logits(.zeros(like: features)), network.out.logits(features), network.out.logits(features * 2))
    }
    #expect(try (once - logits).abs().max().item() == 0)
    // Rounding of float32 sums.
    #expect(try relativeError(twice - once, once - zero) < 1e-4)
    let refused = network.features(.ones([1, 1, 8, 8]), timesteps: Tensor([1] as [Float]), mode: .inference)
    #expect(refused.features.fault != nil && refused.logits.fault != nil)
  }

  @Test(arguments: pools) func aForwardPassNeedsShapesAlone(pool: EncoderClassifier.Pool) throws {
    let network = try recipe(pool).makeClassifier(using: .shapes)
    let y = network(.empty([4, 3, 8, 8], on: .meta), timesteps: .empty([4], on: .meta), mode: .inference)
    #expect(y.fault == nil)
    #expect(y.shape == [4, 5])
  }

  @Test func onlyTheAttentionPoolFixesTheSize() throws {
    for pool in Self.pools {
      let y = try classifier(pool)(.ones([1, 3, 16, 12]), timesteps: Tensor([1] as [Float]), mode: .inference)
      let message = "expected features of 4 x 4, as of images of image_size, found 8 x 6"
      #expect(pool == .attention ? y.fault?.message == message : y.shape == [1, 5])
    }
  }

  @Test func invalidOptionsAreRefused() throws {
    var recipe = recipe(.attention)
    recipe.numHeadChannels = -1
    #expect(throws: RecipeError.self) { try recipe.validate() }
    recipe.pool = .spatialV2
    try recipe.validate()
    recipe.numClasses = 0
    #expect(throws: RecipeError(place: nil, path: "num_classes", "expected 1 to 1000000, found 0")) { try recipe.validate() }
    #expect(ClassifierRegistry.names == ["encoder_classifier"])
    let wrong = try classifier(.adaptive)(.ones([1, 1, 8, 8]), timesteps: Tensor([1] as [Float]), mode: .inference)
    #expect(wrong.fault?.message == "expected images [N, 3, H, W], found [1, 1, 8, 8]")
  }
}
