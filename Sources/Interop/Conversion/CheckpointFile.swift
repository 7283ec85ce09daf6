import Checkpoints
import Failures
import Foundation
import Models
import Tensors

/// A file of tensors by name, of whatever system and format.
package struct CheckpointFile {
  package let path: String
  /// The element types of the tensors in the file, before any was widened.
  let halfCount: Int
  package internal(set) var state: StateDict
  /// The member of the file's dictionary that was taken, where there is more in it.
  package let member: String?
  /// The recipe of a model of ours.
  package let recipe: String?

  /// - Parameters:
  ///   - path: a `.safetensors` file, or one of `torch.save`, by its content and not its name.
  ///   - member: as for `TensorFile`.
  /// - Throws: `SfumatoError` when there is no such file or it is a folder; what reading it throws.
  package init(_ path: String, member: String? = nil) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw SfumatoError(.missing, "\(path): no such file; expected a .safetensors, .pt or .pth file")
    }
    guard !isFolder.boolValue else {
      throw SfumatoError(.data, "\(path) is a folder; expected a .safetensors, .pt or .pth file")
    }
    self.path = path
    let file = try TensorFile(path, member: member)
    (self.member, recipe) = (file.member, file.metadata[ModelFile.recipeKey])
    (state, halfCount) = (file.state, Self.halfCount(file.state))
    guard state.count > 0 else { throw SfumatoError(.data, "\(path) holds no tensors") }
  }

  private static func halfCount(_ state: StateDict) -> Int {
    state.entries.count { $0.tensor.dtype == .float16 || $0.tensor.dtype == .bfloat16 }
  }
}
