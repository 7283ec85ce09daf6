import Foundation
import Networks
import RecipeKit

/// `unet/config.json` of a diffusers folder: a UNet2DModel and the size of its images.
public struct UNet2DConfig: Sendable, Equatable {
  public static let className = "UNet2DModel"
  public var recipe: UNet2DModel.Recipe
  /// `sample_size`.
  public var height: Int, width: Int

  public init(recipe: UNet2DModel.Recipe, height: Int, width: Int) {
    self.recipe = recipe
    self.height = height
    self.width = width
  }

  // MARK: Reading

  /// Options that do not describe the network: those of the average that was kept.
  private static let unrelated: Set = [
    "decay", "inv_gamma", "min_decay", "optimization_step", "power", "update_after_step", "use_ema_warmup",
  ]

  /// - Parameters:
  ///   - json: at most 1 MiB.
  ///   - file: its name, for messages.
  /// - Throws: for a text that is no such config, for an option that is not known, and for a value that is not supported, with what is.
  public init(json: Data, file: String) throws(RecipeError) {
    guard json.count <= 1 << 20 else { throw RecipeError(place: file, "expected a config of at most 1 MiB, found \(json.count) bytes") }
    guard var options = (try? JSONSerialization.jsonObject(with: json)) as? [String: Any] else {
      throw RecipeError(place: file, "expected one JSON object")
    }
    let kind = options["_class_name"] as? String
    guard kind == Self.className else {
      throw RecipeError(place: file, path: "_class_name", "expected \(Self.className), found \(kind ?? "none")")
    }
    options = options.filter { !$0.key.hasPrefix("_") && !Self.unrelated.contains($0.key) }
    (height, width) = try Self.size(options.removeValue(forKey: "sample_size"), file)
    try Self.checkFixed(&options, file)
    for key in ["down_block_types", "up_block_types"] {
      // diffusers before 0.3 wrote this before its blocks' names.
      guard let names = options[key] as? [String] else { continue }
      options[key] = names.map { $0.hasPrefix("UNetRes") ? String($0.dropFirst("UNetRes".count)) : $0 }
    }
    recipe = try Self.recipe(options, file)
    // diffusers' own defaults, which ask no data.
    (recipe.inChannels, recipe.outChannels) = (recipe.inChannels ?? 3, recipe.outChannels ?? 3)
  }

  private static func size(_ value: Any?, _ file: String) throws(RecipeError) -> (Int, Int) {
    let sizes = value as? [Int] ?? (value as? Int).map { [$0, $0] } ?? []
    guard sizes.count == 2, sizes.allSatisfy({ (1...65536).contains($0) }) else {
      throw RecipeError(
        place: file, path: "sample_size", "expected the images' height, or height and width, of 1 to 65536, found \(text(value))")
    }
    return (sizes[0], sizes[1])
  }

  /// Options of which one value alone is supported.
  private static func checkFixed(_ options: inout [String: Any], _ file: String) throws(RecipeError) {
    let fixed: [(key: String, values: [String?], hint: String)] = [
      ("act_fn", ["silu", "swish"], ""),
      ("time_embedding_type", ["positional"], "; fourier belongs to the score models of ScoreSdeVeScheduler, which is not read"),
      ("class_embed_type", [nil], ""),
    ]
    for (key, values, hint) in fixed {
      guard let value = options.removeValue(forKey: key) else { continue }
      guard values.contains(value as? String), value is NSNull || value is String else {
        throw RecipeError(
          place: file, path: key, "expected \(values.map { $0 ?? "null" }.joined(separator: " or ")), found \(text(value))\(hint)")
      }
    }
    options["num_train_timesteps"] = nil  // read by the learned embedding of time alone
  }

  private static func recipe(_ options: [String: Any], _ file: String) throws(RecipeError) -> UNet2DModel.Recipe {
    // Written again and read over the defaults like any recipe, which refuses unknown keys and values.
    let data = try? JSONSerialization.data(withJSONObject: options, options: .sortedKeys)
    do throws(RecipeError) {
      return try UNet2DModel.Recipe(yaml: String(decoding: data ?? Data(), as: UTF8.self), file: file)
    } catch { throw RecipeError(place: file, path: error.path, error.message) }
  }

  private static func text(_ value: Any?) -> String {
    guard let value, !(value is NSNull) else { return "null" }
    return String("\(value)".prefix(60))
  }

  // MARK: Writing

  /// The text that diffusers reads.
  public var json: Data {
    var options: [String: Any] = [
      "_class_name": Self.className, "act_fn": "silu", "time_embedding_type": "positional", "class_embed_type": NSNull(),
      "num_train_timesteps": NSNull(), "sample_size": height == width ? height as Any : [height, width],
    ]
    let r = recipe
    options.merge([
      "in_channels": r.resolvedInChannels, "out_channels": r.resolvedOutChannels, "center_input_sample": r.centerInputSample,
      "time_embedding_dim": Self.orNull(r.timeEmbeddingDim), "freq_shift": r.freqShift, "flip_sin_to_cos": r.flipSinToCos,
      "down_block_types": r.downBlockTypes.map(\.rawValue), "mid_block_type": Self.orNull(r.midBlockType?.rawValue),
      "up_block_types": r.upBlockTypes.map(\.rawValue), "block_out_channels": r.blockOutChannels, "layers_per_block": r.layersPerBlock,
      "mid_block_scale_factor": r.midBlockScaleFactor, "downsample_padding": r.downsamplePadding,
      "downsample_type": r.downsampleType.rawValue, "upsample_type": r.upsampleType.rawValue, "dropout": r.dropout,
      "attention_head_dim": Self.orNull(r.attentionHeadDim), "norm_num_groups": r.normNumGroups,
      "attn_norm_num_groups": Self.orNull(r.attnNormNumGroups), "norm_eps": r.normEps,
      "resnet_time_scale_shift": r.resnetTimeScaleShift.rawValue, "add_attention": r.addAttention,
      "num_class_embeds": Self.orNull(r.numClassEmbeds),
    ]) { $1 }
    // Numbers, texts and lists of these: it cannot fail.
    return (try? JSONSerialization.data(withJSONObject: options, options: [.sortedKeys, .prettyPrinted])) ?? Data()
  }

  private static func orNull(_ value: Any?) -> Any { value ?? NSNull() }
}
