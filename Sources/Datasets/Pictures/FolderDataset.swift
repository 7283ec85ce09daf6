import Archives
import Foundation
import Imaging
import RecipeKit

/// The pictures of a folder and its subfolders, or of a zip or tar archive, which is read without unpacking it.
///
/// Pictures are ordered by the Unicode code points of their relative paths. Opening the set reads only the headers of some pictures; a
/// picture is read when it is requested.
public struct FolderDataset: Dataset {
  public let classNames: [String]
  /// Determined from the headers of up to 1000 pictures.
  public let shape: ImageShape?
  public let channels: Int
  public let skipped: [SkippedFile]

  private let tree: PictureTree
  /// Indices of the pictures that are used, in the tree's order.
  private let chosen: [Int]
  private let labels: [Int]?
  /// The caption of each picture that is used; nil for a set without.
  private let captions: [String]?

  /// A recipe's `data: { type: folder, ... }`.
  public struct Recipe: SinglePathDatasetRecipe {
    public static let name = "folder"

    /// A folder, or a zip, tar or tar.gz of one. Only a tar.gz is kept in memory, up to 4 GiB of pictures.
    public var path = "data"
    public var classFrom = ClassSource.folder
    /// For `class_from: folder`: with 1 the folders directly below `path` are the classes, with 2 those one level deeper, named "a/b", and
    /// so on; with null the folders that contain the pictures. A single top folder of an archive is ignored.
    public var classDepth: Int? = 1
    /// For `class_from: csv`: a file of lines "file,class", below `path`, in the archive, or elsewhere. Classes are names or numbers.
    /// Pictures that are not listed are left out.
    public var labels: String?
    /// The names of its two columns, unless they are common ones (file, filename, image, …; class, label, …).
    public var labelColumns: [String]?
    /// Classes in the order of their labels; pictures of other classes are left out. Default: all classes, sorted.
    public var classNames: [String]?
    /// A text for each picture, for networks with a text encoder; null for none. A picture without one has an empty text.
    public var captions: CaptionsRecipe?

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

    /// Tables lie below `path` or in the archive, unless they are found from the working folder alone.
    public mutating func mapPaths(_ map: (String) -> String) {
      let files = FileManager.default, path = path
      func mapped(_ table: String?) -> String? {
        table.map { !files.fileExists(atPath: "\(path)/\($0)") && files.fileExists(atPath: $0) ? map($0) : $0 }
      }
      labels = mapped(labels)
      if let table = captions?.table { captions?.table = mapped(table) }
      self.path = map(path)
    }

    fileprivate var companions: PictureTree.Companions {
      PictureTree.Companions(
        tables: [labels, captions?.table].compactMap { $0 }, ending: captions?.from == .file ? PictureCaptions.ending : nil)
    }
  }

  /// - Throws: `DatasetError` or `ArchiveError` when there is no such folder or archive, when it contains no pictures, when the classes
  ///   cannot be determined, or when none of the examined pictures can be read; `ImagingError` without libvips.
  public init(_ recipe: Recipe) throws {
    let tree = try PictureTree(path: recipe.path, companions: recipe.companions)
    try tree.requirePictures()
    let common = tree.isArchive ? ClassWords.commonFolder(of: tree.names) : ""
    let words = try Self.words(recipe, tree, common)
    let captions = try recipe.captions.map { try PictureCaptions($0, of: tree, common: common) }
    let classes = words.map { ClassLabels($0.words, of: tree.names, fixed: recipe.classNames) }
    if classes == nil, let first = recipe.classNames?.first {
      throw DatasetError(.data, recipe.path, "its pictures lie in no folders, so none is of class '\(first)'; leave class_names out")
    }
    let chosen = classes.map { classes in tree.names.indices.filter { classes.labels[$0] != nil } } ?? Array(tree.names.indices)
    self.chosen = chosen
    labels = classes.map { $0.labels.compactMap { $0 } }
    classNames = classes?.names ?? []
    skipped = tree.skipped + (words?.skipped ?? []) + (classes?.skipped ?? []) + (captions?.skipped ?? [])
    self.captions = captions.map { captions in chosen.map { captions.texts[$0] } }
    self.tree = tree
    guard !chosen.isEmpty else {
      throw DatasetError(
        .data, recipe.path,
        "none of its \(tree.names.count) pictures is of a class in class_names; the first, '\(tree.names[0])', is of class"
          + " '\(words?.words.lazy.compactMap { $0 }.first ?? "")'")
    }
    let survey = try PictureSurvey(of: recipe.path, count: chosen.count) { try tree.content(chosen[$0]) }
    (shape, channels) = (survey.shape, survey.channels)
  }

  public var count: Int { chosen.count }

  public subscript(index: Int) -> Picture {
    get throws {
      precondition((0..<count).contains(index), "picture \(index) of a data set of \(count)")
      return Picture(try tree.content(chosen[index]), label: labels?[index], caption: captions?[index], name: tree.title(chosen[index]))
    }
  }

  public func label(at index: Int) -> Int? { labels?[index] }
  public var hasCaptions: Bool { captions != nil }
  public func caption(at index: Int) -> String? { captions?[index] }

  // ---- classes

  /// Nil for a set without classes.
  private static func words(_ recipe: Recipe, _ tree: PictureTree, _ common: String) throws -> ClassWords? {
    switch recipe.classFrom {
    case .none: return nil
    case .folder: return try ClassWords.folders(of: tree.names, depth: recipe.classDepth, common: common, place: recipe.path)
    case .prefix: return try ClassWords.prefixes(of: tree.names, place: recipe.path)
    case .csv:
      let file = try tree.table(recipe.labels ?? "", holding: "a file and its class")
      let table = try LabelTable(parsing: file.bytes, name: file.name, columns: recipe.labelColumns)
      return try ClassWords.table(table, names: tree.names, bases: [file.folder, common, ""], place: recipe.path)
    }
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
