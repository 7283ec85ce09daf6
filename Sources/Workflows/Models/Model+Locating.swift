import Failures
import Interop
import Models
import Tensors
import Training

extension Model {
  /// Reads a model for sampling.
  /// - Parameter model: a file, a run folder, a diffusers folder, or the name of a bundled model.
  /// - Throws: `SfumatoError` when it does not exist, is not a Sfumato model or is one of another kind; errors from reading it.
  public convenience init(_ model: String, on device: Device = .cpu) throws {
    let path = try ModelLocator.verifiedPath(of: model)
    guard DiffusersFolder.isOne(path) else {
      try self.init(file: path, on: device)
      return
    }
    try self.init(DiffusersFolder(path), on: device)
  }
}

extension ClassifierModel {
  /// Reads a classifier.
  /// - Parameter model: a file or a run folder.
  /// - Throws: `SfumatoError` when it does not exist or is not a classifier; errors from reading it.
  public convenience init(_ model: String, on device: Device = .cpu) throws {
    try self.init(file: ModelLocator.file(of: model, expecting: .classifier), on: device)
  }
}

extension ModelLocator {
  /// The path of a model whose weights are to be used: those of a run are held against the checksum that the training wrote.
  /// - Throws: also `CheckpointError` for a damaged file.
  static func verifiedPath(of model: String) throws -> String {
    let place = try locate(model)
    if case .checkpoint(let folder) = place { try RunFolder.verify(checkpoint: folder, isModelAlone: true) }
    return place.path
  }

  /// The file of a model of a kind that diffusers folders do not hold.
  static func file(of model: String, expecting kind: ModelKind) throws -> String {
    let path = try verifiedPath(of: model)
    guard !DiffusersFolder.isOne(path) else {
      throw SfumatoError(.data, "\(path) is a diffusers pipeline; expected \(kind.phrase)")
    }
    return path
  }
}
