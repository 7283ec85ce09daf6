import Checkpoints
import Foundation
import Tensors

/// A file of tensors by name, of whatever system and format.
struct CheckpointFile {
  enum Format: String, Codable, Sendable {
    case safetensors, pytorch
  }

  let path: String
  let format: Format
  /// Of the tensors in the file, before any was widened.
  let halfCount: Int
  let state: StateDict
  /// The member of the file's dictionary that was taken, where there is more in it.
  let member: String?
  /// The recipe of a model of ours.
  let recipe: String?

  /// - Parameters:
  ///   - path: a `.safetensors` file, or one of `torch.save`, by its content and not its name.
  ///   - member: as for `PyTorchFile.read`.
  /// - Throws: `WorkflowError` when there is no such file or it is a folder; what reading it throws.
  init(_ path: String, member: String? = nil) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw WorkflowError(.missing, "\(path): no such file; expected a .safetensors, .pt or .pth file")
    }
    guard !isFolder.boolValue else {
      throw WorkflowError(.data, "\(path) is a folder; expected a .safetensors, .pt or .pth file")
    }
    self.path = path
    if try Self.isPyTorch(path) {
      let contents = try PyTorchFile.read(path, member: member)
      (format, self.member, recipe) = (.pytorch, contents.member, nil)
      (state, halfCount) = (Self.unwrapped(contents.state), Self.halfCount(contents.state))
    } else {
      guard member == nil else {
        throw WorkflowError(.usage, "\(path) is a safetensors file, which has no members; leave --member out")
      }
      let contents = try Safetensors.read(path)
      (format, self.member, recipe) = (.safetensors, nil, contents.metadata[ModelFile.recipeKey])
      (state, halfCount) = (Self.unwrapped(contents.state), Self.halfCount(contents.state))
    }
    guard state.count > 0 else { throw WorkflowError(.data, "\(path) holds no tensors") }
  }

  /// By the first bytes: a zip, or a pickle of protocol 2 or later that is not the length of a safetensors header.
  private static func isPyTorch(_ path: String) throws -> Bool {
    guard let file = FileHandle(forReadingAtPath: path) else { return false }  // whoever reads it says why it cannot be read
    defer { try? file.close() }
    let start = [UInt8]((try? file.read(upToCount: 9)) ?? Data())
    if start.starts(with: [0x50, 0x4B, 3, 4]) { return true }
    let isHeader = start.count > 8 && start[8] == UInt8(ascii: "{") && start[4..<8].allSatisfy { $0 == 0 }
    return start.count > 2 && start[0] == 0x80 && (2...5).contains(start[1]) && !isHeader
  }

  /// Without the `module.` that PyTorch's data-parallel wrappers put before every name.
  private static func unwrapped(_ state: StateDict) -> StateDict {
    let prefix = "module."
    return state.names.allSatisfy { $0.hasPrefix(prefix) } ? state.under(prefix) : state
  }

  private static func halfCount(_ state: StateDict) -> Int {
    state.entries.count { $0.tensor.dtype == .float16 || $0.tensor.dtype == .bfloat16 }
  }
}
