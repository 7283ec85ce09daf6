import NN
import RecipeKit
import Tensors
import Testing

@testable import Networks

@Suite("Text encoder") struct TextEncoderTests {
  private func encoder(_ yaml: String = "{ width: 16, layers: 2, heads: 2, max_length: 12 }") throws -> TextEncoder {
    try TextEncoder(TextEncoder.Recipe(yaml: yaml), using: Initializer(Generator(seed: 1)))
  }

  private func vectors(_ texts: [String], _ encoder: TextEncoder) throws -> Tensor {
    try withoutGradient { encoder(Tensor(texts: texts)) }.validated()
  }

  @Test func textsAreBytesWithZerosAfterTheirEnds() throws {
    let text = Tensor(texts: ["ab", "", "ä"])
    #expect(try text.shape == [3, 2] && text.ints() == [97, 98, 0, 0, 0xC3, 0xA4])
    #expect(Tensor(texts: [""]).shape == [1, 1])
  }

  /// The tolerance is that of sums in another order, in float32.
  @Test func aVectorDependsOnItsTextAlone() throws {
    let encoder = try encoder(), alone = try vectors(["red ring"], encoder)
    let among = try vectors(["a red potion", "red ring", "", "x"], encoder)
    #expect(try (among.narrow(0, 1, 1) - alone).abs().max().item() < 1e-5)
    #expect(try among.narrow(0, 2, 1).abs().max().item() == 0, "an empty text is no context")
    #expect(try alone.abs().max().item() > 0.1 && alone.shape == [1, 16] && alone.dtype == .float32)
  }

  @Test func theOrderOfTheBytesCounts() throws {
    let rows = try vectors(["ab", "ba"], encoder())
    #expect(try (rows.narrow(0, 0, 1) - rows.narrow(0, 1, 1)).abs().max().item() > 1e-2)
  }

  @Test func whatFollowsTheLongestTextIsNotRead() throws {
    let encoder = try encoder(), rows = try vectors(["twelve bytes", "twelve bytes and more"], encoder)
    #expect(try (rows.narrow(0, 0, 1) - rows.narrow(0, 1, 1)).abs().max().item() == 0)
  }

  @Test func everyParameterLearns() throws {
    let encoder = try encoder()
    try encoder(Tensor(texts: ["abcdefghijkl", "mn"])).square().sum().backward()
    for (name, parameter) in encoder.namedParameters() {
      let gradient = try #require(parameter.gradient, "\(name)")
      #expect(try gradient.abs().max().item() > 0, "\(name)")
    }
  }

  @Test func otherTensorsAreRefused() throws {
    let encoder = try encoder()
    #expect(encoder(Tensor.zeros([2, 3])).fault?.message.contains("expected bytes of texts, int64 [N, L], found float32 [2, 3]") == true)
    #expect(encoder(Tensor([1, 2])).fault != nil && encoder(Tensor.zeros([2, 0], dtype: .int64)).fault != nil)
  }

  @Test(arguments: ["width: 0", "width: 10, heads: 4", "layers: 0", "heads: 0", "max_length: 0", "max_length: 100000", "width: 100000"])
  func impossibleOptionsAreRefused(yaml: String) {
    #expect(throws: RecipeError.self) { try TextEncoder.Recipe(yaml: yaml) }
  }

  // MARK: With a network

  private func network(_ encoder: TextEncoder) throws -> TextConditionedNetwork {
    var recipe = ContextUNet.Recipe()
    (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks, recipe.contextDim) = (16, [1, 2], 1, 16)
    let generator = Generator(seed: 2), denoiser = try recipe.makeNetwork(using: Initializer(generator))
    for parameter in denoiser.parameters() where try parameter.value.detach().norm().item() == 0 {
      try parameter.assign(0.05 * Tensor.randn(parameter.shape, using: generator))
    }
    return TextConditionedNetwork(denoiser, encoder: encoder)
  }

  private func run(_ network: some DiffusionNetwork, _ conditioning: Conditioning) -> Tensor {
    withoutGradient {
      network(.ones([2, 3, 8, 8]), timesteps: Tensor([Float(3), 500]), conditioning: conditioning, mode: .inference)
    }
  }

  @Test func aTextIsTheContextOfItsVectorAndNoTextIsNone() throws {
    let encoder = try encoder(), network = try network(encoder), texts = ["red ring", "blue"]
    let byText = try run(network, Conditioning(text: Tensor(texts: texts))).validated()
    let byVector = try run(network, Conditioning(context: vectors(texts, encoder)))
    #expect(try byText.floats() == byVector.floats())
    #expect(try run(network, Conditioning(text: Tensor(texts: ["", ""]))).floats() == run(network, .none).floats())
    #expect(try byText.floats() != run(network, .none).floats())
    let prepared = try network.prepared(for: .float32)
    // Packed convolutions add up in another order.
    #expect(try (run(prepared, Conditioning(text: Tensor(texts: texts))) - byText).abs().max().item() < 1e-4)
  }

  @Test func itsStateIsTheNetworksWithTheEncodersBesideIt() throws {
    let network = try network(encoder()), names = network.state().map(\.name)
    #expect(names.contains("text_encoder.bytes.weight") && names.contains("init_conv.weight"))
    #expect(Set(names).count == names.count && names.filter { $0.hasPrefix("text_encoder.") }.count == 20)
  }

  @Test func aNetworkWithoutAnEncoderTakesNoTexts() throws {
    let fault = try run(network(encoder()).network, Conditioning(text: Tensor(texts: ["a", "b"]))).fault
    #expect(fault?.message.contains("this network has no text encoder, but texts were given") == true)
  }
}
