import Foundation
import Imaging
import RecipeKit

/// Grey images from a pair of IDX files, MNIST's format; loaded whole (45 MB for MNIST's 60,000) when it is opened.
public struct IDXDataset: Dataset {
  public let classNames: [String]
  public var shape: ImageShape? { ImageShape(height: images.shape[1], width: images.shape[2], channels: 1) }
  public var channels: Int { 1 }

  private let path: String
  private let images: IDXFile
  private let labels: [UInt8]?
  private let firstLabel: Int

  /// A recipe's `data: { type: idx, ... }`.
  public struct Recipe: DatasetRecipe {
    public static let name = "idx"

    /// Files in IDX format, gzip or plain, found also when only the other spelling, with or without `.gz`, is there.
    /// `labels` may be null for images without classes.
    public var images = "data/train-images-idx3-ubyte.gz"
    public var labels: String? = "data/train-labels-idx1-ubyte.gz"
    /// The label that the file gives to the first class: 0 in MNIST, 1 in the letters of EMNIST.
    public var firstLabel = 0
    /// One name for each class; when not given, as many as the file's labels reach, named by the file's numbers.
    public var classNames: [String]?

    public init() {}

    public func validate() throws(RecipeError) {
      try require(!images.isEmpty, "images", "expected the path of an IDX file of images")
      try require((0...255).contains(firstLabel), "first_label", "expected 0 to 255, found \(firstLabel)")
      try require(classNames?.isEmpty != true, "class_names", "expected at least one name, or null")
    }

    public func open() throws -> any Dataset { try IDXDataset(self) }
  }

  /// - Throws: `DatasetError` when a file is missing, damaged or not what it should be, or when the two do not belong together.
  public init(_ recipe: Recipe) throws {
    let files = try Self.locate(recipe)
    images = try IDXFile(path: files.images, rank: 3, meaning: "3: images, rows, columns")
    firstLabel = recipe.firstLabel
    path = files.images
    guard let labelFile = files.labels else {
      labels = nil
      classNames = []
      return
    }
    let labels = try IDXFile(path: labelFile, rank: 1, meaning: "1: labels")
    guard labels.shape == [images.shape[0]] else {
      throw DatasetError(
        labelFile, .labelCount(labels: labels.shape[0], images: images.shape[0], imagesFile: files.images))
    }
    let highest = Int(labels.bytes.max() ?? 0)
    classNames = recipe.classNames ?? (firstLabel...max(highest, firstLabel)).map(String.init)
    let accepted = firstLabel...(firstLabel + classNames.count - 1)
    if let index = labels.bytes.firstIndex(where: { !accepted.contains(Int($0)) }) {
      throw DatasetError(labelFile, .label(labels.bytes[index], index: index, accepted: accepted))
    }
    self.labels = labels.bytes
  }

  public var count: Int { images.shape[0] }

  public subscript(index: Int) -> Picture {
    precondition((0..<count).contains(index), "example \(index) of a data set of \(count)")
    let height = images.shape[1], width = images.shape[2]
    let start = index * height * width
    let image = Image(
      width: width, height: height, channels: 1, bytes: Array(images.bytes[start..<(start + height * width)]))
    return Picture(.pixels(image), label: label(at: index), name: "\(path): image \(index)")
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
    return [path, other].first { FileManager.default.fileExists(atPath: $0) }
  }
}
