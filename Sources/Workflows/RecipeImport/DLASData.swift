import RecipeKit

/// `datasets.train` of a configuration of DL-Art-School: pictures, and how they are degraded.
struct DLASData {
  let batchSize: Int
  let lines: [String]
  /// What the corruptions of the same name do differently.
  let differences: [String]
  private static let train = "datasets.train"

  init(_ source: ForeignConfiguration, _ network: DLASNetwork) throws(RecipeError) {
    try Self.refuseOthers(source)
    guard let batch = try source.integer("\(Self.train).batch_size"), (1...65_536).contains(batch) else {
      throw source.problem("\(Self.train).batch_size", "expected 1 to 65536")
    }
    batchSize = batch
    let size = try source.integer("\(Self.train).target_size") ?? network.imageSize
    let mirrored = try !(source.flag("\(Self.train).disable_flip") ?? false)
    var lines = try Self.pictures(source)
    lines.append("images: { size: \(size), fit: center_crop, channels: 3, flip: \(mirrored ? "horizontal" : "none") }")
    if let workers = try source.integer("\(Self.train).n_workers"), workers > 0 { lines.append("loading: { workers: \(workers) }") }
    let names = try source.texts("\(Self.train).fixed_corruptions") ?? []
    self.lines = try lines + Self.corruptions(names, source, network)
    differences = names.compactMap { name in Self.difference(name).map { "\(source.place("\(Self.train).fixed_corruptions")): \($0)" } }
  }

  private static func refuseOthers(_ source: ForeignConfiguration) throws(RecipeError) {
    guard try source.text("\(train).mode") == "imagefolder" else { throw source.problem("\(train).mode", "expected imagefolder") }
    guard try source.flag("\(train).rgb_n1_to_1") ?? false else {
      throw source.problem("\(train).rgb_n1_to_1", "expected true: training is on numbers from -1 to 1")
    }
    guard try source.flag("\(train).force_square") ?? true else { throw source.problem("\(train).force_square", "expected true") }
    guard try source.number("\(train).all_image_color_jitter") ?? 0 == 0 else {
      throw source.problem("\(train).all_image_color_jitter", "expected 0")
    }
    guard try source.number("\(train).corrupt_before_downsize_factor") ?? 1 == 1 else {
      throw source.problem("\(train).corrupt_before_downsize_factor", "expected 1")
    }
    guard try source.flag("\(train).skip_lq") ?? false == false else {
      throw source.problem("\(train).skip_lq", "expected false: this is an inference configuration, the second argument")
    }
    source.leaveOut("\(train).force_multiple")
  }

  private static func pictures(_ source: ForeignConfiguration) throws(RecipeError) -> [String] {
    guard let paths = try source.texts("\(train).paths"), !paths.isEmpty else {
      throw source.problem("\(train).paths", "expected a folder or a list of folders")
    }
    func folder(_ path: String) -> String { "{ type: folder, path: \(quoted(path)), class_from: none }" }
    let weights = try source.numbers("\(train).weights")
    guard paths.count > 1 else { return ["data: \(folder(paths[0]))"] }
    guard weights?.count ?? paths.count == paths.count else {
      throw source.problem("\(train).weights", "expected \(paths.count) numbers, one for each path")
    }
    var lines = ["data:", "  type: mix", "  sources:"] + paths.map { "    - \(folder($0))" }
    if let weights { lines.append("  weights: [\(weights.map(\.short).joined(separator: ", "))]") }
    return lines
  }

  private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}

// MARK: Corruptions

extension DLASData {
  private static func corruptions(
    _ fixed: [String], _ source: ForeignConfiguration, _ network: DLASNetwork
  ) throws(RecipeError) -> [String] {
    let random = (try source.texts("\(train).random_corruptions") ?? []).filter { $0 != "none" }
    guard fixed.count == network.corruptions else {
      throw source.problem(
        "networks.generator.args.num_corruptions", "expected \(fixed.count), one for each of datasets.train.fixed_corruptions")
    }
    guard random.isEmpty else {
      throw source.problem(
        "\(train).random_corruptions", "expected [none]: the network is given their strengths here and not there")
    }
    _ = try source.integer("\(train).num_corrupts_per_image")
    let blur = try source.number("\(train).corruption_blur_scale") ?? 1
    let before = try source.flag("\(train).corrupt_before_downsize") ?? false
    let cosine = try source.flag("\(train).cosine_bias") ?? true
    var lines = ["corruptions:"]
    for (index, name) in fixed.enumerated() {
      guard let entry = entry(name, blurScale: blur) else {
        throw source.problem(
          "\(train).fixed_corruptions", "expected corruptions known here (jpeg, gaussian_blur, …); '\(name)', number \(index + 1), is not")
      }
      if index == 0 { lines.append("  fixed:") }
      lines.append("    - { \(entry)\(before ? ", place: before_downsampling" : "") }")
    }
    lines.append("  scale: \(try source.integer("\(train).scale") ?? 1)")
    lines.append("  filter: box")
    lines.append("  strength_distribution: \(cosine ? "cosine" : "uniform")")
    return lines
  }

  /// Nil for those that do nothing there, or fail.
  private static func entry(_ name: String, blurScale: Double) -> String? {
    switch name {
    case "jpeg-low", "jpeg-medium", "jpeg-broad", "jpeg-normal": "type: jpeg, range: \(name.dropFirst(5))"
    case "jpeg": "type: jpeg, min_quality: 10, max_quality: 30"
    case "gaussian_blur": "type: gaussian_blur, sigma: \((1.5 * blurScale).short)"
    case "noise", "noise-5": "type: noise, levels: 3"
    case "color_quantization", "saturation": "type: \(name)"
    case "greyscale": "type: grey"
    case "lq_resampling": "type: lq_resampling, factor: 2"
    case "lq_resampling4x": "type: lq_resampling, factor: 4"
    default: nil
    }
  }

  /// The differences that `docs/corruptions.md` lists.
  private static func difference(_ name: String) -> String? {
    switch name {
    case "noise", "noise-5": "\(name) is Gaussian here; there it is uniform from 0 to 6 levels, which brightens"
    case "color_quantization": "\(name) leaves pictures unchanged at strength 0; there it drops two bits and darkens"
    case "greyscale": "greyscale grows with its strength; there it is the mean of the channels at any strength"
    case "lq_resampling", "lq_resampling4x": "\(name) reduces by any factor up to its own; there by 1, 2 or 4, and enlarges last of all"
    default: nil
    }
  }
}
