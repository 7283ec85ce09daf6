import Checkpoints
import Failures
import Foundation
import Interop
import Models
import Networks
import Tensors

/// What a file of tensors holds, found out from names and shapes: no tensor is read, and nothing in the file is run.
public struct Inspection: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable {
    /// A diffusion model of ours: weights with the recipe that they were trained by.
    case model
    /// A network that turns noise into images, by its names; there is no recipe.
    case denoiser
    /// A classifier of noisy images, by its recipe or its names.
    case classifier
    /// A diffusion model that restores or enlarges pictures, by its recipe or its shapes.
    case superResolution = "super_resolution"
    /// As Real-ESRGAN's, by its recipe or its names.
    case upscaler
    /// What an optimizer, ours or PyTorch's, keeps between two steps.
    case optimizerState = "optimizer_state"
    /// Tensors by name, and nothing that says what they are for.
    case stateDict = "state_dict"
    /// A pipeline of diffusers that is read as a model.
    case diffusersFolder = "diffusers_folder"
    /// A header and no tensor.
    case empty
  }

  public typealias Format = TensorFile.Format

  public struct TensorFacts: Codable, Sendable, Equatable {
    /// `dtype` in the format's own words: F32, float32.
    public var name: String, dtype: String
    /// Empty for a scalar.
    public var shape: [Int]
  }

  public var path: String
  public var format: Format
  public var kind: Kind
  /// Of a folder of diffusers, the file in it that holds the tensors.
  public var weights: String?
  /// Of the whole file.
  public var bytes: Int
  /// Of a PyTorch file with several: the one that is shown, and all that could be.
  public var member: String?, members: [String]
  /// In the order of the file.
  public var tensors: [TensorFacts]
  /// Elements of all tensors together.
  public var parameters: Int
  /// How many tensors are of each dtype.
  public var dtypes: [String: Int]
  public var metadataKeys: [String]
  public var provenance: Provenance?
  public var network: NetworkSummary?
  /// What the model needs at batches of 1, 8 and 32, at both precisions; empty where its network is not known.
  public var memory: [MemoryEstimate] = []
  public var upscaler: UpscalerSummary?
  /// What a user should know beside, such as what was assumed of a diffusers folder.
  public var note: String?
  /// Why the recipe that the file carries says nothing about its network.
  public var recipeProblem: String?

  /// - Parameters:
  ///   - model: a file, the folder of a training (its newest checkpoint is inspected), a diffusers folder, or the name of a model
  ///     that comes along.
  ///   - member: of a PyTorch file, the member to show, such as `params`; nil for the one that would be read.
  ///   - batches: for which memory is estimated; each takes a pass without numbers, far less than a second but for the largest.
  /// - Throws: `SfumatoError` when there is none, or it is of a format that is not read; `CheckpointError` and
  ///   `SafetensorsError` for a file that cannot be read or whose header does not hold.
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
    // Where no pass is possible the rest is still worth telling.
    if let described { memory = (try? MemoryEstimate.all(of: described, batches: batches)) ?? [] }
  }

  /// Tells of the network what recipe or shapes say.
  /// - Returns: the model, where it is known.
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

  /// The tensors of weights in several files, and the bytes of them all.
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

  /// The tensors of a PyTorch file; of an optimizer's those that it keeps of each parameter, under its number.
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
  /// What a model of a kind, without a recipe, is called.
  init(_ kind: ModelKind) {
    self =
      switch kind {
      case .denoiser: .denoiser
      case .classifier: .classifier
      case .superResolution: .superResolution
      case .upscaler: .upscaler
      }
  }

  /// What tensors of these names are for, where no recipe says so.
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
