import Foundation
import NN
import Networks
import RecipeKit
import Tensors
import Testing

/// A small configuration of every network in the registry, and state dicts that the reference implementations made.
enum TinyNetworks {
  /// What the contract's networks are told of the data. Every norm has groups of two channels or more: with one, a bias
  /// before a norm would have no effect.
  static let facts = NetworkFacts(channels: 3, outputChannels: 6, height: 8, width: 8, classRows: 5)

  /// By the name in the registry.
  static let recipes: [String: any NetworkRecipe] = {
    var adm = ADMUNet.Recipe()
    adm.modelChannels = 64
    adm.channelMult = [1, 1.5]
    adm.numResBlocks = 1
    adm.attentionResolutions = [4]
    adm.numHeadChannels = 32
    return [ADMUNet.Recipe.name: adm]
  }()

  static func recipe(_ name: String) throws -> any NetworkRecipe {
    var recipe = try #require(recipes[name], "network '\(name)' has no tiny configuration in TinyNetworks")
    recipe.adapt(to: facts)
    return recipe
  }

  /// A network whose layers that start from zero were moved away from it.
  static func network(_ name: String, seed: UInt64 = 1) throws -> any DiffusionNetwork {
    let generator = Generator(seed: seed)
    let network = try recipe(name).makeNetwork(using: Initializer(generator))
    for parameter in network.parameters() where try parameter.value.detach().norm().item() == 0 {
      try parameter.assign(0.05 * Tensor.randn(parameter.shape, using: generator))
    }
    return network
  }

  /// Arguments for a batch.
  struct Batch {
    var x: Tensor, timesteps: Tensor, labels: Tensor?

    init(count: Int = 3, size: Int = 8) {
      x = Tensor.randn([count, 3, size, size], using: Generator(seed: 11))
      timesteps = Tensor((0..<count).map { Float(400 * $0) + 3.5 })
      labels = Tensor((0..<count).map { ($0 + 1) % 5 })
    }

    func image(_ index: Int) -> Batch {
      var one = self
      (one.x, one.timesteps, one.labels) = (x.image(index), timesteps.image(index), labels?.image(index))
      return one
    }
  }

  /// Names and shapes that the reference gave its state dicts, with the recipes of the same networks.
  static let references: [(file: String, recipe: any NetworkRecipe)] = {
    var adm = ADMUNet.Recipe()
    adm.modelChannels = 32
    adm.channelMult = [1, 1]
    adm.numResBlocks = 1
    adm.attentionResolutions = [8]
    adm.numHeadChannels = 16
    adm.dropout = 0.1
    adm.adapt(to: NetworkFacts(channels: 3, outputChannels: 6, height: 16, width: 16, classRows: 5))
    var improved = ADMUNet.Recipe()
    improved.modelChannels = 32
    improved.channelMult = [1, 2]
    improved.numResBlocks = 1
    improved.attentionResolutions = [8]
    improved.numHeads = 2
    improved.useNewAttentionOrder = false
    improved.useScaleShiftNorm = false
    improved.resblockUpdown = false
    improved.adapt(to: NetworkFacts(channels: 3, outputChannels: 6, height: 16, width: 16, classRows: nil))
    return [("adm_unet", adm), ("adm_unet_improved", improved)]
  }()

  /// Lines of a name and sizes.
  static func golden(_ file: String) throws -> [String] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: folder.appendingPathComponent("Fixtures/networks/\(file).txt"), encoding: .utf8)
    return text.split(separator: "\n").map(String.init)
  }
}

extension DiffusionNetwork {
  /// The output for inference.
  func infer(_ batch: TinyNetworks.Batch) -> Tensor {
    withoutGradient {
      self(batch.x, timesteps: batch.timesteps, conditioning: Conditioning(labels: batch.labels), mode: .inference)
    }
  }
}

/// ‖a − b‖ / ‖b‖.
func relativeError(_ a: Tensor, _ b: Tensor) throws -> Double { try (a - b).norm().item() / b.norm().item() }
