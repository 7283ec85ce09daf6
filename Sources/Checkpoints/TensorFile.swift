import Failures
import Foundation
import Tensors

/// Tensors by name from any file that is read; its first bytes say of which format it is, not its name.
public struct TensorFile {
  public enum Format: String, Codable, Sendable {
    case safetensors
    /// `torch.save` since PyTorch 1.6, and before.
    case pytorch, pytorchLegacy = "pytorch_legacy"
  }

  public let format: Format
  public let state: StateDict
  /// Free text by key, of safetensors.
  public let metadata: [String: String]
  /// Of PyTorch's files: the member of the file's dictionary that `state` is, nil for the whole file; and all that could be.
  public let member: String?, members: [String]

  /// - Throws: `SfumatoError` for a member of a file that has none; `CheckpointError` or `SafetensorsError`, which name the file and the place in it.
  public init(_ path: String, member: String? = nil) throws {
    format = Self.format(of: path)
    try Self.check(member, of: format, path)
    if format == .safetensors {
      let contents = try Safetensors.read(path)
      (state, metadata) = (contents.state, contents.metadata)
      (self.member, members) = (nil, [])
    } else {
      let contents = try Self.readPyTorch(path, member)
      (state, metadata) = (contents.state, [:])
      (self.member, members) = (contents.member, contents.members)
    }
  }

  private static func readPyTorch(_ path: String, _ member: String?) throws -> PyTorchFile.Contents {
    do { return try PyTorchFile.read(path, member: member) } catch let error as CheckpointError where error.kind == .ambiguous {
      throw SfumatoError(
        .usage, "\(error), by --member; a command without it takes what 'sfumato convert \(path) NAME.safetensors --member …' writes")
    }
  }

  /// Refuses a member of a file whose format has none.
  package static func check(_ member: String?, of format: Format, _ path: String) throws {
    guard member == nil || format != .safetensors else {
      throw SfumatoError(.usage, "\(path) is a safetensors file, which has no members; leave --member out")
    }
  }

  /// A file that cannot be read counts as safetensors, whose reader says why.
  public static func format(of path: String) -> Format {
    guard let file = FileHandle(forReadingAtPath: path) else { return .safetensors }
    defer { try? file.close() }
    guard let start = try? file.read(upToCount: 9).map([UInt8].init) else { return .safetensors }
    if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return .pytorch }
    // PROTO 2 to 5: what every pickle since Python 2.3 begins with. The length of a safetensors header may begin so too.
    let isHeaderLength = start.count > 8 && start[8] == UInt8(ascii: "{") && start[4..<8].allSatisfy { $0 == 0 }
    return start.count > 2 && start[0] == 0x80 && (2...5).contains(start[1]) && !isHeaderLength ? .pytorchLegacy : .safetensors
  }
}
