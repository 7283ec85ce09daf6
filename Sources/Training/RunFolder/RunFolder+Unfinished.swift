import Checkpoints
import Foundation

extension RunFolder {
  /// Clears away what trainings that were killed left half written, and puts back a checkpoint that was about to be replaced. Only for
  /// the owner of the folder, the only process that writes these files. What cannot be removed does no harm.
  func clearUnfinished() {
    let files = FileManager.default
    for name in hidden(in: checkpointsPath) where name.hasSuffix(".old") {
      let folder = "\(checkpointsPath)/\(name.dropFirst().dropLast(".old".count))"
      if !files.fileExists(atPath: folder) { try? AtomicFile.move("\(checkpointsPath)/\(name)", to: folder) }
    }
    for name in hidden(in: checkpointsPath) where name.hasSuffix(".part") || name.hasSuffix(".old") {
      try? files.removeItem(atPath: "\(checkpointsPath)/\(name)")
    }
    for file in ["recipe.yaml", "recipe.sum", "data.json", "latest", "best", "report.html"] { removeParts(of: file, in: path) }
    for name in hidden(in: averagesPath) where name.dropFirst().first?.isNumber == true && name.hasSuffix(".part") {
      try? files.removeItem(atPath: "\(averagesPath)/\(name)")
    }
    for name in hidden(in: "\(path)/previews") where name.dropFirst().first?.isNumber == true && name.hasSuffix(".part") {
      try? files.removeItem(atPath: "\(path)/previews/\(name)")
    }
  }

  /// Removes the parts of one of our files alone: others may write into the folder at the same time.
  private func removeParts(of file: String, in folder: String) {
    for name in hidden(in: folder) where name.hasPrefix(".\(file).") && name.hasSuffix(".part") {
      try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
    }
  }

  private func hidden(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasPrefix(".") }
  }
}
