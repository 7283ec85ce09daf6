import Checkpoints
import Foundation

/// What a file of tensors holds, found out from its header: no tensor is read.
public struct Inspection: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable {
    /// A diffusion model of ours: weights with the recipe that they were trained by.
    case model
    /// A classifier of noisy images with its recipe.
    case classifier
    /// A diffusion model that enlarges images, with its recipe.
    case superResolution = "super_resolution"
    /// An upscaler with its recipe.
    case upscaler
    /// What an optimizer of ours keeps between two steps.
    case optimizerState = "optimizer_state"
    /// Tensors by name, and nothing that says what they are for.
    case stateDict = "state_dict"
    /// A pipeline of diffusers that is read as a model.
    case diffusersFolder = "diffusers_folder"
    /// A header and no tensor.
    case empty
  }

  public struct TensorFacts: Codable, Sendable, Equatable {
    public var name: String, dtype: String
    /// Empty for a scalar.
    public var shape: [Int]
  }

  public var path: String
  public var kind: Kind
  /// Of the whole file.
  public var bytes: Int
  /// In the order of the file.
  public var tensors: [TensorFacts]
  /// Elements of all tensors together.
  public var parameters: Int
  /// How many tensors are of each dtype.
  public var dtypes: [String: Int]
  public var metadataKeys: [String]
  public var provenance: Provenance?
  public var network: NetworkSummary?
  /// Why the recipe that the file carries says nothing about its network.
  public var recipeProblem: String?

  /// - Parameter model: a file, the folder of a training (its newest checkpoint is inspected), a diffusers folder, or the name
  ///   of a model that comes along.
  /// - Throws: `WorkflowError` when there is none, or it is of a format that is not read; `CheckpointError` and
  ///   `SafetensorsError` for a file that cannot be read or whose header does not hold.
  public init(of model: String) throws {
    path = try ModelLocator.path(of: model)
    let folder = DiffusersFolder.isOne(path) ? try DiffusersFolder(path) : nil
    let file = folder?.weights ?? path
    try ForeignFormat.refuse(file)
    let header = try Safetensors.header(of: file)
    bytes = header.dataStart + header.dataCount
    tensors = header.entries.map { TensorFacts(name: $0.name, dtype: $0.type.rawValue, shape: $0.shape) }
    parameters = header.entries.reduce(0) { $0 + $1.shape.reduce(1, *) }
    dtypes = header.entries.reduce(into: [:]) { $0[$1.type.rawValue, default: 0] += 1 }
    metadataKeys = header.metadata.keys.sorted()
    kind = folder == nil ? Self.kind(header) : .diffusersFolder
    if let folder {
      network = try NetworkSummary(folder.recipe)
      return
    }
    guard let recipe = header.metadata[Model.recipeKey] else { return }
    provenance = ModelFile.provenance(header.metadata)
    do { network = try NetworkSummary(recipe: recipe) } catch { recipeProblem = "\(error)" }
  }

  private static func kind(_ header: SafetensorsHeader) -> Kind {
    if let recipe = header.metadata[Model.recipeKey] { return kind(ofRecipe: recipe) }
    if header.entries.isEmpty { return .empty }
    let optimizer = header.entries.allSatisfy { entry in ["first.", "second.", "steps."].contains { entry.name.hasPrefix($0) } }
    return optimizer ? .optimizerState : .stateDict
  }

  private static func kind(ofRecipe yaml: String) -> Kind {
    switch try? ModelKind(ofRecipe: yaml, file: "recipe") {
    case .denoiser, nil: .model
    case .classifier: .classifier
    case .superResolution: .superResolution
    case .upscaler: .upscaler
    }
  }
}

/// Files that others write and that are not read, known by their first bytes: a user is told what it is, not that its
/// header is wrong.
private enum ForeignFormat {
  static func refuse(_ path: String) throws {
    guard let file = FileHandle(forReadingAtPath: path) else { return }  // whoever reads it says why it cannot be read
    defer { try? file.close() }
    guard let start = try? file.read(upToCount: 512), let name = name([UInt8](start)) else { return }
    throw WorkflowError(.data, "\(path) is \(name)")
  }

  private static let pytorchHint =
    "which this version does not read yet; nothing in it was executed. Where PyTorch is at hand, "
    + "safetensors.torch.save_file(torch.load(path, weights_only=True), 'model.safetensors') makes a file that can be read"

  private static func name(_ start: [UInt8]) -> String? {
    if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
      let entry = firstEntry(start)
      if entry.hasSuffix(".pkl") { return "a PyTorch checkpoint (a zip archive with a pickle in it), \(pytorchHint)" }
      if entry.hasSuffix(".npy") { return "an .npz archive of arrays; expected a .safetensors file" }
      return "a zip archive; expected a .safetensors file"
    }
    // PROTO 2 to 5: what every pickle since Python 2.3 begins with, PyTorch's files before version 1.6 among them.
    if start.count > 2, start[0] == 0x80, (2...5).contains(start[1]), !isHeaderLength(start) {
      return "a PyTorch checkpoint of the old format, or another pickle, \(pytorchHint)"
    }
    if start.starts(with: [0x1F, 0x8B]) { return "a gzip file; expected a .safetensors file" }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) { return "an .npy array; expected a .safetensors file" }
    return nil
  }

  /// The name in a zip archive's first local header.
  private static func firstEntry(_ start: [UInt8]) -> String {
    guard start.count >= 30 else { return "" }
    let length = Int(start[26]) | Int(start[27]) << 8
    return String(decoding: start[30...].prefix(length), as: UTF8.self)
  }

  /// Whether the first bytes are the length of a safetensors header, whose JSON then follows.
  private static func isHeaderLength(_ start: [UInt8]) -> Bool {
    start.count > 8 && start[8] == UInt8(ascii: "{") && start[4..<8].allSatisfy { $0 == 0 }
  }
}
