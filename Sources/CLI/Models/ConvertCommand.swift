import ArgumentParser
import Interop
import Workflows

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Convert checkpoints of other systems to models, and models to PyTorch or diffusers.",
    usage: "sfumato convert [<options>] <in> <out>",
    discussion: """
      A model of Sfumato contains its recipe: network, diffusion process and default sampler. A checkpoint of guided-diffusion, \
      improved-diffusion or nice-diffusion contains only tensors: its recipe comes from a preset, which is recognised from the \
      shapes where they are unambiguous, or from a recipe of yours. Every tensor is checked against the network, and half \
      precision is converted to float32. Nothing in a file is executed.

      Examples:
        sfumato convert --list-presets
        sfumato convert 64x64_diffusion.pt adm64.safetensors
        sfumato convert lsun_cat.pt cat.safetensors --preset adm-lsun-cat
        sfumato convert mine.pt mine.safetensors --recipe mine.yaml
        sfumato convert adm64.safetensors weights.safetensors --to pytorch
        sfumato convert ddpm-cifar10-32 cifar10.safetensors
        sfumato convert adm64.safetensors adm64-diffusers --to diffusers
      """)

  @Argument(
    help: ArgumentHelp(
      "The checkpoint or model: a .safetensors, .pt or .pth file, a run, a diffusers folder, or the name of a bundled model.",
      valueName: "in"))
  var input: String?

  @Argument(help: ArgumentHelp("The file to write, NAME.safetensors; with --to diffusers a folder.", valueName: "out"))
  var output: String?

  @Option(help: ArgumentHelp("The released checkpoint that the file is; --list-presets lists them.", valueName: "name"))
  var preset: String?

  @Option(
    help: ArgumentHelp(
      "A YAML file that describes the checkpoint: sections data, network and process, optionally sampler and sampling; or a recipe for training a "
        + "restoration model.", valueName: "file"))
  var recipe: String?

  @Option(help: ArgumentHelp("Override a value of the preset or recipe; may be repeated.", valueName: "key.path=value"))
  var set: [String] = []

  @Option(
    help: ArgumentHelp(
      "The state dict to use, where a PyTorch file has several. Default: an average (params_ema, ema) before the weights.",
      valueName: "name"))
  var member: String?

  @Option(
    help: "Output format: sfumato, a model with its recipe; pytorch, only the tensors, with PyTorch's names; diffusers, a pipeline folder.")
  var to = ConversionRequest.Target.sfumato

  @Flag(help: "List the presets and exit.")
  var listPresets = false

  @OptionGroup var shown: OutputOptions

  mutating func validate() throws {
    guard !listPresets else { return }
    guard input != nil else { throw ValidationError("Missing expected argument '<in>', the checkpoint") }
    guard output != nil else { throw ValidationError("Missing expected argument '<out>', the file to write") }
  }

  mutating func run() throws {
    if listPresets {
      try Console.result(shown.json ? JSONText.of(Preset.all.map(Listed.init)) : Self.presets)
      return
    }
    guard let input, let output else { return }
    var request = ConversionRequest(input: try ModelLocator.path(of: input), output: output)
    (request.preset, request.recipe, request.settings) = (preset, recipe, set)
    (request.member, request.target) = (member, to)
    try Signals.enter(.writing)
    try report(Conversion.run(request.resolvingTraining()), input)
  }

  private func report(_ report: ConversionReport, _ input: String) throws {
    if shown.json, let text = try? JSONText.of(report) { return try Console.result(text) }
    try Console.result(report.output)
    if !shown.quiet { Console.note(Self.summary(report, input).joined(separator: "\n")) }
  }

  private static func summary(_ report: ConversionReport, _ input: String) -> [String] {
    var lines: [String] = []
    if let preset = report.preset {
      lines.append(report.isRecognised ? "\(input) was recognised as \(preset) from its shapes" : "\(input) was read as \(preset)")
    } else if report.isRecognised {
      lines.append("\(input) was recognised as \(report.kind?.phrase ?? "a model") from its shapes")
    }
    if let member = report.member { lines.append("state dict: \(member)") }
    let widened = report.widened > 0 ? ", \(report.widened) converted from half precision" : ""
    lines.append("\(report.tensors) tensors, \(Console.count(Double(report.parameters))) parameters\(widened)")
    if let note = report.note { lines.append(note) }
    return lines
  }

  // MARK: The list

  private static var presets: String {
    let width = Preset.all.map(\.name.count).max() ?? 0
    let lines = Preset.all.map { preset in
      "\(preset.name.padded(to: width))  \(preset.system.rawValue): \(preset.file)" + (preset.note.map { "; \($0)" } ?? "")
    }
    return (lines + ["", "From the published flags and parameter counts; none was tested against its file, which was not available."])
      .joined(separator: "\n")
  }

  private struct Listed: Encodable {
    let name: String, system: String, file: String, flags: String, note: String?

    init(_ preset: Preset) {
      (name, system, file) = (preset.name, preset.system.rawValue, preset.file)
      (flags, note) = (preset.flags, preset.note)
    }
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(width - count, 0)) }
}

extension ConversionRequest.Target: ExpressibleByArgument {}
