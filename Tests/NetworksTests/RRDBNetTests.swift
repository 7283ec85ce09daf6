import NN
import Networks
import RecipeKit
import Tensors
import Testing

@Suite("The RRDB upscaler") struct RRDBNetTests {
  private func recipe(scale: Int, channels: Int = 3) -> RRDBNet.Recipe {
    var recipe = RRDBNet.Recipe()
    (recipe.scale, recipe.numInCh, recipe.numOutCh) = (scale, channels, channels)
    (recipe.numFeat, recipe.numBlock, recipe.numGrowCh) = (8, 2, 4)
    return recipe
  }

  private func network(scale: Int, channels: Int = 3) throws -> RRDBNet {
    try RRDBNet(recipe(scale: scale, channels: channels), using: Initializer(Generator(seed: 1)))
  }

  @Test func theDefaultsAreTheNetworkOfRealESRGANx4plus() throws {
    let network = try RRDBNet(RRDBNet.Recipe(), using: .shapes)
    // By hand: a dense block of 64 and 32 channels has 239,808; 69 of them, five convolutions of 64 channels but for the
    // first (1,792) and the last (1,731).
    #expect(network.parameterCount == 69 * 239_808 + 4 * 36_928 + 1_792 + 1_731)
    let names = network.state().map(\.name)
    #expect(names.count == 2 * (23 * 15 + 6))
    #expect(names.contains("body.22.rdb3.conv5.weight") && names.contains("conv_up2.bias") && names.contains("conv_hr.weight"))
    let y = network(.empty([1, 3, 10, 7], on: .meta))
    #expect(y.shape == [1, 3, 40, 28])
  }

  @Test(arguments: [1, 2, 4], [1, 3]) func theOutputIsLargerByTheScale(scale: Int, channels: Int) throws {
    let network = try network(scale: scale, channels: channels)
    let x = Tensor.rand([2, channels, 8, 4], using: Generator(seed: 2))
    let y = withoutGradient { network(x) }
    #expect(try y.validated().shape == [2, channels, 8 * scale, 4 * scale] && y.dtype == .float32)
    let alone = withoutGradient { network(x.image(1)) }
    #expect(try relativeError(y.image(1), alone) < 1e-5)  // kernels differ by batch size
  }

  @Test func everyParameterHasAGradient() throws {
    let network = try network(scale: 2)
    let y = network(.rand([1, 3, 4, 4], using: Generator(seed: 3)))
    let gradients = try y.square().mean().gradients(of: network.parameters().map(\.value))
    for (name, gradient) in zip(network.state().map(\.name), gradients) {
      #expect(try gradient?.norm().item() ?? 0 > 0, "\(name)")
    }
  }

  @Test func anInputOfTheWrongShapeIsAFaultWithTheExpectedOne() throws {
    let network = try network(scale: 1)
    #expect(network(.ones([1, 3, 6, 8])).fault?.message == "at scale 1 height and width must be multiples of 4, found 6 x 8")
    #expect(network(.ones([1, 3, 8, 6])).fault != nil)
    #expect(network(.ones([1, 1, 8, 8])).fault?.message == "expected images [N, 3, H, W], found [1, 1, 8, 8]")
    #expect(network(.ones([3, 8, 8])).fault != nil)
    #expect(try self.network(scale: 4)(.ones([1, 3, 1, 1])).fault == nil)
  }

  @Test(arguments: [DType.float32, .bfloat16]) func aPreparedCopyComputesTheSame(dtype: DType) throws {
    let network = try network(scale: 2)
    let x = Tensor.rand([1, 3, 8, 8], using: Generator(seed: 4))
    let want = withoutGradient { network(x) }
    let copy = try network.prepared(for: dtype)
    // bfloat16 has 8 bits; float32 differs by the order of sums alone.
    #expect(try relativeError(copy(x), want) < (dtype == .float32 ? 1e-5 : 0.02))
    #expect(copy(x).dtype == .float32)
    #expect(throws: TorchFault.self) { try copy.prepared(for: dtype) }
  }

  @Test(arguments: [1, 2, 4], [1, 3]) func theRecipeIsRecognisedFromShapes(scale: Int, channels: Int) throws {
    let state = try network(scale: scale, channels: channels).stateDict()
    let found = RRDBNet.Recipe.recognised(from: CheckpointShapes(state), side: 64)
    #expect(found?.recipe as? RRDBNet.Recipe == recipe(scale: scale, channels: channels))
  }

  @Test(arguments: [1, 2, 4]) func theReceptiveFieldIsThatOfTheRecipe(scale: Int) throws {
    var recipe = recipe(scale: scale, channels: 1)
    recipe.numBlock = 1
    let network = try RRDBNet(recipe, using: Initializer(Generator(seed: 1)))
    // Nothing cancels: a result above zero is one that depends on the pixel.
    for (name, parameter) in network.namedParameters() {
      try parameter.assign(.full(name.hasSuffix("bias") ? 0 : 0.25, parameter.shape))
    }
    let step = recipe.sizeStep, width = 2 * recipe.reach + 4 * step
    var farthest = 0
    for pixel in (width / 2 / step * step)..<(width / 2 / step * step + step) {
      let image = (0..<width).map { $0 == pixel ? Float(1) : 0 }
      // Tiles of Winograd's convolutions reach further by rounding.
      let y = withExactConvolutions { withoutGradient { network(Tensor(image, [1, 1, 1, width]).repeat(1, 1, step, 1)) } }
      for (place, value) in try y.select(2, 0).floats().enumerated() where value > 0 {
        farthest = max(farthest, abs(place / scale - pixel))
      }
    }
    #expect(farthest == recipe.reach)
  }

  @Test func aStateOfAnotherNetworkIsNotRecognised() throws {
    #expect(RRDBNet.Recipe.nearest(to: CheckpointShapes([("conv_first.weight", [8, 3, 3, 3])])) == nil)
    var state = try network(scale: 4).stateDict()
    state["conv_first.weight"] = .ones([8, 5, 3, 3])
    #expect(RRDBNet.Recipe.nearest(to: CheckpointShapes(state)) == nil)
  }

  @Test func invalidRecipesAreRefused() {
    for set in ["scale=3", "scale=0", "num_feat=0", "num_block=-1", "num_in_ch=0", "num_grow_ch=100000"] {
      #expect(throws: RecipeError.self, "\(set)") { try RRDBNet.Recipe(yaml: "", file: "r.yaml", set: [set]) }
    }
  }
}
