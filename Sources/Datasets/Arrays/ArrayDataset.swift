import Archives
import Imaging
import RecipeKit

/// Images in an array of numpy, with labels and contexts in others. An `.npy` file and an uncompressed `.npz` of any size are read
/// where they lie, a picture at a time; what is compressed is held in memory. Python objects (pickles) are refused.
public struct ArrayDataset: Dataset {
  /// The order of the axes: N pictures, H rows, W columns, C channels.
  public enum Layout: String, Codable, Sendable, CaseIterable {
    case nhw, nhwc, nchw
  }

  public let classNames: [String]
  public let contextSize: Int?
  public var shape: ImageShape? { images.shape }
  public var channels: Int { images.shape.channels }
  public var count: Int { images.array.count }

  private let images: ArrayImages
  private let labels: [Int]?
  private let contexts: NumberArray?
  private let captions: [String]?

  /// A recipe's `data: { type: arrays, ... }`.
  public struct Recipe: DatasetRecipe {
    public static let name = "arrays"

    /// An `.npy` file, gzip or plain; an `.npz`, of which `arr_0` is taken, guided-diffusion's convention, or the only array that
    /// could be images; or an array in one, as `samples.npz/x_train`. Bytes, other whole numbers from 0 to 255, booleans, or floats.
    public var images = "data/images.npz"
    /// Whole numbers `[N]`, or `[N, K]` with a 1 for the class in each row. Where `images` names a whole `.npz`, by default its `arr_1`
    /// (or `labels`, `label`, `y`), if there is one.
    public var labels: String?
    /// A vector for each image, `[N, D]`, such as the embedding of a caption.
    public var contexts: String?
    /// A text for each image, in place of vectors: from a table, which has a line for each image in their order; null for none.
    public var captions: CaptionsRecipe?
    /// The order of the axes; by default the only one that fits the shape.
    public var layout: Layout?
    /// What is black and white in floats. By default what the numbers say, where they leave no doubt.
    public var range: SampleRange?
    /// The label of the first class.
    public var firstLabel = 0
    /// One name for each class; when not given, the numbers.
    public var classNames: [String]?

    public init() {}

    public func validate() throws(RecipeError) {
      try require(!images.isEmpty, "images", "expected the path of an array of images")
      try require(classNames?.isEmpty != true, "class_names", "expected at least one name, or null")
      guard let captions else { return }
      try require(
        captions.from == .table && captions.fileColumn == nil, "captions",
        "images in arrays have no files; expected { from: table, table: captions.csv }, with a line for each image")
      try require(contexts == nil, "captions", "images come with vectors or with texts; expected contexts or captions alone")
    }

    public func open() throws -> any Dataset { try ArrayDataset(self) }

    public static func recipe(at path: String) -> Self {
      var recipe = Self()
      recipe.images = path
      return recipe
    }

    public var paths: [String] { [images] + [labels, contexts, captions?.table].compactMap { $0 } }

    public mutating func mapPaths(_ map: (String) -> String) {
      images = map(images)
      labels = labels.map(map)
      contexts = contexts.map(map)
      if let table = captions?.table { captions?.table = map(table) }
    }
  }

  /// - Throws: `ArchiveError`, `ArrayError`, `DatasetError` when a file is missing, damaged or not what it should be, or when they do not
  ///   belong together.
  public init(_ recipe: Recipe) throws {
    let archive = try NPZFile.isNPZ(recipe.images) ? NPZFile(path: recipe.images) : nil
    let imagesPath = try archive?.images() ?? recipe.images
    let images = try ArrayImages(NumberArray(path: imagesPath), layout: recipe.layout, range: recipe.range)
    self.images = images
    let labelsPath = recipe.labels ?? archive?.labels(of: imagesPath)
    let labels = try labelsPath.map { path in
      let array = try Self.array(path, "labels", of: images.array)
      return (try ArrayLabels(array, firstLabel: recipe.firstLabel), array.name)
    }
    self.labels = labels?.0.numbers
    classNames = try labels.map { try Self.names(of: $0.0, recipe, file: $0.1) } ?? []
    contexts = try recipe.contexts.map { try Self.array($0, "contexts", of: images.array) }
    contextSize = contexts?.rowLength
    captions = try recipe.captions.map { try Self.captions($0, of: images.array) }
    if let contexts, contexts.shape.count != 2 || contexts.rowLength == 0 {
      throw DatasetError(contexts.name, .shape(contexts.shape, expected: "[N, D], a vector for each image"))
    }
  }

  /// An array that goes with the images.
  private static func array(_ path: String, _ what: String, of images: NumberArray) throws -> NumberArray {
    let array = try NumberArray(path: NPZFile.isNPZ(path) ? NPZFile(path: path).only() : path)
    guard array.count == images.count else {
      throw DatasetError(array.name, .count(what: what, found: array.count, images: images.count, imagesFile: images.name))
    }
    return array
  }

  /// The texts of a table with a line for each image.
  private static func captions(_ recipe: CaptionsRecipe, of images: NumberArray) throws -> [String] {
    let path = recipe.table ?? ""
    let table = try CaptionTable(
      parsing: PictureTree.contents(path, limit: PictureTree.byteLimit), name: path, recipe, namesFiles: false)
    guard table.rows.count == images.count else {
      throw DatasetError(path, .count(what: "captions", found: table.rows.count, images: images.count, imagesFile: images.name))
    }
    return table.rows.map(\.caption)
  }

  private static func names(of labels: ArrayLabels, _ recipe: Recipe, file: String) throws(DatasetError) -> [String] {
    guard let names = recipe.classNames else {
      return (recipe.firstLabel..<(recipe.firstLabel + labels.classCount)).map(String.init)
    }
    if let index = labels.numbers.firstIndex(where: { $0 >= names.count }) {
      let expected = "one of the \(names.count) classes of class_names, \(recipe.firstLabel) to \(recipe.firstLabel + names.count - 1)"
      throw DatasetError(file, .label(Double(labels.numbers[index] + recipe.firstLabel), index: index, expected: expected))
    }
    return names
  }

  /// - Throws: `DatasetError` for a picture with samples off the range or a context without numbers, `ArchiveError` when a file has
  ///   changed since it was opened.
  public subscript(index: Int) -> Picture {
    get throws {
      precondition((0..<count).contains(index), "example \(index) of a data set of \(count)")
      let context = try contexts?.numbers(index..<(index + 1)).map { Float($0) }
      if let context, let contexts, !context.allSatisfy(\.isFinite) { throw DatasetError(contexts.name, .contextNotFinite(index: index)) }
      return Picture(
        .pixels(try images.image(at: index)), label: labels?[index], context: context, caption: captions?[index],
        name: "\(images.array.name): image \(index)")
    }
  }
  public func label(at index: Int) -> Int? { labels?[index] }
  public var hasCaptions: Bool { captions != nil }
  public func caption(at index: Int) -> String? { captions?[index] }
}
