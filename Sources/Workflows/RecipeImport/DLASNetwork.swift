import RecipeKit

/// `networks.generator` of a configuration of DL-Art-School.
struct DLASNetwork {
  let imageSize: Int, corruptions: Int, outChannels: Int
  let lines: [String]

  init(_ source: ForeignConfiguration) throws(RecipeError) {
    let which = "networks.generator.which_model_G", arguments = "networks.generator.args"
    guard try source.text(which) == "unet_diffusion" else { throw source.problem(which, "expected unet_diffusion") }
    guard let size = try source.integer("\(arguments).image_size"), (8...4096).contains(size) else {
      throw source.problem("\(arguments).image_size", "expected 8 to 4096")
    }
    guard try source.integer("\(arguments).in_channels") ?? 3 == 3 else {
      throw source.problem("\(arguments).in_channels", "expected 3")
    }
    imageSize = size
    corruptions = try source.integer("\(arguments).num_corruptions") ?? 0
    outChannels = try source.integer("\(arguments).out_channels") ?? 3
    guard [3, 6].contains(outChannels) else {
      throw source.problem("\(arguments).out_channels", "expected 3, or 6 with a learned variance")
    }
    var unet = ["image_size: \(size)", "normalization: dlas"]
    unet += try Self.attention(source, arguments, size)
    for key in ["model_channels", "num_res_blocks", "num_heads", "num_heads_upsample", "num_head_channels"] {
      if let value = try source.integer("\(arguments).\(key)") { unet.append("\(key): \(value)") }
    }
    if let factors = try source.numbers("\(arguments).channel_mult") {
      unet.append("channel_mult: [\(factors.map(\.short).joined(separator: ", "))]")
    }
    if let dropout = try source.number("\(arguments).dropout") { unet.append("dropout: \(dropout.short)") }
    // With the defaults of DL-Art-School, which are not those here.
    for (key, usual) in [
      ("use_scale_shift_norm", false), ("resblock_updown", false), ("use_new_attention_order", false), ("conv_resample", true),
    ] {
      unet.append("\(key): \(try source.flag("\(arguments).\(key)") ?? usual)")
    }
    if try source.flag("checkpointing_enabled") ?? false { unet.append("use_checkpoint: true") }
    lines =
      ["network:", "  type: super_resolution_unet", "  num_corruptions: \(corruptions)", "  unet:"] + unet.map { "    \($0)" }
  }

  /// The list holds rates of reduction there, heights here.
  private static func attention(
    _ source: ForeignConfiguration, _ arguments: String, _ size: Int
  ) throws(RecipeError) -> [String] {
    let path = "\(arguments).attention_resolutions"
    guard let rates = try source.numbers(path) else { return [] }
    var heights: [String] = []
    for rate in rates {
      guard rate >= 1, (Double(size) / rate).rounded() == Double(size) / rate else {
        throw source.problem(path, "expected rates of reduction that divide image_size \(size), such as 8 and 16")
      }
      heights.append((Double(size) / rate).short)
    }
    return ["attention_resolutions: [\(heights.joined(separator: ", "))]"]
  }
}

extension Double {
  /// `2` of 2.0, `0.5` of 0.5.
  var short: String { self == rounded() && abs(self) < 1e15 ? "\(Int(self))" : "\(self)" }
}
