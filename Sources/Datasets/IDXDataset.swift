import Archives
import Imaging
import RecipeKit

/// Images from a pair of IDX files, MNIST's format: grey, or with a fourth dimension of 1 to 4 channels. A plain file is read in
/// place; a compressed one is held in memory (45 MB for MNIST's 60,000).
public struct IDXDataset: Dataset {
  public let classNames: [String]
  public var shape: ImageShape? { imageShape }
  public var channels: Int { imageShape.channels }

  private let imageShape: ImageShape
  private let path: String
  private let images: IDXFile
  private let isTransposed: Bool
  private let labels: [UInt8]?
  private let firstLabel: Int

  /// A recipe's `data: { type: idx, ... }`.
  public struct Recipe: DatasetRecipe {
    public static let name = "idx"

    /// Files in IDX format, gzip or plain, found also when only the other spelling, with or without `.gz`, is there; also within a
    /// zip or tar, as `emnist.zip/gzip/emnist-letters-train-images-idx3-ubyte.gz`. `labels` may be null for images without
    /// classes.
    public var images = "data/train-images-idx3-ubyte.gz"
    public var labels: String? = "data/train-labels-idx1-ubyte.gz"
    /// The published collection that the files belong to, which fixes orientation, first label and class names. By default the
    /// one that the path of `images` names, if any.
    public var collection: IDXCollection?
    /// Turns images that lie on their side, rows for columns, as EMNIST's do. By default as the collection needs it.
    public var transpose: Bool?
    /// The label that the file gives to the first class: 0 in MNIST, 1 in the letters of EMNIST. By default the collection's.
    public var firstLabel: Int?
    /// One name for each class; when not given, the collection's, else as many as the file's labels reach, named by the file's
    /// numbers.
    public var classNames: [String]?

    public init() {}

    public func validate() throws(RecipeError) {
      try require(!images.isEmpty, "images", "expected the path of an IDX file of images")
      if let firstLabel { try require((0...255).contains(firstLabel), "first_label", "expected 0 to 255, found \(firstLabel)") }
      try require(classNames?.isEmpty != true, "class_names", "expected at least one name, or null")
    }

    public func open() throws -> any Dataset { try IDXDataset(self) }

    public static func recipe(at path: String) -> Self {
      var recipe = Self()
      (recipe.images, recipe.labels) = (path, nil)
      return recipe
    }

    public var paths: [String] { [images] + [labels].compactMap { $0 } }

    public mutating func mapPaths(_ map: (String) -> String) {
      // The path as it was typed says what the files are a part of: a folder further up must not say otherwise.
      collection = collection ?? IDXCollection(path: images)
      guard collection != nil || IDXCollection(path: map(images)) == nil else { return }
      images = map(images)
      labels = labels.map(map)
    }
  }

  /// - Throws: `DatasetError` when a file is missing, damaged or not what it should be, or when the two do not belong together.
  public init(_ recipe: Recipe) throws {
    let files = try Self.locate(recipe)
    let collection = recipe.collection ?? IDXCollection(path: files.images)
    images = try IDXFile(path: files.images, ranks: 3...4, meaning: "3: images, rows, columns; or 4, with channels")
    path = files.images
    isTransposed = recipe.transpose ?? collection?.isTransposed ?? false
    imageShape = try Self.shape(of: images, isTransposed: isTransposed, files.images)
    guard let labelFile = files.labels else {
      (labels, classNames, firstLabel) = (nil, [], 0)
      return
    }
    let labels = try Self.labels(labelFile, of: images, files.images)
    let meaning = try LabelMeaning(labels, recipe, collection, file: labelFile)
    (classNames, firstLabel) = (meaning.classNames, meaning.firstLabel)
    self.labels = labels
  }

  public var count: Int { images.shape[0] }

  /// - Throws: `DatasetError` when the file has changed since it was opened.
  public subscript(index: Int) -> Picture {
    get throws {
      precondition((0..<count).contains(index), "example \(index) of a data set of \(count)")
      var image = Image(
        width: images.shape[2], height: images.shape[1], channels: imageShape.channels, bytes: try images.bytes(index..<(index + 1)))
      if isTransposed { image = image.transposed() }
      return Picture(.pixels(image), label: label(at: index), name: "\(path): image \(index)")
    }
  }

