import Foundation

// What others read of a run while it goes on, perhaps on another machine: no lock is needed for it.
extension RunFolder {
  /// A preview that has been written.
  package struct Preview: Sendable {
    package var path: String
    /// Images seen when it was made.
    package var images: Int
    package var bytes: Int
  }

  package var reportPath: String { "\(path)/report.html" }
  /// Event files, for `tensorboard --logdir`.
  package var eventsPath: String { "\(path)/tensorboard" }

  /// The previews, oldest first.
  package var previews: [Preview] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/previews")) ?? []
    return names.compactMap { name in
      guard name.hasSuffix(".png"), Self.isCheckpointName(String(name.dropLast(4))), let images = Int(name.dropLast(4)) else { return nil }
      let path = "\(path)/previews/\(name)"
      let bytes = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
      return bytes.map { Preview(path: path, images: images, bytes: $0) }
    }.sorted { $0.images < $1.images }
  }
}
