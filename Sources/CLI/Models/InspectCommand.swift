import ArgumentParser
import Foundation
import Workflows

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Describe a model file, checkpoint or picture.",
    discussion: """
      Of a model or checkpoint: its tensors, network, classes, and the memory that sampling and training need, where they are known. Of \
      a picture: its size, and the command and settings stored in it by 'sfumato sample'. Nothing in a file is executed.

      Examples:
        sfumato inspect digits
        sfumato inspect runs/digits --tensors
        sfumato inspect RealESRGAN_x4plus.pth
        sfumato inspect samples.png
      """)

  @Argument(
    help:
      "A .safetensors, .pt or .pth file, a run or one of its checkpoints, a diffusers folder, the name of a bundled model, or a picture."
  )
  var file: String

  @Option(help: "The state dict to describe, where a PyTorch file has several: params, or a/b for a member of a member.")
  var member: String?

  @Flag(help: "List every tensor, not only the first eight.")
  var tensors = false

  @Flag(help: "Print results as one JSON object.")
  var json = false

  mutating func run() throws {
    if let picture = try PictureInspection(of: file) { return try Console.result(json ? JSONText.of(picture) : picture.text) }
    let inspection = try Inspection(of: file, member: member, memoryAt: [1, 8, 32])
    try Console.result(json ? JSONText.of(inspection) : InspectText(inspection: inspection, showsAll: tensors).text)
  }
}

extension PictureInspection {
  fileprivate var text: String {
    let channels = ["grey", "grey and alpha", "colour", "colour and alpha"][channels - 1]
    var lines = ["\(path): a picture of \(width) x \(height) pixels, \(channels)"]
    for note in notes { lines += ["", "\(note.key):", "  " + note.text.replacingOccurrences(of: "\n", with: "\n  ")] }
    return lines.joined(separator: "\n")
  }
}

/// An inspection as lines.
struct InspectText {
  let inspection: Inspection
  let showsAll: Bool
  private static let few = 8

  var text: String { (facts + model + memory + tensors).joined(separator: "\n") }

  private var facts: [String] {
    let i = inspection
    let dtypes = i.dtypes.sorted { $0.key < $1.key }.map { i.dtypes.count == 1 ? $0.key : "\($0.value) \($0.key)" }
    var lines = [
      "\(i.path): \(kind)",
      "  tensors    \(i.tensors.count), \(Console.count(Double(i.parameters))) values (\(dtypes.joined(separator: ", "))), \(Console.bytes(i.bytes))",
    ]
    if let weights = i.weights { lines.append("  weights    \(weights)") }
    if let member = i.member {
      let others = i.members.filter { $0 != member }
      lines.append("  member     \(member)\(others.isEmpty ? "" : "; there are also \(others.joined(separator: ", "))")")
    }
    if !i.metadataKeys.isEmpty { lines.append("  metadata   \(i.metadataKeys.joined(separator: ", "))") }
    return lines
  }

  private var kind: String {
    switch inspection.kind {
    case .model: "a model of Sfumato"
    case .denoiser: "a diffusion model\(withoutRecipe)"
    case .classifier: "a classifier, for 'sfumato sample --classifier'"
    case .superResolution:
      "a diffusion model that restores or enlarges pictures\(inspection.metadataKeys.contains(Self.recipeKey) ? "" : withoutRecipe)"
    case .upscaler: "an upscaler, for 'sfumato upscale'"
    case .optimizerState: "optimizer state; the model is in the file beside it"
    case .diffusersFolder: "a diffusers pipeline"
    case .stateDict: "a state dict: tensors without a recipe"
    case .empty: "no tensors"
    }
  }

  private static let recipeKey = "sfumato.recipe"
  private var withoutRecipe: String { ", without a recipe; convert it with 'sfumato convert'" }

