import Imaging
import RecipeKit

/// Labelled pictures that are found by their index. Reading is done in many tasks at a time and never touches a tensor.
public protocol Dataset: Sendable {
  /// How many examples make an epoch.
  var count: Int { get }
  /// The meaning of the labels 0, 1, …; empty for pictures without labels.
  var classNames: [String] { get }
  /// What every image of the set has.
  var shape: ImageShape { get }
  /// - Precondition: `index` is in `0..<count`.
  subscript(index: Int) -> Example { get throws }
}

/// One picture, 8 bits a sample, with its class: an index into the set's `classNames`, or nil.
public struct Example: Sendable, Equatable {
  public var image: Image
  public var label: Int?

  public init(image: Image, label: Int?) {
    self.image = image
    self.label = label
  }
}

/// Height before width, everywhere.
public struct ImageShape: Sendable, Equatable, CustomStringConvertible {
  public var height: Int
  public var width: Int
  public var channels: Int

  public init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  public var description: String { "\(height) x \(width) x \(channels)" }
}

/// A section `data:` of a recipe, which opens the set that it describes.
public protocol DatasetRecipe: NamedRecipe {
  /// Paths are relative to the working folder.
  func open() throws -> any Dataset
}

/// Every kind of data set that a recipe can name.
public enum DatasetRegistry: RecipeRegistry {
  public typealias Member = any DatasetRecipe
  public static let all: [any NamedRecipe.Type] = [IDXDataset.Recipe.self, GlyphDataset.Recipe.self]
}
