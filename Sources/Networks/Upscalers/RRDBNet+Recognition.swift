extension RRDBNet.Recipe {
  public static let landmarks = ["conv_first.weight", "body.0.rdb1.conv1.weight", "conv_last.weight"]

  /// ESRGAN's own names: those of its code (`RRDB_trunk`, `HRconv`), and those of its first architecture, where layers are numbered
  /// (`model.0` to `model.10`).
  public static func currentName(of name: String) -> String {
    var parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let last = parts.popLast() else { return name }
    let layer = parts.joined(separator: ".")
    if let current = layers[layer] { return "\(current).\(last)" }
    // RRDB_trunk.3.RDB1.conv2; of the first architecture model.1.sub.3.RDB1.conv2.0, and model.1.sub.23 after the last block.
    if parts.count == 4, parts[0] == "RRDB_trunk" { return "body.\(parts[1]).\(parts[2].lowercased()).\(parts[3]).\(last)" }
    guard parts.starts(with: ["model", "1", "sub"]) else { return name }
    if parts.count == 4 { return "conv_body.\(last)" }
    guard parts.count == 7, parts[6] == "0" else { return name }
    return "body.\(parts[3]).\(parts[4].lowercased()).\(parts[5]).\(last)"
  }

  private static let layers = [
    "trunk_conv": "conv_body", "upconv1": "conv_up1", "upconv2": "conv_up2", "HRconv": "conv_hr", "model.0": "conv_first",
    "model.3": "conv_up1", "model.6": "conv_up2", "model.8": "conv_hr", "model.10": "conv_last",
  ]

  /// The result is taken to have as many channels as the images, which is what shows the scale.
  public func fitted(to shapes: CheckpointShapes) -> Self? {
    guard let first = shapes.size("conv_first.weight", 1), let features = shapes.size("conv_first.weight", 0),
      let growth = shapes.size("body.0.rdb1.conv1.weight", 0), let channels = shapes.size("conv_last.weight", 0),
      let scale = [4, 2, 1].first(where: { first == channels * (4 / $0) * (4 / $0) })
    else { return nil }
    var recipe = self
    (recipe.numInCh, recipe.numOutCh, recipe.scale) = (channels, channels, scale)
    (recipe.numFeat, recipe.numGrowCh) = (features, growth)
    recipe.numBlock = (0...).lazy.prefix { shapes.has("body.\($0).rdb1.conv1.weight") }.count
    return recipe
  }

  public static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe] {
    guard let recipe = Self().fitted(to: shapes) else { return [] }
    return [RecognisedRecipe(recipe: recipe, inputs: recipe.inputs(side: side), knowsSize: true)]
  }
}