  /// A line for each kind of work and precision, a column for each batch size.
  private var memory: [String] {
    let all = inspection.memory
    guard let first = all.first else { return [] }
    let batches = all.filter { $0.work == first.work && $0.precision.rawValue == first.precision.rawValue }.map(\.images)
    let header = "  memory     " + Self.row(first.work == .upscaling ? "tiles at once" : "batch size", batches.map(String.init))
    let rows = MemoryEstimate.Work.allCases.flatMap { work in
      ["float32", "bfloat16"].compactMap { precision -> String? in
        let cells = all.filter { $0.work == work && $0.precision.rawValue == precision }.map { Console.bytes($0.bytes) }
        return cells.isEmpty ? nil : "             " + Self.row("\(Self.name(work)), \(precision)", cells)
      }
    }
    return [header] + rows + ["             estimates for the CPU, program included; within 20% where measured"]
  }

  private static func row(_ name: String, _ cells: [String]) -> String {
    let padded = cells.map { String(repeating: " ", count: max(1, 11 - $0.count)) + $0 }
    return name + String(repeating: " ", count: max(1, 20 - name.count)) + padded.joined()
  }

  private static func name(_ work: MemoryEstimate.Work) -> String {
    switch work {
    case .sampling: "to sample"
    case .guiding: "to guide"
    case .upscaling: "to upscale"
    case .training: "to train"
    }
  }

  private var model: [String] {
    var lines: [String] = []
    if let network = inspection.network, inspection.upscaler == nil {
      let image = network.image.map(String.init).joined(separator: " x ")
      lines.append("  network    \(network.type), images of \(image), \(Console.count(network.flopsPerImage))FLOP per image, forward")
      if network.isSizeAssumed { lines.append("             the image size is assumed: it does not follow from the shapes") }
      if !network.presets.isEmpty { lines.append("  preset     \(network.presets.joined(separator: " or ")), recognised from the shapes") }
      if let given = network.restoration {
        let names = given.corruptionNames.isEmpty ? "" : " and the strengths of \(given.corruptionNames.joined(separator: ", "))"
        lines.append("  given      a picture of \(given.image.map(String.init).joined(separator: " x "))\(names)")
      }
      if let length = network.textLength {
        lines.append("  text       a caption of at most \(length) bytes for each image, by --text")
      } else if let size = network.contextSize {
        lines.append("  context    a vector of \(size) numbers for each image, by --context")
      }
      if !network.classNames.isEmpty {
        lines.append("  classes    \(network.classNames.count): \(network.classNames.joined(separator: ", "))")
      }
    }
    if let u = inspection.upscaler {
      let channels = u.channels == 1 ? "1 channel" : "\(u.channels) channels"
      let type = inspection.network?.type ?? "upscaler"
      lines.append("  network    \(type), scale \(u.scale), \(channels), \(Console.count(u.flopsPerPixel))FLOP per input pixel")
      lines.append("  blocks     \(u.blocks) of \(u.features) channels\(u.growth.map { ", each convolution adds \($0)" } ?? "")")
    }
    if let note = inspection.note { lines.append("  note       \(note)") }
    if let problem = inspection.recipeProblem { lines.append("  recipe     invalid: \(problem)") }
    if let source = inspection.provenance?.convertedFrom {
      lines.append("  converted  from \(source)")
    } else if let p = inspection.provenance {
      lines.append("  trained    \(p.step) steps, \(p.images) images, seed \(p.seed); Sfumato \(p.sfumato), libtorch \(p.libtorch)")
    }
    return lines
  }

  private var tensors: [String] {
    let shown = showsAll ? inspection.tensors[...] : inspection.tensors.prefix(Self.few)
    let width = shown.map(\.name.count).max() ?? 0
    var lines = shown.map { tensor in
      "  \(tensor.name)\(String(repeating: " ", count: width - tensor.name.count))  \(tensor.dtype) \(tensor.shape)"
    }
    if shown.count < inspection.tensors.count { lines.append("  and \(inspection.tensors.count - shown.count) more; --tensors shows all") }
    return lines.isEmpty ? [] : [""] + lines
  }
}