  private static func shape(of images: IDXFile, isTransposed: Bool, _ file: String) throws -> ImageShape {
    let channels = images.shape.count == 4 ? images.shape[3] : 1
    guard (1...4).contains(channels) else { throw DatasetError(file, .channels(channels)) }
    let (height, width) = isTransposed ? (images.shape[2], images.shape[1]) : (images.shape[1], images.shape[2])
    guard width <= Image.pixelLimit / height else {
      throw DatasetError(file, .impossibleShape(images.shape, limit: Image.pixelLimit))
    }
    return ImageShape(height: height, width: width, channels: channels)
  }

  private static func labels(_ file: String, of images: IDXFile, _ imagesFile: String) throws -> [UInt8] {
    let labels = try IDXFile(path: file, ranks: 1...1, meaning: "1: labels")
    guard labels.shape == [images.shape[0]] else {
      throw DatasetError(file, .count(what: "labels", found: labels.shape[0], images: images.shape[0], imagesFile: imagesFile))
    }
    return try labels.bytes(0..<labels.shape[0])
  }

  public func label(at index: Int) -> Int? { labels.map { Int($0[index]) - firstLabel } }

  // ---- files

  private static func locate(_ recipe: Recipe) throws -> (images: String, labels: String?) {
    let images = existing(recipe.images)
    let labels = recipe.labels.flatMap(existing)
    var missing = images == nil ? [recipe.images] : []
    if let wanted = recipe.labels, labels == nil { missing.append(wanted) }
    guard missing.isEmpty, let images else {
      throw DatasetError(missing[0], .missing(files: missing, instructions: instructions(recipe)))
    }
    return (images, labels)
  }

  private static func instructions(_ recipe: Recipe) -> String {
    let labels = recipe.labels.map { " and the labels as \($0)" } ?? ""
    return "put the images as \(recipe.images)\(labels) (IDX format, gzip or plain, with or without .gz;"
      + " MNIST's files serve as they are distributed), or name yours by `images` and `labels` in the recipe"
  }

  /// The path, or its other spelling with or without `.gz`, whichever is there.
  private static func existing(_ path: String) -> String? {
    let other = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path + ".gz"
    return [path, other].first { ByteStore.mayExist($0) }
  }
}

/// The meaning of the numbers in a file of labels.
private struct LabelMeaning {
  let classNames: [String]
  let firstLabel: Int

  /// The recipe has precedence over the collection. A collection that was found by a path alone is dropped when the file has
  /// other labels.
  init(_ labels: [UInt8], _ recipe: IDXDataset.Recipe, _ collection: IDXCollection?, file: String) throws {
    let lowest = Int(labels.min() ?? 0), highest = Int(labels.max() ?? 0)
    var known = collection
    if let collection, recipe.collection == nil {
      let labels = collection.firstLabel..<(collection.firstLabel + collection.classNames.count)
      if !labels.contains(lowest) || !labels.contains(highest) { known = nil }
    }
    firstLabel = recipe.firstLabel ?? known?.firstLabel ?? 0
    classNames = recipe.classNames ?? known?.classNames ?? (firstLabel...max(highest, firstLabel)).map(String.init)
    let accepted = firstLabel...(firstLabel + classNames.count - 1)
    if let index = labels.firstIndex(where: { !accepted.contains(Int($0)) }) {
      let expected =
        "\(accepted.lowerBound) to \(accepted.upperBound); set first_label and class_names in the recipe to what the file holds"
      throw DatasetError(file, .label(Double(labels[index]), index: index, expected: expected))
    }
  }
}

extension Image {
  /// Rows and columns exchanged.
  func transposed() -> Image {
    var result = self.bytes
    for y in 0..<height {
      for x in 0..<width {
        for c in 0..<channels { result[(x * height + y) * channels + c] = bytes[(y * width + x) * channels + c] }
      }
    }
    return Image(width: height, height: width, channels: channels, bytes: result)
  }
}
