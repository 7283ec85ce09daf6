import RecipeKit

/// Where the class of a picture is taken from.
public enum ClassSource: String, Codable, Sendable, CaseIterable {
  /// No classes.
  case none
  /// The folders that a picture lies in. Where all lie in none, there are no classes.
  case folder
  /// A table in a CSV file.
  case csv
  /// What stands before the first "_" of a file's name, guided-diffusion's convention.
  case prefix
}

/// The word for the class of each picture, before words become labels; nil where a picture is left out.
struct ClassWords {
  var words: [String?]
  var skipped: [SkippedFile] = []

  // ---- from folders

  /// - Parameters:
  ///   - names: relative paths.
  ///   - depth: so many folders, from the top, make a class, or as many as there are; nil for all of them.
  ///   - common: a folder that holds all and makes no class: "images/", or nothing.
  /// - Returns: nil where no picture lies in a folder.
  /// - Throws: `DatasetError` where some do and some do not.
  static func folders(of names: [String], depth: Int?, common: String, place: String) throws(DatasetError) -> ClassWords? {
    let words = names.map { name -> String? in
      let folders = name.dropFirst(common.count).split(separator: "/").dropLast()
      return folders.isEmpty ? nil : folders.prefix(depth ?? folders.count).joined(separator: "/")
    }
    let without = words.indices.filter { words[$0] == nil }
    guard let first = without.first else { return ClassWords(words: words) }
    if without.count == names.count { return nil }
    throw DatasetError(
      .data, place,
      "\(without.count) of \(names.count) pictures lie in no folder of a class, such as '\(names[first])'; move them, or set"
        + " `class_from: none` for a set without classes")
  }

  /// The folders that hold all pictures of an archive, with a "/" at the end: what it is usually wrapped in.
  static func commonFolder(of names: [String]) -> String {
    guard var common = names.first.map({ $0.split(separator: "/").dropLast()[...] }) else { return "" }
    for name in names where !common.isEmpty {
      let folders = name.split(separator: "/").dropLast()
      common = common.prefix(zip(common, folders).prefix { $0 == $1 }.count)
    }
    return common.isEmpty ? "" : common.joined(separator: "/") + "/"
  }

  // ---- from file names

  /// - Throws: `DatasetError` where a name has no "_".
  static func prefixes(of names: [String], place: String) throws(DatasetError) -> ClassWords {
    let words = names.map { name -> String? in
      let file = name[(name.utf8.lastIndex(of: 0x2F).map { name.utf8.index(after: $0) } ?? name.startIndex)...]
      return file.utf8.firstIndex(of: 0x5F).map { String(file[..<$0]) }
    }
    let without = words.indices.filter { words[$0] == nil || words[$0] == "" }
    guard let first = without.first else { return ClassWords(words: words) }
    throw DatasetError(
      .data, place,
      "the names of \(without.count) of \(names.count) pictures, such as '\(names[first])', have no class before a '_'; expected names"
        + " like 'cat_0001.png'")
  }

  // ---- from a table

  /// - Parameter bases: the folders that the table's file names may be relative to, each with a "/" at its end or empty.
  /// - Throws: `DatasetError` where two lines disagree, or none names a picture.
  static func table(_ table: LabelTable, names: [String], bases: [String], place: String) throws(DatasetError) -> ClassWords {
    let index = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var result = ClassWords(words: Array(repeating: nil, count: names.count))
    var lines = [Int](repeating: 0, count: names.count)
    for row in table.rows {
      guard let found = picture(row.file, in: index, bases: bases) else {
        result.skipped.append(SkippedFile(name: "\(table.name):\(row.line)", reason: "there is no picture '\(row.file)'"))
        continue
      }
      if let other = result.words[found], other != row.label {
        throw DatasetError(
          .data, "\(table.name):\(row.line)", "'\(row.file)' is of class '\(row.label)', but line \(lines[found]) says '\(other)'")
      }
      (result.words[found], lines[found]) = (row.label, row.line)
    }
    guard result.words.contains(where: { $0 != nil }) else {
      let example = table.rows.first.map { ", such as '\($0.file)' in line \($0.line)," } ?? ""
      throw DatasetError(
        .data, table.name,
        "none of the \(table.rows.count) files that it names\(example) is a picture in \(place), where '\(names[0])' is one")
    }
    for index in names.indices where result.words[index] == nil {
      result.skipped.append(SkippedFile(name: names[index], reason: "not in \(table.name)"))
    }
    return result
  }

  /// The picture that a table calls `file`.
  /// - Parameter bases: the folders that its names may be relative to, each with a "/" at its end or empty.
  static func picture(_ file: String, in index: [String: Int], bases: [String]) -> Int? {
    func search(_ file: String) -> Int? { bases.lazy.compactMap { index[$0 + file] }.first }
    if let found = search(file) { return found }
    let path = file.split { $0 == "/" || $0 == "\\" }.filter { $0 != "." }.joined(separator: "/")
    return path == file ? nil : search(path)
  }
}

/// Names of classes, and the label of each picture: an index into them.
struct ClassLabels {
  let names: [String]
  /// Nil where a picture is left out.
  let labels: [Int?]
  let skipped: [SkippedFile]

  /// - Parameters:
  ///   - words: nil for pictures that are left out already.
  ///   - pictures: their names.
  ///   - fixed: the classes to take, in this order; others are left out. A word that is none of them but a number is the
  ///     position of one. When not given, all words are classes: in numerical order when all are whole numbers, else in the order of Unicode
  ///     code points.
  init(_ words: [String?], of pictures: [String], fixed: [String]?) {
    let distinct = Set(words.lazy.compactMap { $0 })
    let names = fixed ?? Self.sorted(distinct)
    let index = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let areNumbers = distinct.allSatisfy { Int($0) != nil }
    let labels = Dictionary(
      uniqueKeysWithValues: distinct.map { word -> (String, Int?) in
        (word, index[word] ?? (areNumbers ? Int(word).flatMap { names.indices.contains($0) ? $0 : nil } : nil))
      })
    self.names = names
    self.labels = words.map { $0.flatMap { labels[$0] ?? nil } }
    skipped = zip(words, pictures).compactMap { word, picture in
      guard let word, labels[word] == .some(nil) else { return nil }
      return SkippedFile(name: picture, reason: "its class '\(word)' is not in class_names")
    }
  }

  private static func sorted(_ words: Set<String>) -> [String] {
    let numbers = words.map { Int($0) }
    guard numbers.contains(nil) else { return words.sorted { (Int($0)!, $0) < (Int($1)!, $1) } }
    return words.sorted(by: PictureTree.precedes)
  }
}
