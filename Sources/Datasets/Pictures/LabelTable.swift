import Failures

/// Which class each file has, as a CSV file says: a column of files and one of classes, names or numbers.
///
/// Where the first row is a header, the columns are found by their names; else they are the first two.
struct LabelTable {
  struct Row: Equatable {
    let line: Int
    let file: String
    let label: String
  }
  let name: String
  let rows: [Row]

  /// What headers call the two columns, in small letters; earlier ones are preferred.
  static let fileWords = ["file", "filename", "file_name", "image", "image_name", "img", "path", "filepath", "file_path", "name"]
  static let classWords = ["class", "label", "class_name", "category", "target", "class_id", "label_id"]

  /// - Parameters:
  ///   - name: its name in errors.
  ///   - columns: how the header calls the columns of files and of classes, where its words are others.
  /// - Throws: `DatasetError` with the line.
  init(parsing bytes: [UInt8], name: String, columns: [String]? = nil) throws(DatasetError) {
    switch ForeignFormat(bytes) {
    case nil, .text, .json, .xml: break
    case let foreign?: throw DatasetError(.data, name, foreign.problem(expected: "a table of files and their classes (CSV)"))
    }
    self.name = name
    let text = try DelimitedText(parsing: bytes, name: name)
    guard let first = text.rows.first else { throw DatasetError(.data, name, "is empty; expected lines of a file and its class") }
    let header = try Self.header(first, name: name, columns: columns)
    let (file, label) = header ?? (0, 1)
    var rows: [Row] = []
    for row in text.rows.dropFirst(header == nil ? 0 : 1) {
      guard row.fields.count > max(file, label), !row.fields[file].isEmpty, !row.fields[label].isEmpty else {
        throw DatasetError(.data, "\(name):\(row.line)", "expected a file and its class, found '\(row.fields.joined(separator: ","))'")
      }
      rows.append(Row(line: row.line, file: row.fields[file], label: row.fields[label]))
    }
    self.rows = rows
  }

  private static func header(
    _ row: DelimitedText.Row, name: String, columns: [String]?
  ) throws(DatasetError) -> (file: Int, label: Int)? {
    let words = row.fields.map { $0.lowercased() }
    if let columns {
      var places: [Int] = []
      for column in columns {
        guard let place = row.fields.firstIndex(of: column) ?? words.firstIndex(of: column.lowercased()) else {
          let found = row.fields.joined(separator: "', '")
          throw DatasetError(
            .data, "\(name):\(row.line)", "has no column '\(column)', found '\(found)'; set `label_columns` to two of these")
        }
        places.append(place)
      }
      return (places[0], places[1])
    }
    func place(_ known: [String]) -> Int? { known.lazy.compactMap { words.firstIndex(of: $0) }.first }
    guard let file = place(fileWords) else { return nil }
    // Two columns of which one is the files: the other cannot be anything else.
    guard let label = place(classWords) ?? (words.count == 2 ? 1 - file : nil), label != file else { return nil }
    return (file, label)
  }
}
