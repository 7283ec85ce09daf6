import Foundation
import NN
import Networks
import RecipeKit
import Tensors
import Testing

/// A small configuration of every denoising network, and state dicts that the reference implementations made.
enum TinyNetworks {
  /// What the contract's networks are told of the data. Every norm has groups of two channels or more: with one, a bias
  /// before a norm would have no effect.
  static let facts = NetworkInputSpec(channels: 3, outputChannels: 6, height: 8, width: 8, classRows: 5, nullClass: 4)

  /// Those that make images from noise alone, and those that are given a picture too.
  static let names = TrainableNetworkRegistry.names

  /// By the name in the registry.
  static let recipes: [String: any NetworkRecipe] = {
    var adm = ADMUNet.Recipe()
    adm.modelChannels = 64
    adm.channelMult = [1, 1.5]
    adm.numResBlocks = 1
    adm.attentionResolutions = [4]
    adm.numHeadChannels = 32
    var superResolution = SuperResolutionUNet.Recipe()
    superResolution.unet = adm
    superResolution.numCorruptions = 2
    var nice = NiceUNet.Recipe()
    (nice.modelChannels, nice.channelMult, nice.numResBlocks) = (64, [1, 1.5], 1)
    (nice.attentionResolutions, nice.numHeads) = ([4], 2)
    var context = ContextUNet.Recipe()
    (context.modelChannels, context.channelMult, context.numResBlocks) = (16, [1, 2], 1)
    var unet2D = UNet2DModel.Recipe()
    unet2D.blockOutChannels = [16, 24]
    unet2D.downBlockTypes = [.plain, .attention]
    unet2D.upBlockTypes = [.attention, .residual]
    unet2D.layersPerBlock = 1
    unet2D.normNumGroups = 8
    unet2D.downsamplePadding = 0
    unet2D.midBlockScaleFactor = 1.5
    var simple = SimpleDiffusionUNet.Recipe()
    simple.hiddenDims = [16, 24, 32]
    var restoration = RestorationUNet.Recipe()
    (restoration.modelChannels, restoration.channelMult, restoration.numCorruptions) = (8, [1, 2], 2)
    return [
      RestorationUNet.Recipe.name: restoration, SimpleDiffusionUNet.Recipe.name: simple, ADMUNet.Recipe.name: adm, SuperResolutionUNet.Recipe.name: superResolution,
      NiceUNet.Recipe.name: nice,
      ContextUNet.Recipe.name: context, UNet2DModel.Recipe.name: unet2D,
    ]
  }()

  /// An option of each tiny network that leaves a trace in the shapes, with another value.
  static let changes = [
    ADMUNet.Recipe.name: "num_res_blocks=2", SuperResolutionUNet.Recipe.name: "num_corruptions=5", NiceUNet.Recipe.name: "num_classes=9",
    ContextUNet.Recipe.name: "model_channels=24", SimpleDiffusionUNet.Recipe.name: "hidden_dims=[16, 24, 40]",
    UNet2DModel.Recipe.name: "layers_per_block=2", RestorationUNet.Recipe.name: "num_res_blocks=2",
  ]

  /// Networks that take no classes.
  static let withoutClasses: Set = [SimpleDiffusionUNet.Recipe.name, RestorationUNet.Recipe.name]

  /// Heights and widths that a network takes beside those of the data.
  static func sizes(_ name: String) -> [(Int, Int)] {
    name == NiceUNet.Recipe.name ? [] : [(4, 4), (16, 16), (4, 12), (5, 8), (7, 11), (1, 1)]
  }

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
    var x: Tensor, timesteps: Tensor, conditioning: Conditioning

    /// For a network of the contract, with all that it can be told.
    init(for name: String = ADMUNet.Recipe.name, count: Int = 3, height: Int = 8, width: Int = 8) {
      let generator = Generator(seed: 11)
      x = Tensor.randn([count, 3, height, width], using: generator)
      timesteps = Tensor((0..<count).map { Float(400 * $0) + 3.5 })
      conditioning = Conditioning(labels: withoutClasses.contains(name) ? nil : Tensor((0..<count).map { ($0 + 1) % 5 }))
      guard RestoringNetworkRegistry.names.contains(name) else { return }
      let factor = name == SuperResolutionUNet.Recipe.name ? 2 : 1
      conditioning.lowRes = .randn([count, 3, (height + factor - 1) / factor, (width + factor - 1) / factor], using: generator)
      conditioning.corruptionStrengths = .rand([count, 2], using: generator)
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
