import Checkpoints
import Failures
import Foundation
import Interop
import Models
import Networks
import Tensors

/// A description of a model file or checkpoint from names and shapes alone: no tensor data is read, and nothing in the file is run.
public struct Inspection: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable {
    /// A Sfumato diffusion model: weights with their recipe.
    case model
    /// A denoising network without a recipe, recognised by its names.
    case denoiser
    /// A classifier of noisy images, recognised by its recipe or names.
    case classifier
    /// A diffusion model that restores or enlarges pictures, recognised by its recipe or shapes.
    case superResolution = "super_resolution"
    /// An upscaler such as Real-ESRGAN's, recognised by its recipe or names.
    case upscaler
    /// The state of a Sfumato or PyTorch optimizer.
    case optimizerState = "optimizer_state"
    /// Named tensors of unknown purpose.
    case stateDict = "state_dict"
    /// A diffusers pipeline, read as a model.
    case diffusersFolder = "diffusers_folder"
    /// A header without tensors.
    case empty
  }

  public typealias Format = TensorFile.Format

  public struct TensorFacts: Codable, Sendable, Equatable {
    /// `dtype` as the format spells it: F32, float32.
    public var name: String, dtype: String
    /// Empty for a scalar.
    public var shape: [Int]
  }

  public var path: String
  public var format: Format
  public var kind: Kind
  /// The weights file of a diffusers folder.
  public var weights: String?
  /// Size of the whole file.
  public var bytes: Int
  /// The member of a PyTorch file that is shown, and all that could be.
  public var member: String?, members: [String]
  /// The tensors, in file order.
  public var tensors: [TensorFacts]
  /// Total number of elements.
  public var parameters: Int
  /// Number of tensors by dtype.
  public var dtypes: [String: Int]
  public var metadataKeys: [String]
  public var provenance: Provenance?
  public var network: NetworkSummary?
  /// Memory estimates by batch size and precision; empty for an unrecognised network.
  public var memory: [MemoryEstimate] = []
  public var upscaler: UpscalerSummary?
  /// A remark for the user, such as what was assumed about a diffusers folder.
  public var note: String?
  /// Why the network could not be described from the recipe in the file.
  public var recipeProblem: String?

  /// - Parameters:
  ///   - model: a file, a run folder (its newest checkpoint is inspected), a diffusers folder, or the name of a bundled model.
  ///   - member: the member of a PyTorch file to show, such as `params`; nil for the one that would be read.
  ///   - batches: batch sizes for memory estimates; each takes a pass on meta tensors, well under a second except for the largest.
  /// - Throws: `SfumatoError` when it does not exist or its format is not supported; `CheckpointError` and `SafetensorsError` for
  ///   a file that cannot be read or whose header is invalid.
  public init(of model: String, member: String? = nil, memoryAt batches: [Int] = []) throws {
    path = try ModelLocator.path(of: model)
    let folder = DiffusersFolder.isOne(path) ? try DiffusersFolder(path) : nil
    let file = folder?.weights ?? path
    weights = folder?.weights
    format = TensorFile.format(of: file)
    let metadata: [String: String]
    var isOptimizer = false
    if let folder, folder.weightFiles.count > 1 {
      (tensors, bytes) = try Self.sharded(folder.weightFiles)
      (self.member, members, metadata) = (nil, [], [:])
    } else if format == .safetensors {
      let header = try Safetensors.header(of: file)
      bytes = header.dataStart + header.dataCount
      let layout = try TensorFile.layout(header.entries.map { ($0.name, $0.shape) }, choosing: member, path)
      tensors = layout.entries.map {
        TensorFacts(name: $0.name, dtype: header.entries[$0.index].type.rawValue, shape: header.entries[$0.index].shape)
      }
      metadata = header.metadata
      (self.member, members) = TensorFile.named(layout, member: nil, of: [])
    } else {
      bytes = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
      (tensors, self.member, members, isOptimizer) = try Self.pytorch(file, member)
      metadata = [:]
    }
    parameters = tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    dtypes = tensors.reduce(into: [:]) { $0[$1.dtype, default: 0] += 1 }
    metadataKeys = metadata.keys.sorted()
    kind =
      folder != nil
      ? .diffusersFolder
      : isOptimizer ? .optimizerState : metadata[Model.recipeKey].map(Kind.init(ofRecipe:)) ?? Kind(tensors.map(\.name))
    if kind == .upscaler { upscaler = try? UpscalerSummary(tensors) }
    provenance = ModelFile.provenance(metadata)
    let described = try describe(folder, recipe: metadata[Model.recipeKey])
    // If no pass is possible, the rest is still worth reporting.
    if let described { memory = (try? MemoryEstimate.all(of: described, batches: batches)) ?? [] }
  }

  /// Describes the network from recipe or shapes.
  /// - Returns: the model, if it is recognised.
  private mutating func describe(_ folder: DiffusersFolder?, recipe: String?) throws -> (any MemoryTraced)? {
    if let folder {
      (network, note) = (try NetworkSummary(folder.recipe), folder.note)
      return folder.recipe
    }
    if let recipe {
      do {
        let model = try NetworkSummary.model(recipe: recipe)
        network = try NetworkSummary(model)
        return model as? any MemoryTraced
      } catch {
        recipeProblem = "\(error)"
        return nil
      }
    }
    guard let found = RecognisedNetwork(tensors.map { ($0.name, $0.shape) }), let summary = try? NetworkSummary(found) else { return nil }
    (kind, network) = (Kind(type(of: found.model).kind), summary)
    return found.model as? any MemoryTraced
  }

  /// The tensors of sharded weights, and the total size of the files.
  private static func sharded(_ files: [String]) throws -> ([TensorFacts], bytes: Int) {
    var tensors: [TensorFacts] = [], bytes = 0
    for file in files {
      bytes += try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
      guard TensorFile.format(of: file) == .safetensors else {
        tensors += try pytorch(file, nil).0
        continue
      }
      tensors += try Safetensors.header(of: file).entries.map { TensorFacts(name: $0.name, dtype: $0.type.rawValue, shape: $0.shape) }
    }
    return (tensors, bytes)
  }

  /// The tensors of a PyTorch file; for an optimizer, its state tensors by parameter number.
  private static func pytorch(_ file: String, _ member: String?) throws -> (
    [TensorFacts], member: String?, members: [String], isOptimizer: Bool
  ) {
    do {
      let contents = try TensorFile(file, member: member)
      let tensors = contents.state.entries.map { TensorFacts(name: $0.name, dtype: $0.tensor.dtype.rawValue, shape: $0.tensor.shape) }
      return (tensors, contents.member, contents.members, false)
    } catch let error as CheckpointError where error.problem == .optimizerState {
      guard case .dictionary(let states)? = try PyTorchFile.outline(file)["state"] else { throw error }
      let tensors = states.flatMap { number, state -> [TensorFacts] in
        guard let number = number.integer, case .dictionary(let pairs) = state else { return [] }
        return pairs.compactMap { name, value in
          guard let name = name.text, case .tensor(let dtype, let shape) = value else { return nil }
          return TensorFacts(name: "state.\(number).\(name)", dtype: dtype.rawValue, shape: shape)
        }
      }
      return (tensors, nil, [], true)
    }
  }
}

extension Inspection.Kind {
  /// The kind of a model without a recipe.
  init(_ kind: ModelKind) {
    self =
      switch kind {
      case .denoiser: .denoiser
      case .classifier: .classifier
      case .superResolution: .superResolution
      case .upscaler: .upscaler
      }
  }

  /// The kind by tensor names, for a file without a recipe.
  init(_ names: [String]) {
    if names.isEmpty {
      self = .empty
    } else if names.allSatisfy({ name in ["first.", "second.", "steps."].contains { name.hasPrefix($0) } }) {
      self = .optimizerState
    } else {
      self = ModelKind(tensorNames: names).map(Self.init) ?? .stateDict
    }
  }

  init(ofRecipe yaml: String) {
    self =
      switch try? ModelKind(ofRecipe: yaml, file: "recipe") {
      case .denoiser, nil: .model
      case .classifier: .classifier
      case .superResolution: .superResolution
      case .upscaler: .upscaler
      }
  }
}
