import Checkpoints
import Foundation
import Tensors

/// Files that are kept with the tests.
package enum Fixture {
  /// The root of the clone.
  package static let clone = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  package static let folder = clone.appendingPathComponent("Tests/Fixtures")

  /// A file that a reference implementation wrote.
  package static func reference(_ name: String) -> String { folder.appendingPathComponent("reference/\(name)").path }
}

/// A folder that diffusers wrote.
package enum DiffusersFixture {
  package static let set = Fixture.folder.appendingPathComponent("reference/diffusers_model")
  package static let folder = set.appendingPathComponent("ddpm_class_conditional").path

  /// Inputs and outputs of its network, and images that diffusers sampled with it.
  package static func io() throws -> StateDict {
    try Safetensors.read(set.appendingPathComponent("ddpm_class_conditional.io.safetensors").path).state
  }

  /// A copy that a test may damage.
  package static func copy(into scratch: ScratchFolder) throws -> String {
    let path = scratch.path + "/pipeline"
    try FileManager.default.copyItem(atPath: folder, toPath: path)
    return path
  }
}
