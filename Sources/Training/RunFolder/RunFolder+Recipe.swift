import Checkpoints
import Failures
import Foundation

extension RunFolder {
  /// The checksums that the recipe may have. While it is being replaced there are two: a process may end between the two files.
  private var recipeSumPath: String { "\(path)/recipe.sum" }

  /// Writes the recipe in the place of an earlier one.
  public func write(recipe: String) throws {
    let new = FileChecksum(of: recipe), old = try? FileChecksum(ofFile: recipePath)
    try write([old, new].compactMap(\.self))
    try AtomicFile.write(recipe, to: recipePath)
    try write([new])
  }

  private func write(_ sums: [FileChecksum]) throws { try AtomicFile.write(Self.json(sums) + "\n", to: recipeSumPath) }

  /// Refuses a recipe that is not the one that was written: one that is damaged would silently train something else.
  /// - Throws: `CheckpointError`. A run of version 0.1.0, without a checksum, passes.
  func verifyRecipe() throws {
    guard let data = FileManager.default.contents(atPath: recipeSumPath) else { return }
    guard let sums = try? JSONDecoder().decode([FileChecksum].self, from: data) else {
      throw CheckpointError(.invalid, recipeSumPath, "is damaged: it does not hold the checksum of recipe.yaml; \(recipeAdvice)")
    }
    let found = try FileChecksum(ofFile: recipePath)
    guard sums.contains(found) else {
      throw CheckpointError(.invalid, recipePath, "is not as the training wrote it, by its checksum; \(recipeAdvice)")
    }
  }

  private var recipeAdvice: String {
    "put the file back, or set what you want changed by '\(ShellCommand("sfumato", "resume", path)) --set KEY=VALUE'; "
      + "to keep the recipe as it is, delete recipe.sum"
  }
}
