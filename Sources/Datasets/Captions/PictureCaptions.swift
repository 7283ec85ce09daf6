import Foundation

/// The captions of the pictures in a folder or archive.
struct PictureCaptions {
  /// In the tree's order; empty for a picture without one.
  private(set) var texts: [String]
  private(set) var skipped: [SkippedFile] = []

  /// The ending of text files beside pictures.
  static let ending = ".txt"
  /// The longest such file; of longer ones nothing is read.
  private static let fileLimit = 1 << 16

  /// - Parameter common: a folder that holds all pictures, which a table's names of files may leave out.
  /// - Throws: `DatasetError` where no picture has a caption, `ArchiveError` where a file cannot be read.
  init(_ recipe: CaptionsRecipe, of tree: PictureTree, common: String) throws {
    texts = Array(repeating: "", count: tree.names.count)
    switch recipe.from {
    case .file: try readFiles(tree)
    case .name: texts = tree.names.map(Self.words(of:))
    case .table: try readTable(recipe, tree, common)
    }
    guard texts.contains(where: { !$0.isEmpty }) else { throw Self.nothing(recipe.from, tree) }
  }

  private static func nothing(_ source: CaptionSource, _ tree: PictureTree) -> DatasetError {
    let example = tree.names[0]
    switch source {
    case .file:
      return DatasetError(.data, tree.path, "no picture has a caption beside it; expected a text file such as '\(stem(example))\(ending)'")
    case .name: return DatasetError(.data, tree.path, "the names of its pictures, such as '\(example)', have no words to be captions")
    case .table: return DatasetError(.data, tree.path, "the table of captions has only empty ones")
    }
  }

  // MARK: Text files

  private mutating func readFiles(_ tree: PictureTree) throws {
    for (index, name) in tree.names.enumerated() {
      let file = Self.stem(name) + Self.ending
      guard let bytes = try tree.companion(at: file, limit: Self.fileLimit) else { continue }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw DatasetError(.data, "\(tree.path)/\(file)", "is not UTF-8; save the caption as UTF-8")
      }
      texts[index] = try Caption.checked(text, "\(tree.path)/\(file)")
    }
  }

  /// The path without the ending.
  private static func stem(_ name: String) -> String { (name as NSString).deletingPathExtension }

  // MARK: Names

  /// The words of a file's name, numbers left out.
  static func words(of name: String) -> String {
    let file = ((name as NSString).lastPathComponent as NSString).deletingPathExtension
    let words = file.split { !$0.isLetter && !$0.isNumber }.filter { !$0.allSatisfy(\.isNumber) }
    return Caption.normalized(words.joined(separator: " "))
  }

  // MARK: Tables

  private mutating func readTable(_ recipe: CaptionsRecipe, _ tree: PictureTree, _ common: String) throws {
    let file = try tree.table(recipe.table ?? "", holding: "a file and its caption")
    let table = try CaptionTable(parsing: file.bytes, name: file.name, recipe, namesFiles: true)
    let index = Dictionary(tree.names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var lines = [Int?](repeating: nil, count: tree.names.count)
    for row in table.rows {
      guard let found = ClassWords.picture(row.file, in: index, bases: [file.folder, common, ""]) else {
        skipped.append(SkippedFile(name: "\(table.name):\(row.line)", reason: "there is no picture '\(row.file)'"))
        continue
      }
      if let line = lines[found], texts[found] != row.caption {
        throw DatasetError(
          .data, "\(table.name):\(row.line)", "'\(row.file)' has another caption in line \(line); expected one for each picture")
      }
      (texts[found], lines[found]) = (row.caption, row.line)
    }
    guard lines.contains(where: { $0 != nil }) else {
      throw DatasetError(
        .data, table.name,
        "none of the \(table.rows.count) files that it names, such as '\(table.rows[0].file)', is a picture in \(tree.path), where "
          + "'\(tree.names[0])' is one")
    }
  }
}
