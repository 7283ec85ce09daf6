import RecipeKit

/// Where captions are taken from.
public enum CaptionSource: String, Codable, Sendable, CaseIterable {
  /// A text file beside each picture, named like it but for its ending: cat.txt beside cat.png.
  case file
  /// The words of the picture's file name, without numbers: blue_potion-03.png is "blue potion".
  case name
  /// A column of a CSV or TSV file.
  case table
}

/// A data set's `captions: { from: table, table: captions.csv }`: a text for each picture, for networks with a text encoder.
public struct CaptionsRecipe: Recipe, Equatable {
  public var from = CaptionSource.file
  /// For `from: table`: a file of comma- or tab-separated lines with a header. In a folder or archive it has a column of files; of arrays a
  /// line for each image, in their order.
  public var table: String?
  /// The header of the captions' column, unless it is a common one (caption, text, description, …).
  public var column: String?
  /// That of the files' column, unless it is a common one (file, filename, image, …).
  public var fileColumn: String?

  public init() {}

  public func validate() throws(RecipeError) {
    guard from != .table else {
      try require(table?.isEmpty == false, "table", "expected the path of a CSV file, for from is table")
      return
    }
    for (key, value) in [("table", table), ("column", column), ("file_column", fileColumn)] {
      try require(value == nil, key, "expected null, for from is \(from.rawValue), not table")
    }
  }
}
