import Failures
import Models
import Networks
import RecipeKit
import Tensors

// Whence the recipe of a converted checkpoint comes.
extension Conversion {
  /// The recipe that preset, file or shapes say; nil where tensors alone are wanted and nothing is said.
  static func recipe(
    for file: CheckpointFile, _ request: ConversionRequest, _ report: inout ConversionReport
  ) throws -> (any ModelDescription)? {
    if let name = request.preset { return try use(Preset(named: name), request, &report) }
    if let path = request.recipe { return try described(by: path, request.settings, file.state) }
    guard request.target == .sfumato else { return nil }
    guard file.recipe == nil else {
      throw SfumatoError(
        .usage,
        "\(file.path) is a model of Sfumato already; '--to pytorch' writes its tensors alone, --preset or --recipe gives it another recipe")
    }
    return try recognise(file, request, &report)
  }

  private static func use(
    _ preset: Preset, _ request: ConversionRequest, _ report: inout ConversionReport
  ) throws -> any ModelDescription {
    (report.preset, report.note) = (preset.name, preset.note)
    func overlaid(_ recipe: some ModelDescription) throws -> any ModelDescription {
      try recipe.overlaid(yaml: "", file: "preset \(preset.name)", set: request.settings)
    }
    return try overlaid(preset.makeRecipe())
  }

  private static func described(by path: String, _ settings: [String], _ state: StateDict) throws -> any ModelDescription {
    let sections = try RecipeSections.keys(ofFile: path)
    guard !sections.contains("training") else {
      throw SfumatoError(
        .data,
        "\(path) is a recipe for training; expected one of a model, whose 'data' are channels, height, width and class_names")
    }
    let recipe = try ModelKind(sections: sections).description.init(path: path, set: settings)
    return named(recipe, state).adapted()
  }

  /// Classes that the recipe does not name are called by their numbers.
  private static func named(_ recipe: any ModelDescription, _ state: StateDict) -> any ModelDescription {
    guard var model = recipe as? ModelRecipe, model.data.classNames.isEmpty,
      let rows = (state["label_emb.weight"] ?? state["class_embedding.weight"])?.shape.first, rows <= 10_000
    else { return recipe }
    model.data.classNames = (0..<rows).map(String.init)
    return model
  }

  private static func recognise(
    _ file: CheckpointFile, _ request: ConversionRequest, _ report: inout ConversionReport
  ) throws -> any ModelDescription {
    let presets = try PresetRecognition.presets(of: file.state)
    if presets.count == 1 {
      report.isRecognised = true
      return try use(presets[0], request, &report)
    }
    if let upscaler = try? RRDBNet.Recipe(recognising: file.state) {
      report.isRecognised = true
      var recipe = UpscalerModelRecipe()
      recipe.upscaler = upscaler
      return recipe
    }
    if presets.isEmpty { throw unknown(file) }
    throw ambiguous(file.path, presets)
  }

  static func ambiguous(_ path: String, _ presets: [Preset]) -> SfumatoError {
    let names = presets.map { "\n  --preset \($0.name)  (\($0.file))" }.joined()
    return SfumatoError(.usage, "\(path): its shapes are those of several presets; say which it is:\(names)")
  }

  private static func unknown(_ file: CheckpointFile) -> SfumatoError {
    let shapes = Dictionary(uniqueKeysWithValues: file.state.entries.map { ($0.name, $0.tensor.shape) })
    let hint =
      ContextEvidence(shapes).map { look($0) } ?? UNetEvidence(shapes, .openAI).map { look($0) }
      ?? UNetEvidence(shapes, .nice).map { look($0) } ?? ""
    return SfumatoError(
      .usage,
      "\(file.path): its shapes are those of no preset ('sfumato convert --list-presets' lists them); describe the network by --recipe"
        + hint)
  }

  private static func look(_ evidence: UNetEvidence) -> String {
    let enlarging = evidence.enlarging
    let what =
      evidence.outChannels == nil
      ? "a classifier, 'classifier: { type: encoder_classifier }',"
      : enlarging == nil ? "a UNet" : "a super-resolution UNet, 'super_resolution: { unet: … }',"
    let corruptions = enlarging.map { $0.corruptions > 0 ? ", num_corruptions: \($0.corruptions)" : "" } ?? ""
    return "\n  it looks like \(what) with model_channels: \(evidence.modelChannels), channel_mult: [\(list(evidence.channelMult))], "
      + "num_res_blocks: \(evidence.numResBlocks), in_channels: \(enlarging?.channels ?? evidence.inChannels)\(corruptions)"
      + (evidence.numClasses.map { ", num_classes: \($0)" } ?? "")
  }

  private static func look(_ evidence: ContextEvidence) -> String {
    let mult = list(evidence.laid(over: ContextUNet.Recipe()).channelMult)
    return "\n  it looks like a Context UNet, 'network: { type: context_unet }', with model_channels: \(evidence.modelChannels), "
      + "channel_mult: [\(mult)], num_res_blocks: \(evidence.numResBlocks), in_channels: \(evidence.inChannels)"
      + (evidence.contextWidth.map { " and context vectors of \($0), or as many classes" } ?? "")
  }

  private static func list(_ multiples: [Double]) -> String {
    multiples.map { $0 == $0.rounded() && $0 < 1e6 ? "\(Int($0))" : "\($0)" }.joined(separator: ", ")
  }
}
