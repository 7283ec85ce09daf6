import NN
import Networks
import Tensors
import Testing

@Suite("Older names of upscalers") struct UpscalerNameTests {
  private let network: RRDBNet

  init() throws {
    var recipe = RRDBNet.Recipe()
    (recipe.numFeat, recipe.numBlock, recipe.numGrowCh) = (8, 2, 4)
    network = try RRDBNet(recipe, using: Initializer(Generator(seed: 1)))
  }

  /// ESRGAN's code: `RRDB_trunk`, `HRconv`.
  private static func trunk(_ layer: String) -> String {
    if layer.hasPrefix("body.") { return "RRDB_trunk." + layer.dropFirst(5).replacing("rdb", with: "RDB") }
    return ["conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2", "conv_hr": "HRconv"][layer] ?? layer
  }

  /// ESRGAN's first architecture: `model.0` to `model.10`.
  private static func numbered(_ layer: String) -> String {
    let parts = layer.split(separator: ".")
    if parts.count == 4 { return "model.1.sub.\(parts[1]).\(parts[2].uppercased()).\(parts[3]).0" }
    let names = [
      "conv_first": "model.0", "conv_body": "model.1.sub.2", "conv_up1": "model.3", "conv_up2": "model.6", "conv_hr": "model.8",
      "conv_last": "model.10",
    ]
    return names[layer] ?? layer
  }

  private func renamed(_ rename: (String) -> String) -> StateDict {
    StateDict(
      network.stateDict().entries.map { name, tensor in
        let end = name.split(separator: ".").last ?? ""
        return (rename(String(name.dropLast(end.count + 1))) + ".\(end)", tensor)
      })
  }

  @Test func ofESRGANGiveTheSameNetwork() throws {
    for old in [renamed(Self.trunk), renamed(Self.numbered), renamed { $0 }] {
      let found = try #require(UpscalerRegistry.recognised(from: CheckpointShapes(old), side: 64))
      #expect(found.recipe as? RRDBNet.Recipe == network.recipe)
      let state = old.renamed(for: found.recipe)
      #expect(state.names == network.stateDict().names)
      for (name, tensor) in network.stateDict().entries { #expect(try state[name]?.floats() == tensor.floats(), "\(name)") }
    }
  }

  @Test func otherNamesStay() {
    for name in ["model.2.weight", "model.1.sub.x", "model.1.sub.0.RDB1.conv1.1.weight", "weight", "", ".", "RRDB_trunk.0.weight"] {
      #expect(RRDBNet.Recipe.currentName(of: name) == name)
    }
  }

  @Test func ofAnotherScaleOfTheFirstArchitectureAreNotRecognised() {
    // Twice the size: one doubling less, so that the last layers have other numbers.
    let double = renamed(Self.numbered).entries.filter { !$0.name.hasPrefix("model.6.") }
      .map { ($0.name.replacing("model.8.", with: "model.5.").replacing("model.10.", with: "model.7."), $0.tensor) }
    #expect(UpscalerRegistry.recognised(from: CheckpointShapes(StateDict(double)), side: 64) == nil)
  }
}
