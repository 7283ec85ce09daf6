import NN
import Networks
import RecipeKit
import Tensors

/// One of our networks, built from the class and the constructor arguments of a reference's.
struct ReferenceNetwork {
  enum Family: CaseIterable {
    case adm, superResolution, dlasSuperResolution, classifier, nice

    /// By the reference's class.
    /// - Throws: for one that is not understood.
    init(class name: String?, of manifest: Manifest) throws {
      switch name {
      case "guided_diffusion.unet.UNetModel", "improved_diffusion.unet.UNetModel": self = .adm
      case "guided_diffusion.unet.SuperResModel": self = .superResolution
      case "models.diffusion.unet_diffusion.SuperResModel (DL-Art-School)": self = .dlasSuperResolution
      case "guided_diffusion.unet.EncoderUNetModel": self = .classifier
      case "nicediffusion.model.DiffusionModel": self = .nice
      default: throw ReferenceError("\(manifest.name): the network '\(name ?? "")' is not understood")
      }
    }
  }

  let family: Family
  let module: any Module
  /// The forward pass, which shows every block's output.
  let trace: (_ x: Tensor, _ timesteps: Tensor, Conditioning, _ observe: (String, Tensor) -> Void) -> Tensor

  /// - Parameter arguments: of the reference's constructor.
  /// - Throws: for an argument that is not understood; the recipe's refusal of its value.
  init(_ family: Family, _ arguments: [String: JSON], of manifest: Manifest, using initializer: Initializer) throws {
    self.family = family
    switch family {
    case .adm:
      let network = try ADMUNet(Self.admRecipe(arguments, of: manifest), using: initializer)
      module = network
      trace = { network.trace($0, timesteps: $1, conditioning: $2, mode: .inference, observe: $3) }
    case .superResolution, .dlasSuperResolution:
      let recipe = try Self.superResolutionRecipe(arguments, of: manifest, isDLAS: family == .dlasSuperResolution)
      let network = try SuperResolutionUNet(recipe, using: initializer)
      module = network
      trace = { network.trace($0, timesteps: $1, conditioning: $2, mode: .inference, observe: $3) }
    case .classifier:
      let network = try EncoderClassifier(Self.classifierRecipe(arguments, of: manifest), using: initializer)
      module = network
      trace = { network.trace($0, timesteps: $1, mode: .inference, observe: $3) }
    case .nice:
      let network = try NiceUNet(Self.niceRecipe(arguments, of: manifest), using: initializer)
      module = network
      trace = { network.trace($0, timesteps: $1, conditioning: $2, mode: .inference, observe: $3) }
    }
  }

  // MARK: Arguments as recipes

  /// Arguments whose names and meanings are those of the ADM UNet's recipe and the classifier's.
  private static let common: Set<String> = [
    "in_channels", "model_channels", "num_res_blocks", "channel_mult", "num_heads", "num_head_channels", "conv_resample", "dropout",
    "use_scale_shift_norm", "resblock_updown", "use_new_attention_order",
  ]
  /// What the reference takes where our recipes have another default.
  private static let openAIDefaults: [String: JSON] = [
    "use_scale_shift_norm": .bool(false), "resblock_updown": .bool(false), "use_new_attention_order": .bool(false),
  ]

  private static func settings(
    _ arguments: [String: JSON], known: Set<String>, defaults: [String: JSON] = [:], apart: Set<String> = [], of manifest: Manifest
  ) throws -> [String] {
    try arguments.merging(defaults, uniquingKeysWith: { given, _ in given }).filter { !apart.contains($0.key) }.map { key, value in
      guard known.contains(key) else { throw ReferenceError("\(manifest.name): argument '\(key)' is not understood") }
      return "\(key)=\(value)"
    }
  }

  /// Attention's places, which the reference counts in factors of downsampling, as heights of images of `size`.
  private static func attention(_ arguments: [String: JSON], size: Int) -> String {
    "attention_resolutions=\(JSON.array((arguments["attention_resolutions"]?.ints ?? []).map { .number(Double(size / $0)) }))"
  }

  static func admRecipe(
    _ arguments: [String: JSON], _ normalization: Normalization = .openai, of manifest: Manifest
  ) throws -> ADMUNet.Recipe {
    // Nothing but attention's places depends on the size, so that one will do that every factor divides.
    let size = (arguments["attention_resolutions"]?.ints ?? []).reduce(64, *)
    let settings = try settings(
      arguments, known: common.union(["out_channels", "num_heads_upsample", "num_classes"]), defaults: openAIDefaults,
      apart: ["image_size", "attention_resolutions"], of: manifest)
    let ours = ["image_size=\(size)", attention(arguments, size: size), "normalization=\(normalization.rawValue)"]
    return try ADMUNet.Recipe(yaml: "", file: manifest.name, set: settings + ours)
  }

  static func superResolutionRecipe(
    _ arguments: [String: JSON], of manifest: Manifest, isDLAS: Bool
  ) throws -> SuperResolutionUNet.Recipe {
    var recipe = SuperResolutionUNet.Recipe(), rest = arguments
    if isDLAS {
      guard let count = rest.removeValue(forKey: "num_corruptions")?.int else { throw ReferenceError("\(manifest.name): no corruptions") }
      recipe.numCorruptions = count
    }
    recipe.unet = try admRecipe(rest, isDLAS ? .dlas : .openai, of: manifest)
    return recipe
  }

  static func classifierRecipe(_ arguments: [String: JSON], of manifest: Manifest) throws -> EncoderClassifier.Recipe {
    guard let size = arguments["image_size"]?.int, let classes = arguments["out_channels"]?.int else {
      throw ReferenceError("\(manifest.name): the images' size or the classes are not understood")
    }
    let settings = try settings(
      arguments, known: common.union(["pool"]),
      defaults: openAIDefaults.merging(["pool": .string("adaptive"), "num_head_channels": .number(-1)]) { a, _ in a },
      apart: ["image_size", "out_channels", "attention_resolutions"], of: manifest)
    return try EncoderClassifier.Recipe(
      yaml: "", file: manifest.name,
      set: settings + ["image_size=\(size)", "num_classes=\(classes)", attention(arguments, size: size)])
  }

  static func niceRecipe(_ arguments: [String: JSON], of manifest: Manifest) throws -> NiceUNet.Recipe {
    let known: Set<String> = [
      "resolution", "in_channels", "out_channels", "model_channels", "channel_mult", "num_res_blocks", "attention_resolutions", "dropout",
      "conv_resample", "num_classes", "num_heads", "num_head_channels", "resblock_updown", "use_adaptive_gn", "split_qkv_first",
    ]
    return try NiceUNet.Recipe(yaml: "", file: manifest.name, set: settings(arguments, known: known, of: manifest))
  }
}
