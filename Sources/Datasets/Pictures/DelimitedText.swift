/// The rows of a CSV file (RFC 4180): fields may be in double quotes, a doubled quote within is a quote; lines end as on any
/// system; empty lines are passed over; a byte order mark is passed over. Fields are separated by what comes first in the first
/// line outside quotes: a comma, a semicolon, as some countries' spreadsheets write, or a tab.
struct DelimitedText {
  struct Row: Equatable {
    /// Where it begins, counted from 1.
    var line: Int
    var fields: [String]
  }
  private(set) var rows: [Row] = []

  private let name: String
  private var line = 1, field: [UInt8] = [], isQuoted = false
  private var row = Row(line: 1, fields: [])

  /// - Parameter name: its name in errors.
  /// - Throws: `DatasetError` with the line: a quote that does not end, or ends before the field does; text that is not UTF-8.
  init(parsing bytes: [UInt8], name: String) throws(DatasetError) {
    self.name = name
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw DatasetError(.data, name, "is UTF-16; save it as UTF-8")
    }
    let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let separator = Self.separator(bytes[start...])
    var at = start
    while at < bytes.count {
      switch bytes[at] {
      case 0x22 where field.isEmpty && !isQuoted: at = try readQuoted(bytes, from: at + 1)
      case 0x22: throw failure("a quote stands within a field; expected the whole field in quotes, and quotes in it doubled")
      case separator: try endField()
      case 0x0D where at + 1 < bytes.count && bytes[at + 1] == 0x0A: break
      case 0x0A, 0x0D: try endRow()
      default:
        if isQuoted { throw failure("something follows the quote that ends a field; expected a separator or the end of the line") }
        field.append(bytes[at])
      }
      at += 1
    }
    if !field.isEmpty || isQuoted || !row.fields.isEmpty { try endRow() }
  }

  /// The place of the quote that ends the field.
  private mutating func readQuoted(_ bytes: [UInt8], from start: Int) throws(DatasetError) -> Int {
    isQuoted = true
    var at = start
    let first = line
    while at < bytes.count {
      if bytes[at] == 0x22 {
        guard at + 1 < bytes.count, bytes[at + 1] == 0x22 else { return at }
        at += 1
      }
      if bytes[at] == 0x0A { line += 1 }
      field.append(bytes[at])
      at += 1
    }
    line = first
    throw failure("a field in quotes begins here and does not end")
  }

  private mutating func endField() throws(DatasetError) {
    guard let text = String(validating: field, as: UTF8.self) else { throw failure("is not UTF-8") }
    row.fields.append(isQuoted ? text : Self.trimmed(text))
    (field, isQuoted) = ([], false)
  }

  private mutating func endRow() throws(DatasetError) {
    try endField()
    if row.fields != [""] { rows.append(row) }
    line += 1
    row = Row(line: line, fields: [])
  }

  private func failure(_ message: String) -> DatasetError { DatasetError(.data, "\(name):\(line)", message) }

  private static func separator(_ bytes: ArraySlice<UInt8>) -> UInt8 {
    var isQuoted = false
    for byte in bytes {
      if byte == 0x22 { isQuoted.toggle() }
      if isQuoted { continue }
      if [0x2C, 0x3B, 0x09].contains(byte) { return byte }
      if byte == 0x0A || byte == 0x0D { break }
    }
    return 0x2C
  }

  private static func trimmed(_ text: String) -> String {
    guard text.first?.isWhitespace == true || text.last?.isWhitespace == true else { return text }
    let start = text.drop { $0.isWhitespace }
    return String(start[..<(start.lastIndex { !$0.isWhitespace }.map { start.index(after: $0) } ?? start.startIndex)])
  }
}
