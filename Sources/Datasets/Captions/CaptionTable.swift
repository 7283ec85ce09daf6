import Failures

/// The captions of a CSV or TSV file: a column of texts and, for pictures in files, one of their names. The first line is the header.
struct CaptionTable {
  struct Row: Equatable {
    let line: Int
    /// Empty where the table has no column of files.
    let file: String
    let caption: String
  }
  let name: String
  let rows: [Row]

  /// What headers call the column, in small letters; earlier ones are preferred.
  static let captionWords = ["caption", "captions", "text", "description", "prompt", "title"]

  /// - Parameters:
  ///   - name: its name in errors.
  ///   - namesFiles: whether a column of files is needed.
  /// - Throws: `DatasetError` with the line.
  init(parsing bytes: [UInt8], name: String, _ recipe: CaptionsRecipe, namesFiles: Bool) throws(DatasetError) {
    switch ForeignFormat(bytes) {
    case nil, .text, .json, .xml: break
    case let foreign?: throw DatasetError(.data, name, foreign.problem(expected: "a table of captions (CSV)"))
    }
    self.name = name
    let text = try DelimitedText(parsing: bytes, name: name)
    guard let header = text.rows.first, text.rows.count > 1 else {
      throw DatasetError(
        .data, name, "has no lines below a header; expected the names of its columns, such as file,caption, and lines below")
    }
    let caption = try Self.place(of: recipe.column, among: Self.captionWords, in: header, name, key: "column")
    let file = namesFiles ? try Self.place(of: recipe.fileColumn, among: LabelTable.fileWords, in: header, name, key: "file_column") : nil
    var rows: [Row] = []
    for row in text.rows.dropFirst() {
      let place = "\(name):\(row.line)", fields = row.fields
      guard fields.count > max(caption, file ?? 0), file.map({ !fields[$0].isEmpty }) ?? true else {
        throw DatasetError(
          .data, place, "expected \(header.fields.count) fields as in the header, found '\(fields.joined(separator: ","))'")
      }
      rows.append(Row(line: row.line, file: file.map { fields[$0] } ?? "", caption: try Caption.checked(fields[caption], place)))
    }
    self.rows = rows
  }

  /// The place of a column by its name, in whatever case, or by a common one.
  private static func place(
    of column: String?, among known: [String], in header: DelimitedText.Row, _ name: String, key: String
  ) throws(DatasetError) -> Int {
    let words = header.fields.map { $0.lowercased() }
    let found = column.map { header.fields.firstIndex(of: $0) ?? words.firstIndex(of: $0.lowercased()) }
    if let place = found ?? known.lazy.compactMap({ words.firstIndex(of: $0) }).first { return place }
    throw DatasetError(
      .data, "\(name):\(header.line)",
      "has no column '\(column ?? known[0])', found '\(header.fields.joined(separator: "', '"))'; set captions.\(key) to one of these")
  }
}
