import Imaging
import RecipeKit

/// An overview of corruptions: a row for each, a column for each strength.
public struct CorruptionSheet {
  public var corruptions: [any Corruption]
  /// The titles of the rows.
  public var names: [String]
  public var strengths: [Double]
  /// The seed of the random parts, which are the same within a row, so that only the strength changes.
  public var seed: UInt64

  /// - Parameters:
  ///   - corruptions: all that there are, with their defaults, when not given.
  ///   - strengths: each from 0 to 1.
  public init(
    _ corruptions: [any Corruption] = CorruptionRegistry.all.compactMap { $0.init() as? any Corruption },
    strengths: [Double] = [0, 0.25, 0.5, 0.75, 1], seed: UInt64 = 0
  ) {
    self.corruptions = corruptions
    names = corruptions.map { type(of: $0).name }
    self.strengths = strengths
    self.seed = seed
  }

  /// - Returns: the sheet with its titles, on white, to be drawn.
  /// - Throws: `ImagingError`, where a library is missing.
  public func sheet(of picture: Image) throws -> PictureSheet {
    let cells = try corruptions.indices.flatMap { row in
      try strengths.map { strength in
        var random = StableRandom(seed, UInt64(row))
        return try corruptions[row].apply(picture, strength: strength, random: &random)
      }
    }
    var sheet = PictureSheet(cells, columns: strengths.count)
    sheet.rowTitles = names
    sheet.columnTitles = strengths.map { "\($0)" }
    sheet.background = [UInt8](repeating: 255, count: picture.channels)
    sheet.padding = 4
    return sheet
  }
}
