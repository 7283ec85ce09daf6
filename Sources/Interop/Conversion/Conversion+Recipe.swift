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
    if let model = request.model { return model.adapted() }
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
        "\(path) is a recipe for training; expected one of a model, whose 'data' are channels, height, width and class_names, or one for "
          + "training with corruptions")
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
    let shapes = CheckpointShapes(file.state), presets = try PresetRecognition.presets(of: shapes)
    if presets.count == 1 {
      report.isRecognised = true
      return try use(presets[0], request, &report)
    }
    // An upscaler has no process, so that its shapes are the whole recipe.
    if let upscaler = UpscalerCheckpoint.recipe(in: shapes) {
      report.isRecognised = true
      var model = UpscalerModelRecipe()
      model.upscaler = Choice(upscaler)
      return model
    }
    if presets.isEmpty { throw unrecognised(file.path, shapes) }
    throw ambiguous(file.path, presets)
  }

  static func ambiguous(_ path: String, _ presets: [Preset]) -> SfumatoError {
    let names = presets.map { "\n  --preset \($0.name)  (\($0.file))" }.joined()
    return SfumatoError(.usage, "\(path): its shapes are those of several presets; say which it is:\(names)")
  }

  private static func unrecognised(_ path: String, _ shapes: CheckpointShapes) -> SfumatoError {
    if let architecture = UnsupportedArchitecture(of: shapes.names) { return architecture.error(path) }
    let hint = RecognisedNetwork.recognised(from: shapes).map { "\n  it looks like \(phrase($0.description))" } ?? ""
    return SfumatoError(
      .usage,
      "\(path): its shapes are those of no preset ('sfumato convert --list-presets' lists them); describe the network by --recipe" + hint)
  }

  /// `a diffusion model with` and the section of a recipe that describes its network.
  private static func phrase(_ model: any ModelDescription) -> String {
    let kind = type(of: model).kind
    // The one section whose network is always the same has no type.
    let typeLine = kind == .superResolution ? [] : ["  type: \(model.networkType)"]
    let lines = ["\(kind.section):"] + typeLine + differences(model.networkRecipe)
    return "\(kind.phrase), with a recipe that says\n" + lines.map { "    \($0)" }.joined(separator: "\n")
  }

  /// The options that have another value than their default, as lines of a section.
  private static func differences(_ recipe: some RecognisableRecipe) -> [String] {
    let lines = recipe.yaml().split(separator: "\n"), defaults = type(of: recipe).init().yaml().split(separator: "\n")
    return zip(lines, defaults).filter { $0 != $1 || $0.hasSuffix(":") }.map { "  \($0.0)" }
  }
}
