import Imaging
import RecipeKit

/// Handwritten digits and capital letters that are drawn when they are asked for: white ink on black, one channel, any size.
///
/// Nothing is loaded and there is no end: every index from 0 on is an image, the same on every machine for the same seed. Image
/// `i` is of class `i` modulo the number of classes, so every run of that many indices holds each class once.
public struct GlyphDataset: Dataset {
  /// Which characters: all 36, digits before letters, or one kind alone.
  public enum Classes: String, Codable, Sendable, CaseIterable {
    case all, digits, letters
  }

  public let count: Int
  public let classNames: [String]
  public var shape: ImageShape? { ImageShape(height: size, width: size, channels: 1) }
  public var channels: Int { 1 }
  private let size: Int
  private let seed: UInt64
  private let shapes: [[GlyphShape]]

  /// A recipe's `data: { type: glyphs, ... }`.
  public struct Recipe: DatasetRecipe {
    public static let name = "glyphs"

    /// Height and width in pixels.
    public var size = 28
    public var classes = Classes.all
    /// Images in an epoch; images beyond are as good.
    public var count = 100_000
    public var seed = 0

    public init() {}

    public func validate() throws(RecipeError) {
      try require((8...1024).contains(size), "size", "expected 8 to 1024 pixels, found \(size)")
      try require(count > 0, "count", "expected 1 or more, found \(count)")
    }

    public func open() throws -> any Dataset {
      GlyphDataset(size: size, classes: classes, count: count, seed: UInt64(bitPattern: Int64(seed)))
    }
  }

  /// - Parameters:
  ///   - size: height and width in pixels, at least 8.
  ///   - count: how many images count as an epoch.
  public init(size: Int = 28, classes: Classes = .all, count: Int = 100_000, seed: UInt64 = 0) {
    precondition(size >= 8, "glyphs of \(size) pixels; at least 8 are needed")
    precondition(count > 0, "an epoch of \(count) glyphs; at least one is needed")
    let range =
      switch classes {
      case .all: GlyphAlphabet.names.indices
      case .digits: 0..<10
      case .letters: 10..<36
      }
    self.count = count
    self.seed = seed
    classNames = Array(GlyphAlphabet.names[range])
    shapes = Array(GlyphAlphabet.shapes[range])
    self.size = size
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
    let bytes = InkRaster(side: size).draw(lines, hand: hand, random: &writing.random)
    return Image(width: size, height: size, channels: 1, bytes: bytes)
  }
}
