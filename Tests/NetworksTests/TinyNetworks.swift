import Foundation
import NN
import Networks
import RecipeKit
import Tensors
import Testing

/// A small configuration of a denoising network for the contract tests.
struct TinyNetwork {
  let recipe: any NetworkRecipe
  /// An option that leaves a trace in the shapes, with another value than the recipe's.
  let change: String
  var takesClasses = true
  /// Corruptions whose strengths it takes, with a degraded image; 0 for a network that samples from noise alone.
  var corruptions = 0
  /// Whether the degraded image may be smaller.
  var enlarges = false
  /// Heights and widths that it takes beside those of the data.
  var sizes = [(4, 4), (16, 16), (4, 12), (5, 8), (7, 11), (1, 1)]
}

/// A small configuration of every denoising network, and state dicts that the reference implementations made.
enum TinyNetworks {
  /// The data for which the contract's networks are made. Every norm has groups of two channels or more: with one, a bias
  /// before a norm would have no effect.
  static let facts = NetworkInputSpec(channels: 3, outputChannels: 6, height: 8, width: 8, classRows: 5, nullClass: 4)

  static let names = TrainableNetworkRegistry.names

  /// By the name in the registry: a new network needs one entry here.
  static let all: [String: TinyNetwork] = [
    "adm_unet": TinyNetwork(recipe: adm, change: "num_res_blocks=2"),
    "nice_unet": TinyNetwork(recipe: nice, change: "num_classes=9", sizes: []),
    "context_unet": TinyNetwork(recipe: context, change: "model_channels=24"),
    "unet2d_model": TinyNetwork(recipe: unet2D, change: "layers_per_block=2"),
    "simple_diffusion_unet": TinyNetwork(recipe: simple, change: "hidden_dims=[16, 24, 40]", takesClasses: false),
    "dit": TinyNetwork(recipe: dit, change: "depth=3"),
    "super_resolution_unet": TinyNetwork(recipe: superResolution, change: "num_corruptions=5", corruptions: 2, enlarges: true),
    "restoration_unet": TinyNetwork(recipe: restoration, change: "num_res_blocks=2", takesClasses: false, corruptions: 2),
  ]

  private static var adm: ADMUNet.Recipe {
    var adm = ADMUNet.Recipe()
    (adm.modelChannels, adm.channelMult, adm.numResBlocks) = (64, [1, 1.5], 1)
    (adm.attentionResolutions, adm.numHeadChannels) = ([4], 32)
    return adm
  }

  private static var nice: NiceUNet.Recipe {
    var nice = NiceUNet.Recipe()
    (nice.modelChannels, nice.channelMult, nice.numResBlocks) = (64, [1, 1.5], 1)
    (nice.attentionResolutions, nice.numHeads) = ([4], 2)
    return nice
  }

  private static var context: ContextUNet.Recipe {
    var context = ContextUNet.Recipe()
    (context.modelChannels, context.channelMult, context.numResBlocks) = (16, [1, 2], 1)
    return context
  }

  private static var unet2D: UNet2DModel.Recipe {
    var unet2D = UNet2DModel.Recipe()
    (unet2D.blockOutChannels, unet2D.layersPerBlock, unet2D.normNumGroups) = ([16, 24], 1, 8)
    (unet2D.downBlockTypes, unet2D.upBlockTypes) = ([.plain, .attention], [.attention, .residual])
    (unet2D.downsamplePadding, unet2D.midBlockScaleFactor) = (0, 1.5)
    return unet2D
  }

  private static var simple: SimpleDiffusionUNet.Recipe {
    var simple = SimpleDiffusionUNet.Recipe()
    simple.hiddenDims = [16, 24, 32]
    return simple
  }

  private static var dit: DiT.Recipe {
    var dit = DiT.Recipe()
    (dit.patchSize, dit.hiddenSize, dit.depth, dit.numHeads) = (2, 32, 2, 2)
    return dit
  }

  private static var superResolution: SuperResolutionUNet.Recipe {
    var superResolution = SuperResolutionUNet.Recipe()
    (superResolution.unet, superResolution.numCorruptions) = (adm, 2)
    return superResolution
  }

  private static var restoration: RestorationUNet.Recipe {
    var restoration = RestorationUNet.Recipe()
    (restoration.modelChannels, restoration.channelMult, restoration.numCorruptions) = (8, [1, 2], 2)
    return restoration
  }

  static func tiny(_ name: String) throws -> TinyNetwork {
    try #require(
      all[name], "network '\(name)' has no tiny configuration; add one to TinyNetworks.all in Tests/NetworksTests/TinyNetworks.swift")
  }

  static func recipe(_ name: String) throws -> any NetworkRecipe {
    var recipe = try tiny(name).recipe
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
    var x: Tensor, timesteps: Tensor, conditioning: Conditioning

    /// For a network of the contract, with all the conditioning that it takes.
    init(for name: String = ADMUNet.Recipe.name, count: Int = 3, height: Int = 8, width: Int = 8) {
      let generator = Generator(seed: 11), tiny = all[name]
      x = Tensor.randn([count, 3, height, width], using: generator)
      timesteps = Tensor((0..<count).map { Float(400 * $0) + 3.5 })
      conditioning = Conditioning(labels: tiny?.takesClasses == false ? nil : Tensor((0..<count).map { ($0 + 1) % 5 }))
      guard let corruptions = tiny?.corruptions, corruptions > 0 else { return }
      let factor = tiny?.enlarges == true ? 2 : 1
      conditioning.lowRes = .randn([count, 3, (height + factor - 1) / factor, (width + factor - 1) / factor], using: generator)
      conditioning.corruptionStrengths = .rand([count, corruptions], using: generator)
    }

    /// The same on the device `meta`.
    var shapes: Batch {
      var shapes = self
      (shapes.x, shapes.timesteps) = (x.to(.meta), timesteps.to(.meta))
      shapes.conditioning = Conditioning(
        labels: conditioning.labels?.to(.meta), lowRes: conditioning.lowRes?.to(.meta),
        corruptionStrengths: conditioning.corruptionStrengths?.to(.meta))
      return shapes
    }

    func image(_ index: Int) -> Batch {
      var one = self
      (one.x, one.timesteps) = (x.image(index), timesteps.image(index))
      one.conditioning = Conditioning(
        labels: conditioning.labels?.image(index), lowRes: conditioning.lowRes?.image(index),
        corruptionStrengths: conditioning.corruptionStrengths?.image(index))
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
    adm.adapt(to: NetworkInputSpec(channels: 3, outputChannels: 6, height: 16, width: 16, classRows: 5))
    var improved = ADMUNet.Recipe()
    improved.modelChannels = 32
    improved.channelMult = [1, 2]
    improved.numResBlocks = 1
    improved.attentionResolutions = [8]
    improved.numHeads = 2
    improved.useNewAttentionOrder = false
    improved.useScaleShiftNorm = false
    improved.resblockUpdown = false
    improved.adapt(to: NetworkInputSpec(channels: 3, outputChannels: 6, height: 16, width: 16, classRows: nil))
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
  func infer(_ batch: TinyNetworks.Batch) -> Tensor { withoutGradient { run(batch, mode: .inference) } }

  func run(_ batch: TinyNetworks.Batch, mode: Mode) -> Tensor {
    self(batch.x, timesteps: batch.timesteps, conditioning: batch.conditioning, mode: mode)
  }
}

/// ‖a − b‖ / ‖b‖.
func relativeError(_ a: Tensor, _ b: Tensor) throws -> Double { try (a - b).norm().item() / b.norm().item() }
