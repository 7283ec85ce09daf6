import Imaging
import RecipeKit

/// Labelled pictures by index, unchanged as in their files or in memory: of any size.
///
/// Later sections of a recipe turn them into images of one shape. Pictures are read by many tasks at a time; no tensor is
/// involved.
public protocol Dataset: Sendable {
  /// How many pictures make an epoch.
  var count: Int { get }
  /// The meaning of the labels 0, 1, …; empty for pictures without labels.
  var classNames: [String] { get }
  /// The shape of every picture; nil where sizes differ.
  var shape: ImageShape? { get }
  /// The channels of its pictures; the most that any of them is known to have, where they differ.
  var channels: Int { get }
  /// How many numbers the context of each picture has; nil for a set without contexts.
  var contextSize: Int? { get }
  /// Whether pictures come with captions.
  var hasCaptions: Bool { get }
  /// Files among the pictures that were left out of the set.
  var skipped: [SkippedFile] { get }
  /// The picture, not decoded where it lies in a file of its own.
  /// - Precondition: `index` is in `0..<count`.
  subscript(index: Int) -> Picture { get throws }
  /// The picture's class, where it is known without reading the picture; nil otherwise.
  func label(at index: Int) -> Int?
  /// The picture's caption, without reading the picture, empty where it has none; nil for a set without captions.
  func caption(at index: Int) -> String?
  /// Runs of indices that follow each other from 0 to `count`, each visited as often as its weight says.
  var parts: [DatasetPart] { get }
}

extension Dataset {
  public var contextSize: Int? { nil }
  public var hasCaptions: Bool { false }
  public func caption(at index: Int) -> String? { nil }
  public func label(at index: Int) -> Int? { nil }
  public var parts: [DatasetPart] { [DatasetPart(range: 0..<count, weight: 1)] }
  public var skipped: [SkippedFile] { [] }

  /// How many pictures of each class there are, of those whose class is known without reading them.
  public var classCounts: [Int] {
    var counts = [Int](repeating: 0, count: classNames.count)
    for index in 0..<count { if let label = label(at: index) { counts[label] += 1 } }
    return counts
  }
}

/// One picture of a data set, with its label and context.
public struct Picture: Sendable, Equatable {
  public enum Content: Sendable, Equatable {
    /// Decoded, 8 bits a sample.
    case pixels(Image)
    /// A file of any format that libvips reads.
    case file(String)
    /// The contents of such a file.
    case encoded([UInt8])
  }

  public var content: Content
  /// An index into the set's `classNames`.
  public var label: Int?
  /// A vector that describes the picture, as an embedding of a caption does.
  public var context: [Float]?
  /// A text on one line, empty for none; nil in a set without captions.
  public var caption: String?
  /// Its name in reports: a path, "images.zip: cats/12.png", "train-images-idx3-ubyte.gz: image 12".
  public var name: String

  public init(_ content: Content, label: Int? = nil, context: [Float]? = nil, caption: String? = nil, name: String) {
    self.content = content
    self.label = label
    self.context = context
    self.caption = caption
    self.name = name
  }

  /// The whole picture, decoded.
  /// - Parameter profiles: what becomes of colours of a file whose profile is not sRGB.
  /// - Throws: `ImagingError`.
  public func image(_ profiles: ColorProfiles = .converted) throws -> Image {
    switch content {
    case .pixels(let image): image
    case .file(let path): try PictureReader(file: path, profiles: profiles).image()
    case .encoded(let bytes): try PictureReader(decoding: bytes, name: name, profiles: profiles).image()
    }
  }
}

/// One training image, of the common shape, with its class, an index into `classNames`, or nil.
public struct Example: Sendable, Equatable {
  public var image: Image
  public var label: Int?
  /// A vector that describes the picture; nil for a set without contexts.
  public var context: [Float]?
  /// A text on one line, empty for none; nil for a training without captions.
  public var caption: String?
  /// What augmentation did to the image, all zero for nothing; nil for a training without augmentation.
  public var augmentation: [Float]?
  /// The input of a restoration model; nil in other trainings.
  public var degraded: Degraded?

  /// A degraded image, and how strongly each corruption acted on it, 0 to 1.
  public struct Degraded: Sendable, Equatable {
    public var image: Image
    public var strengths: [Float]
  }

  public init(
    image: Image, label: Int?, context: [Float]? = nil, caption: String? = nil, augmentation: [Float]? = nil, degraded: Degraded? = nil
  ) {
    self.image = image
    self.label = label
    self.context = context
    self.caption = caption
    self.augmentation = augmentation
    self.degraded = degraded
  }
}

/// Height comes before width everywhere.
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
  /// The recipe of this kind for a path that was chosen together with the kind; of one that reads no files, the defaults.
  static func recipe(at path: String) -> Self
  /// The files and folders that it names.
  var paths: [String] { get }
  /// Replaces every path that it names, without a change of meaning: a run stores absolute paths, so that it is resumed from any
  /// folder.
  mutating func mapPaths(_ map: (String) -> String)
}

/// The recipe of a set that lies at one path: where its files are follows from that.
public protocol SinglePathDatasetRecipe: DatasetRecipe {
  var path: String { get set }
}

extension SinglePathDatasetRecipe {
  public static func recipe(at path: String) -> Self {
    var recipe = Self()
    recipe.path = path
    return recipe
  }
  public var paths: [String] { [path] }
  public mutating func mapPaths(_ map: (String) -> String) { path = map(path) }
}

/// Every kind of data set that a recipe can name.
public enum DatasetRegistry: RecipeRegistry {
  public typealias Member = any DatasetRecipe
  public static let all: [any NamedRecipe.Type] = [
    IDXDataset.Recipe.self, FolderDataset.Recipe.self, SpriteDataset.Recipe.self, ArrayDataset.Recipe.self, CIFARDataset.Recipe.self,
    GlyphDataset.Recipe.self, MixedDataset.Recipe.self,
  ]
}
