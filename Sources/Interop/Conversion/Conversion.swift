import Checkpoints
import Failures
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors

/// What to make of a checkpoint.
public struct ConversionRequest: Sendable {
  public enum Target: String, Sendable, CaseIterable {
    /// A model file of ours: with its recipe, to be used without a flag.
    case sfumato
    /// Tensors under PyTorch's names and nothing else, as `safetensors.torch.load_file` reads them.
    case pytorch
    /// A pipeline folder that diffusers loads, of a model of ours whose network UNet2DModel can express.
    case diffusers
  }

  public var input: String, output: String
  /// Which published checkpoint it is; nil to recognise it by its shapes.
  public var preset: String?
  /// The file of a recipe that describes it.
  public var recipe: String?
  /// What that recipe describes, settings included, where it is one for training; nil for one of a model, which is read from the file.
  public var model: (any ModelDescription)?
  /// Values laid over the recipe.
  public var settings: [String] = []
  /// The member of a PyTorch file's dictionary that is wanted, such as `params_ema`; nil for the one that samples best.
  public var member: String?
  public var target = Target.sfumato

  public init(input: String, output: String) {
    self.input = input
    self.output = output
  }
}

/// The result of a conversion.
public struct ConversionReport: Codable, Sendable, Equatable {
  public var output: String
  public var tensors: Int, parameters: Int
  /// The number of tensors in half precision that became float32.
  public var widened: Int
  /// The preset, and whether it was recognised by the shapes.
  public var preset: String?
  public var isRecognised: Bool
  /// The member of the file's dictionary that was taken.
  public var member: String?
  /// nil for tensors alone.
  public var kind: ModelKind?
  /// What a user of the preset or the folder should know.
  public var note: String?
}

/// Checkpoints of other systems become files of ours, and ours become PyTorch's.
public enum Conversion {
  /// - Throws: `SfumatoError` for a request that makes no sense, for a checkpoint that no preset fits or several do, and for one
  ///   that is not of the network that preset or recipe describe; what reading and writing throw. Nothing is written then.
  public static func run(_ request: ConversionRequest) throws -> ConversionReport {
    try Torch.start()
    try check(request)
    if request.target == .diffusers || DiffusersFolder.isOne(request.input) { return try convertModel(request) }
    var file = try CheckpointFile(request.input, member: request.member)
    var report = ConversionReport(
      output: request.output, tensors: file.state.count, parameters: file.state.elementCount, widened: 0, isRecognised: false,
      member: file.member)
    let choice = try recipe(for: file, request, &report)
    if let choice { file.state = file.state.renamed(for: choice.networkRecipe) }
    if let choice { try check(file, against: choice, calledBy: request, report.preset) }
    if request.target == .pytorch {
      try Safetensors.write(file.state, metadata: ["format": "pt"], to: request.output)
    } else {
      try writeModel(file, choice!, request, &report)
    }
    return report
  }

  /// Converts a whole model, its recipe included: a model of ours or a diffusers folder.
  private static func convertModel(_ request: ConversionRequest) throws -> ConversionReport {
    guard request.preset == nil, request.recipe == nil, request.member == nil else {
      throw SfumatoError(
        .usage,
        DiffusersFolder.isOne(request.input)
          ? "\(request.input) carries its own recipe; leave --preset, --recipe and --member out"
          : "a diffusers folder is written of a model: make one of the checkpoint first, by --preset or --recipe, then convert that")
    }
    let folder = try DiffusersFolder.isOne(request.input) ? DiffusersFolder(request.input) : nil
    let model = try folder.map { try Model($0) } ?? Model(file: request.input), state = model.network.stateDict()
    switch request.target {
    case .diffusers: try DiffusersFolder.write(model, to: request.output)
    case .pytorch: try Safetensors.write(state, metadata: ["format": "pt"], to: request.output)
    case .sfumato:
      var provenance = model.provenance
      provenance.convertedFrom = (request.input as NSString).lastPathComponent
      try ModelFile.write(state, model.recipe, provenance, to: request.output)
    }
    return ConversionReport(
      output: request.output, tensors: state.count, parameters: state.elementCount, widened: 0, isRecognised: false,
      kind: request.target == .sfumato ? .denoiser : nil, note: folder?.note)
  }

  private static func check(_ request: ConversionRequest) throws {
    guard request.preset == nil || request.recipe == nil else {
      throw SfumatoError(.usage, "--preset and --recipe both say what the checkpoint is; leave one of them out")
    }
    guard request.settings.isEmpty || request.preset != nil || request.recipe != nil else {
      throw SfumatoError(.usage, "--set changes a preset or a recipe; name one by --preset or --recipe")
    }
    let paths = [request.input, request.output].map(\.fileIdentity)
    guard paths[0] != paths[1] else { throw SfumatoError(.usage, "\(request.output) is the checkpoint itself; give another name") }
    guard request.target != .diffusers else { return }
    guard request.output.hasSuffix(".safetensors") else {
      throw SfumatoError(.usage, "\(request.output): safetensors are written; give a name that ends in .safetensors")
    }
    try OutputFile.check(request.output)
  }

  private static func writeModel(
    _ file: CheckpointFile, _ recipe: any ModelDescription, _ request: ConversionRequest, _ report: inout ConversionReport
  ) throws {
    let state = StateDict(file.state.entries.map { ($0.name, $0.tensor.dtype.isFloatingPoint ? $0.tensor.to(.float32) : $0.tensor) })
    var provenance = Provenance()
    provenance.convertedFrom = (request.input as NSString).lastPathComponent
    (report.kind, report.widened) = (type(of: recipe).kind, file.halfCount)
    try ModelFile.write(state, recipe, provenance, to: request.output)
  }

  /// Refuses a checkpoint that does not fit the recipe, and a recipe that contradicts itself.
  private static func check(
    _ file: CheckpointFile, against recipe: any ModelDescription, calledBy request: ConversionRequest, _ preset: String?
  ) throws {
    try recipe.tryOut()
    let state = try recipe.makeModule(using: .shapes).state()
    do {
      try StateMismatch.check(expected: state.map { ($0.name, $0.entry.value.shape) }, found: file.state)
    } catch let mismatch as StateMismatch {
      let what = preset.map { "preset \($0)" } ?? request.recipe ?? "its own recipe"
      throw SfumatoError(
        mismatch, checkpoint: file.path, network: what, evidence: RecipeEvidence(file.state, against: recipe), against: what)
    }
    for (name, tensor) in file.state.entries where !tensor.dtype.isFloatingPoint {
      throw SfumatoError(.data, "\(file.path): \(name) holds \(tensor.dtype), and weights are floating-point numbers")
    }
  }
}
