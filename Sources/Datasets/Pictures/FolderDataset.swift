import Archives
import Foundation
import Imaging
import RecipeKit

/// The pictures of a folder and its sub-folders, or of a zip or tar, which is read as one and never unpacked.
///
/// Pictures come in the order of their relative paths' Unicode code points. Nothing but headers of some is read when the set is
/// opened; a picture of an archive is read when it is asked for.
public struct FolderDataset: Dataset {
  public let classNames: [String]
  /// Judged by the headers of up to 1000 pictures.
  public let shape: ImageShape?
  public let channels: Int
  public let skipped: [SkippedFile]

  private let tree: PictureTree
  /// Which of the tree's pictures, in its order.
  private let chosen: [Int]
  private let labels: [Int]?

  /// A recipe's `data: { type: folder, ... }`.
  public struct Recipe: SinglePathDatasetRecipe {
    public static let name = "folder"

    /// A folder, or a zip, tar or tar.gz of one. A tar.gz is kept in memory, up to 4 GiB of pictures; the others are not.
    public var path = "data"
    public var classFrom = ClassSource.folder
    /// For `class_from: folder`: 1 makes classes of the folders right below `path`, 2 of those below these, named "a/b", and so
    /// on; null of the folders that the pictures lie in. A folder that holds everything in an archive is passed over.
    public var classDepth: Int? = 1
    /// For `class_from: csv`: a file of lines "file,class", below `path`, in the archive, or anywhere else. Classes are
    /// names or numbers. Pictures that it does not name are left out.
    public var labels: String?
    /// The names of its two columns, where they are not of the usual ones (file, filename, image, …; class, label, …).
    public var labelColumns: [String]?
    /// Classes in the order of their labels; pictures of others are left out. When not given: all that there are, sorted.
    public var classNames: [String]?

    public init() {}

    public func validate() throws(RecipeError) {
      try require(!path.isEmpty, "path", "expected the path of a folder or an archive")
      if let classDepth { try require((1...64).contains(classDepth), "class_depth", "expected 1 to 64, or null, found \(classDepth)") }
      if classFrom == .csv {
        try require(labels?.isEmpty == false, "labels", "expected the path of a CSV file, for class_from is csv")
      } else {
        try require(labels == nil, "labels", "expected null, for class_from is \(classFrom.rawValue), not csv")
      }
      if let labelColumns { try require(labelColumns.count == 2, "label_columns", "expected 2 names, found \(labelColumns.count)") }
      try require(classNames?.isEmpty != true, "class_names", "expected at least one name, or null")
      if let classNames {
        try require(classFrom != .none, "class_names", "expected null, for class_from is none")
        try require(Set(classNames).count == classNames.count, "class_names", "expected each name once")
      }
    }

    public func open() throws -> any Dataset { try FolderDataset(self) }

    /// `labels` lies below `path` or in the archive, unless it is found from the working folder alone.
    public mutating func mapPaths(_ map: (String) -> String) {
      let files = FileManager.default
      if let labels, !files.fileExists(atPath: "\(path)/\(labels)"), files.fileExists(atPath: labels) { self.labels = map(labels) }
      path = map(path)
    }
  }

  /// - Throws: `DatasetError` or `ArchiveError` when there is no such folder or archive, when it holds no picture, or when
  ///   classes cannot be found, and when none of the pictures that are looked at can be read; `ImagingError` without libvips.
  public init(_ recipe: Recipe) throws {
    let tree = try PictureTree(path: recipe.path, companion: recipe.labels)
    try tree.requirePictures()
    let words = try Self.words(recipe, tree)
    let classes = words.map { ClassLabels($0.words, of: tree.names, fixed: recipe.classNames) }
    if classes == nil, let first = recipe.classNames?.first {
      throw DatasetError(.data, recipe.path, "its pictures lie in no folders, so none is of class '\(first)'; leave class_names out")
    }
    chosen = classes.map { classes in tree.names.indices.filter { classes.labels[$0] != nil } } ?? Array(tree.names.indices)
    labels = classes.map { $0.labels.compactMap { $0 } }
    classNames = classes?.names ?? []
    skipped = tree.skipped + (words?.skipped ?? []) + (classes?.skipped ?? [])
    self.tree = tree
    guard !chosen.isEmpty else {
      throw DatasetError(
        .data, recipe.path,
        "none of its \(tree.names.count) pictures is of a class in class_names; the first, '\(tree.names[0])', is of class"
          + " '\(words?.words.lazy.compactMap { $0 }.first ?? "")'")
    }
    let chosen = chosen
    let survey = try PictureSurvey(of: recipe.path, count: chosen.count) { try tree.content(chosen[$0]) }
    (shape, channels) = (survey.shape, survey.channels)
  }

  public var count: Int { chosen.count }

  public subscript(index: Int) -> Picture {
    get throws {
      precondition((0..<count).contains(index), "picture \(index) of a data set of \(count)")
      return Picture(try tree.content(chosen[index]), label: labels?[index], name: tree.title(chosen[index]))
    }
  }

  public func label(at index: Int) -> Int? { labels?[index] }

  // ---- classes

  /// Nil for a set without classes.
  private static func words(_ recipe: Recipe, _ tree: PictureTree) throws -> ClassWords? {
    let common = tree.isArchive ? ClassWords.commonFolder(of: tree.names) : ""
    switch recipe.classFrom {
    case .none: return nil
    case .folder: return try ClassWords.folders(of: tree.names, depth: recipe.classDepth, common: common, place: recipe.path)
    case .prefix: return try ClassWords.prefixes(of: tree.names, place: recipe.path)
    case .csv:
      let (name, bytes, base) = try table(recipe, tree)
      let table = try LabelTable(parsing: bytes, name: name, columns: recipe.labelColumns)
      return try ClassWords.table(table, names: tree.names, bases: [base, common, ""], place: recipe.path)
    }
  }

  /// The table's bytes, and the folder of the tree that it lies in.
  private static func table(_ recipe: Recipe, _ tree: PictureTree) throws -> (name: String, bytes: [UInt8], folder: String) {
    let labels = recipe.labels ?? ""
    func folder(_ name: String) -> String { name.lastIndex(of: "/").map { String(name[...$0]) } ?? "" }
    if let inside = try tree.companion() { return ("\(recipe.path): \(inside.name)", inside.bytes, folder(inside.name)) }
    let inside = tree.isArchive || labels.hasPrefix("/") ? nil : "\(recipe.path)/\(labels)"
    if let inside, FileManager.default.fileExists(atPath: inside) {
      return (inside, try contents(inside), folder(labels))
    }
    guard FileManager.default.fileExists(atPath: labels) else {
      throw DatasetError(
        .missing, labels, "there is no such file in \(recipe.path) or in the working folder; expected lines of a file and its class")
    }
    return (labels, try contents(labels), "")
  }

  private static func contents(_ path: String) throws -> [UInt8] {
    let file = try ByteReader(path: path)
    return try file.readToEnd(limit: PictureTree.byteLimit)
  }
}

extension PictureTree {
  /// - Throws: `DatasetError` that says what is there instead.
  func requirePictures() throws(DatasetError) {
    guard names.isEmpty else { return }
    let others = skipped.isEmpty ? "" : "; it holds \(skipped.count) other files, such as \(skipped[0])"
    throw DatasetError(.data, path, "holds no pictures; expected PNG, JPEG, WebP, TIFF, GIF, AVIF, PGM or PPM files\(others)")
  }
}
