import Failures
import Interop
import Models
import Tensors

extension Model {
  /// Reads a model for sampling.
  /// - Parameter model: a file, the folder of a training, a diffusers folder, or the name of a bundled model.
  /// - Throws: `SfumatoError` when it does not exist, or is not a model of ours or one of another kind; what reading it throws.
  public convenience init(_ model: String, on device: Device = .cpu) throws {
    let path = try ModelLocator.path(of: model)
    guard DiffusersFolder.isOne(path) else {
      try self.init(file: path, on: device)
      return
    }
    try self.init(DiffusersFolder(path), on: device)
  }
}

extension ClassifierModel {
  /// Reads a classifier.
  /// - Parameter model: a file, or the folder of a training.
  /// - Throws: `SfumatoError` when it does not exist or is something else, which the message names; what reading it throws.
  public convenience init(_ model: String, on device: Device = .cpu) throws {
    try self.init(file: ModelLocator.file(of: model, expecting: .classifier), on: device)
  }
}

extension ModelLocator {
  /// The file of a model that cannot come as a diffusers folder.
  static func file(of model: String, expecting kind: ModelKind) throws -> String {
    let path = try path(of: model)
    guard !DiffusersFolder.isOne(path) else {
      throw SfumatoError(.data, "\(path) is a pipeline of diffusers; expected \(kind.phrase)")
    }
    return path
  }
}
