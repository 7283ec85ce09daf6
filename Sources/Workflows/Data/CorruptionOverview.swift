import Datasets
import Failures
import Imaging
import RecipeKit

/// A sheet that shows the effect of corruptions on a picture at strengths from 0 to 1.
public struct CorruptionOverview: Sendable {
  public var picture: String
  /// A file with a section `corruptions`; nil for all corruptions, with their defaults.
  public var recipe: String?
  /// Height and width of the part shown, from the middle of the picture, at most.
  public var side = 128
  public var seed = 0

  public init(picture: String, recipe: String? = nil) {
    self.picture = picture
    self.recipe = recipe
  }

  private struct Section: Recipe {
    var corruptions = CorruptionsRecipe()
    init() {}
  }

  /// - Throws: `SfumatoError`, `RecipeError`, `ImagingError`.
  public func write(to output: String) throws {
    guard (8...4096).contains(side) else { throw SfumatoError(.usage, "the size must be 8 to 4096 pixels, not \(side)") }
    try DataInspection.check(sheet: output)
    var sheet = CorruptionSheet(seed: UInt64(bitPattern: Int64(seed)))
    if let recipe { (sheet.corruptions, sheet.names) = try Self.corruptions(recipe) }
    let reader = try PictureReader(file: picture)
    let height = min(side, reader.height), width = min(side, reader.width)
    let part = try reader.image(row: (reader.height - height) / 2, column: (reader.width - width) / 2, width: width, height: height)
    try sheet.sheet(of: part).draw().write(to: output)
  }

  private static func corruptions(_ path: String) throws -> ([any Corruption], names: [String]) {
    let recipe = try Section(path: path).corruptions
    let found = recipe.corruptions + (recipe.reduction.map { [$0.alone] } ?? [])
    guard !found.isEmpty else {
      throw SfumatoError(.data, "\(path): expected a section corruptions with at least one corruption, fixed or random, or a reduction")
    }
    return (found, recipe.corruptionNames)
  }
}
