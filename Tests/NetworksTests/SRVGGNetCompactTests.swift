import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("The compact upscaler") struct SRVGGNetCompactTests {
  private func network(_ change: (inout SRVGGNetCompact.Recipe) -> Void) throws -> SRVGGNetCompact {
    var recipe = SRVGGNetCompact.Recipe()
    (recipe.numFeat, recipe.numConv, recipe.upscale) = (8, 3, 2)
    change(&recipe)
    return try SRVGGNetCompact(recipe, using: Initializer(Generator(seed: 1)))
  }

  /// realesr-general-x4v3 and realesr-animevideov3.
  @Test(arguments: [(64, 32), (16, 16)]) func hasTheTensorsOfThePublishedWeights(features: Int, convolutions: Int) throws {
    var recipe = SRVGGNetCompact.Recipe()
    (recipe.numFeat, recipe.numConv) = (features, convolutions)
    let network = try SRVGGNetCompact(recipe, using: .shapes)
    let first = 28 * features, middle = convolutions * (9 * features + 1) * features, last = 48 * (9 * features + 1)
    #expect(network.parameterCount == first + middle + last + (convolutions + 1) * features)
    #expect(network.state().map(\.name).suffix(2) == ["body.\(2 * convolutions + 2).weight", "body.\(2 * convolutions + 2).bias"])
  }

  /// Every layer by hand: the first convolution copies the image, PReLU quarters what is negative, the last gives pixel k of each block
  /// k times that, and the image is added.
  @Test func computesConvolutionsSlopesAndPixels() throws {
    let network = try network { ($0.numInCh, $0.numOutCh, $0.numFeat, $0.numConv) = (1, 1, 1, 0) }
    func kernels(_ values: [Float]) -> Tensor { Tensor(values.flatMap { [0, 0, 0, 0, $0, 0, 0, 0, 0] }, [values.count, 1, 3, 3]) }
    let weights: [String: Tensor] = [
      "body.0.weight": kernels([1]), "body.0.bias": .zeros([1]), "body.1.weight": Tensor([0.25] as [Float]),
      "body.2.weight": kernels([0, 1, 2, 3]), "body.2.bias": .zeros([4]),
    ]
    for (name, parameter) in network.namedParameters() { try parameter.assign(#require(weights[name])) }
    let y = withoutGradient { network(Tensor([0.5, -0.4] as [Float], [1, 1, 1, 2])) }
    #expect(y.shape == [1, 1, 2, 4])
    let want: [Float] = [0.5, 1, -0.4, -0.5, 1.5, 2, -0.6, -0.7]
    #expect(try zip(y.floats(), want).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test(arguments: [1, 2, 3, 4]) func enlargesImagesOfAnySize(scale: Int) throws {
    let network = try network { $0.upscale = scale }
    let x = Tensor.rand([2, 3, 5, 7], using: Generator(seed: 2)), y = withoutGradient { network(x) }
    #expect(try y.validated().shape == [2, 3, 5 * scale, 7 * scale] && y.dtype == .float32)
    #expect(network(.ones([1, 1, 5, 7])).fault?.message == "expected images [N, 3, H, W], found [1, 1, 5, 7]")
  }

  @Test func everyParameterHasAGradient() throws {
    let network = try network { _ in }
    let y = network(.randn([1, 3, 6, 6], using: Generator(seed: 3)))
    let gradients = try y.square().mean().gradients(of: network.parameters().map(\.value))
    for (name, gradient) in zip(network.state().map(\.name), gradients) { #expect(try gradient?.norm().item() ?? 0 > 0, "\(name)") }
  }

  @Test(arguments: [DType.float32, .bfloat16]) func aPreparedCopyComputesTheSame(dtype: DType) throws {
    let network = try network { _ in }, x = Tensor.rand([1, 3, 8, 8], using: Generator(seed: 4))
    let want = withoutGradient { network(x) }, copy = try network.prepared(for: dtype)
    // bfloat16 has 8 bits; float32 differs by the order of sums alone.
    #expect(try relativeError(copy(x), want) < (dtype == .float32 ? 1e-5 : 0.02))
    #expect(copy(x).dtype == .float32)
    #expect(throws: TorchFault.self) { try copy.prepared(for: dtype) }
  }

  @Test func theReceptiveFieldIsThatOfTheRecipe() throws {
    let network = try network { ($0.numInCh, $0.numOutCh, $0.numConv) = (1, 1, 2) }
    for (name, parameter) in network.namedParameters() {
      try parameter.assign(.full(name.hasSuffix("bias") ? 0 : 0.25, parameter.shape))
    }
    let reach = network.recipe.reach, width = 2 * reach + 5
    let image = (0..<width).map { $0 == width / 2 ? Float(1) : 0 }
    let y = withoutGradient { network(Tensor(image, [1, 1, 1, width])) }
    let seen = try y.select(2, 0).floats().enumerated().filter { $0.element > 0 }.map { abs($0.offset / 2 - width / 2) }
    #expect(seen.max() == reach)
  }

  @Test func invalidRecipesAreRefused() {
    for set in ["upscale=0", "upscale=17", "num_feat=0", "num_conv=-1", "num_conv=257", "num_out_ch=1"] {
      #expect(throws: RecipeError.self, "\(set)") { try SRVGGNetCompact.Recipe(yaml: "", file: "r.yaml", set: [set]) }
    }
  }
}
