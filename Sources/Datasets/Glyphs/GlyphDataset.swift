import Imaging
import RecipeKit

/// Handwritten digits and capital letters that are drawn when they are asked for: any size, any colours, white ink on black unless
/// something else is wanted.
///
/// Nothing is loaded and there is no end: every index from 0 on is an image, the same on every machine for the same seed. Image
/// `i` is of class `i` modulo the number of classes, so every run of that many indices holds each class once.
public struct GlyphDataset: Dataset {
  public let count: Int
  public let classNames: [String]
  public var shape: ImageShape? { ImageShape(height: recipe.size.height, width: recipe.size.width, channels: channels) }
  public let channels: Int
  private let recipe: Recipe
  private let seed: UInt64
  private let shapes: [[GlyphShape]]

  /// A recipe's `data: { type: glyphs, ... }`.
  public struct Recipe: DatasetRecipe, Equatable {
    public static let name = "glyphs"

    /// In pixels: one number, or [height, width].
    public var size = ImageSize(28)
    public var classes = Classes.all
    public var ink = Color.white, paper = Color.black
    /// 1 or 3; null for 3 where there is colour.
    public var channels: Int?
    /// Images in an epoch; images beyond are as good.
    public var count = 100_000
    public var seed = 0

    public init() {}

    public func validate() throws(RecipeError) {
      for side in [size.height, size.width] {
        try require((8...1024).contains(side), "size", "expected 8 to 1024 pixels, found \(side)")
      }
      if let channels { try require(channels == 1 || channels == 3, "channels", "expected 1 or 3, found \(channels)") }
      if case .rgb = ink { try require(ink != paper, "ink", "expected another colour than that of the paper") }
      try require(count > 0, "count", "expected 1 or more, found \(count)")
    }

    public func open() throws -> any Dataset { try GlyphDataset(self) }
    public static func recipe(at path: String) -> Self { Self() }
    public var paths: [String] { [] }
    public mutating func mapPaths(_ map: (String) -> String) {}
  }

  /// - Throws: `RecipeError` for an invalid recipe.
  public init(_ recipe: Recipe) throws(RecipeError) {
    try recipe.validate()
    self.recipe = recipe
    count = recipe.count
    classNames = recipe.classes.names
    shapes = recipe.classes.shapes
    channels = recipe.channels ?? (recipe.ink.isGrey && recipe.paper.isGrey ? 1 : 3)
    seed = UInt64(bitPattern: Int64(recipe.seed))
  }

  /// White on black, square.
  /// - Parameters:
  ///   - size: height and width in pixels, 8 to 1024.
  ///   - count: how many images count as an epoch.
  public init(size: Int = 28, classes: Classes = .all, count: Int = 100_000, seed: UInt64 = 0) {
    var recipe = Recipe()
    (recipe.size, recipe.classes, recipe.count) = (ImageSize(size), classes, count)
    recipe.seed = Int(Int64(bitPattern: seed))
    do { try self.init(recipe) } catch { preconditionFailure("glyphs: \(error)") }
  }

  /// - Precondition: `index` is not negative; it may exceed `count`.
  public subscript(index: Int) -> Picture {
    Picture(.pixels(image(at: index)), label: label(at: index), name: "glyph \(index)")
  }

  public func label(at index: Int) -> Int? { index % shapes.count }

  func image(at index: Int) -> Image {
    precondition(index >= 0, "glyph \(index); the first is 0")
    let ways = shapes[index % shapes.count]
    var random = StableRandom(seed, UInt64(index))
    let hand = Hand(&random)
    let way = ways[random.below(ways.count)]
    var writing = Handwriting(hand: hand, random: random)
    let lines = writing.write(way)
    let (height, width) = (recipe.size.height, recipe.size.width)
    let light = InkRaster(height: height, width: width).light(of: lines, hand: hand)
    // A stream of their own, so that in other colours the same is written.
    var chance = StableRandom(seed ^ 0xC010_55ED, UInt64(index))
    let colors = InkColors(ink: recipe.ink, paper: recipe.paper, random: &chance)
    return colors.image(light, width: width, height: height, channels: channels, grain: hand.grain, random: &writing.random)
  }
}
