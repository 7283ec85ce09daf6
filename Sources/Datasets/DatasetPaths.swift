import Foundation
import RecipeKit

// Where a data set's files lie: a run stores absolute paths, so that it is resumed from any folder.

extension FolderDataset.Recipe {
  public var paths: [String] { [path] }
  /// `labels` lies below `path` or in the archive, unless it is found from the working folder alone.
  public mutating func mapPaths(_ map: (String) -> String) {
    let files = FileManager.default
    if let labels, !files.fileExists(atPath: "\(path)/\(labels)"), files.fileExists(atPath: labels) { self.labels = map(labels) }
    path = map(path)
  }
}

extension SpriteDataset.Recipe {
  public var paths: [String] { [path] }
  public mutating func mapPaths(_ map: (String) -> String) { path = map(path) }
}

extension IDXDataset.Recipe {
  public var paths: [String] { [images] + [labels].compactMap { $0 } }
  public mutating func mapPaths(_ map: (String) -> String) {
    // The path as it was typed says what the files are a part of: a folder further up must not say otherwise.
    collection = collection ?? IDXCollection(path: images)
    guard collection != nil || IDXCollection(path: map(images)) == nil else { return }
    images = map(images)
    labels = labels.map(map)
  }
}

extension ArrayDataset.Recipe {
  public var paths: [String] { [images] + [labels, contexts].compactMap { $0 } }
  public mutating func mapPaths(_ map: (String) -> String) {
    images = map(images)
    labels = labels.map(map)
    contexts = contexts.map(map)
  }
}

extension CIFARDataset.Recipe {
  public var paths: [String] { [path] }
  public mutating func mapPaths(_ map: (String) -> String) { path = map(path) }
}

extension GlyphDataset.Recipe {
  public var paths: [String] { [] }
  public mutating func mapPaths(_ map: (String) -> String) {}
}

extension MixedDataset.Recipe {
  public var paths: [String] { sources.flatMap(\.member.paths) }
  public mutating func mapPaths(_ map: (String) -> String) {
    sources = sources.map { source in
      var recipe = source.member
      recipe.mapPaths(map)
      return Choice(recipe)
    }
  }
}
