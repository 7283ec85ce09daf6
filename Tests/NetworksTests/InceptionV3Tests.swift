import Checkpoints
import Failures
import Foundation
import NN
import Tensors
import TestSupport
import Testing

@testable import Networks

@Suite("InceptionV3") struct InceptionV3Tests {
  /// The outputs of layers and blocks for one picture, by `Fixtures/networks/inception.py`.
  private static func fixture() throws -> StateDict {
    try Safetensors.read(Fixture.folder.appendingPathComponent("networks/inception.safetensors").path).state
  }

  /// Its picture, `[1, 3, S, S]` in [-1, 1].
  private static func picture(_ side: Int) -> Tensor {
    let samples = (0..<(side * side * 3)).map { place -> Float in
      let row = place / 3 / side, column = place / 3 % side, channel = place % 3
      return Float((row * 3 + column * 2 + channel * 40 + (row / 9 + column / 7) % 2 * 60 + place * 7919 % 41) % 256)
    }
    return Tensor(samples, [1, side, side, 3]).permute(0, 3, 1, 2) / 127.5 - 1
  }

  private func tiny() throws -> InceptionV3 {
    let network = InceptionV3(narrowing: 16, using: .shapes)
    try network.adopt(Tiny.inception(), on: .cpu)
    return network
  }

  @Test func hasTheNamesAndTheNumberOfParametersOfThePublishedFile() throws {
    let network = InceptionV3(using: .shapes)
    // 23,834,568 of the network of 1000 classes, as torchvision counts it, and 2049 for each class more.
    #expect(network.parameterCount == 23_834_568 + 8 * 2049)
    let names = network.state().map(\.name)
    #expect(names.count == 94 * 5 + 2)
    for name in [
      "Conv2d_1a_3x3.conv.weight", "Conv2d_4a_3x3.bn.running_var", "Mixed_5b.branch3x3dbl_3.conv.weight", "Mixed_6a.branch3x3.bn.weight",
      "Mixed_6e.branch7x7dbl_5.bn.running_mean", "Mixed_7a.branch7x7x3_4.bn.bias", "Mixed_7c.branch_pool.conv.weight", "fc.bias",
    ] { #expect(names.contains(name), "\(name)") }
    let output = network(.empty([2, 3, InceptionV3.side, InceptionV3.side], on: .meta))
    #expect(output.features.shape == [2, 2048] && output.logits.shape == [2, 1008] && network.featureCount == 2048)
  }

  @Test(arguments: [false, true]) func everyBlockIsThatOfAnotherProgram(isFolded: Bool) throws {
    let network = try tiny(), fixture = try Self.fixture()
    if isFolded { try network.fold() }
    var x = Self.picture(139).channelsLast(), compared = 0
    for stage in network.stages {
      x = stage.apply(x)
      guard let want = fixture[stage.name] else { continue }
      compared += 1
      // Up to 48 layers of float32 in another order of sums, some by Winograd's algorithm.
      #expect(try x.shape == want.shape && relativeError(x, want) < 1e-5, "\(stage.name)")
    }
    let output = network(Self.picture(139)), logits = try #require(fixture["logits"])
    #expect(try output.features.bytes() == x.bytes() && relativeError(output.logits, logits) < 1e-5)
    #expect(compared == 14)
  }

  @Test func foldingNormsIntoConvolutionsChangesRoundingAlone() throws {
    let network = try tiny(), x = Self.picture(InceptionV3.leastSide)
    let before = withoutGradient { network(x).features }
    try network.fold()
    try network.fold()
    #expect(try relativeError(network(x).features, before) < 5e-6)
    #expect(network.parameterCount == InceptionV3(narrowing: 16, using: .shapes).parameterCount)
  }

  @Test func picturesOfABatchDoNotDependOnEachOther() throws {
    let network = try InceptionV3(Tiny.inception(), on: .cpu, name: "tiny.pth"), x = Self.picture(80)
    let both = withoutGradient { network(.cat([x, x.flip(3)], dim: 0)).features }
    let second = withoutGradient { network(x.flip(3)).features }
    // Kernels differ by batch size.
    #expect(try relativeError(both.image(1), second) < 1e-5 && relativeError(both.image(0), second) > 1e-3)
  }

  @Test func countersOfPyTorchAreIgnored() throws {
    var state = Tiny.inception()
    state["Conv2d_1a_3x3.bn.num_batches_tracked"] = Tensor([0])
    #expect(try InceptionV3(state, on: .cpu, name: "tiny.pth").narrowing == 16)
  }

  @Test func torchvisionsNetworkIsRefusedForItsClasses() {
    var state = Tiny.inception()
    (state["fc.weight"], state["fc.bias"]) = (.zeros([1000, 128]), .zeros([1000]))
    let error = refusal { try InceptionV3(state, on: .cpu, name: "inception_v3_google.pth") }
    #expect(error?.failure == .data && error?.description.contains("of 1000 classes, as torchvision publishes") == true)
    state = Tiny.inception()
    state["AuxLogits.fc.weight"] = .zeros([1008, 48])
    #expect(refusal { try InceptionV3(state, on: .cpu, name: "x") }?.description.contains("torchvision") == true)
  }

  @Test func aStateOfAnotherNetworkIsRefusedByName() {
    var state = Tiny.inception()
    state["Mixed_5b.branch1x1.conv.weight"] = nil
    let error = refusal { try InceptionV3(state, on: .cpu, name: "x.pth") }
    #expect(error?.failure == .data && error?.description.contains("Mixed_5b.branch1x1.conv.weight: expected [4, 12, 1, 1]") == true)
    state["Conv2d_1a_3x3.conv.weight"] = .zeros([31, 3, 3, 3])
    #expect(refusal { try InceptionV3(state, on: .cpu, name: "x.pth") }?.description.contains("[31, 3, 3, 3]") == true)
    #expect(!InceptionV3.isOne(StateDict([("fc.weight", .zeros([1008, 2048]))])))
    #expect(refusal { try InceptionV3(StateDict(), on: .cpu, name: "x.pth") }?.description.contains("is no InceptionV3") == true)
  }

  @Test func anInputOfTheWrongShapeIsAFaultWithTheExpectedOne() throws {
    let network = InceptionV3(narrowing: 16, using: .shapes)
    for shape in [[1, 1, 80, 80], [1, 3, 74, 80], [3, 80, 80]] {
      #expect(network(.ones(shape)).features.fault?.message.contains("expected images [N, 3, H, W] of 75 pixels or more") == true)
    }
  }
}
