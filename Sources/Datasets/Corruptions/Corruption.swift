import Imaging
import RecipeKit

/// One way to degrade a picture, for models that learn to restore it; a recipe can name it.
///
/// The same image, strength and random stream give the same picture on every machine. JPEG alone relies on its library for that, and
/// Lanczos' filter on the system's sine, to seven digits.
public protocol Corruption: NamedRecipe {
  /// The share of the pictures that it is applied to; the others have strength 0.
  var probability: Double { get }
  /// The strengths that training draws.
  var strength: StrengthBounds { get }
  var place: CorruptionPlace { get }

  /// - Parameters:
  ///   - colors: grey or colour, without alpha, of any size.
  ///   - strength: from 0, which is the picture itself where nothing else is said, to 1, the worst.
  /// - Returns: a picture of the same shape.
  func corrupted(_ colors: Image, strength: Double, random: inout StableRandom) throws -> Image
}

extension Corruption {
  /// The picture, degraded; its alpha channel, if it has one, is untouched.
  /// - Precondition: `strength` is from 0 to 1.
  /// - Throws: `ImagingError`, where a library does the work and is missing.
  public func apply(_ image: Image, strength: Double, random: inout StableRandom) throws -> Image {
    precondition((0...1).contains(strength), "a corruption of strength \(strength); 0 to 1 are possible")
    guard image.hasAlpha else { return try corrupted(image, strength: strength, random: &random) }
    let colors = try corrupted(image.withChannels(image.channels - 1), strength: strength, random: &random)
    var bytes = image.bytes
    for pixel in 0..<(image.width * image.height) {
      for c in 0..<colors.channels { bytes[pixel * image.channels + c] = colors.bytes[pixel * colors.channels + c] }
    }
    return Image(width: image.width, height: image.height, channels: image.channels, bytes: bytes)
  }
}

/// Every corruption that a recipe can name.
public enum CorruptionRegistry: RecipeRegistry {
  public typealias Member = any Corruption
  public static let all: [any NamedRecipe.Type] = [
    JPEGCompression.self, GaussianBlur.self, MotionBlur.self, GaussianNoise.self, ColorQuantization.self, ColorJitter.self,
    Saturation.self, Grey.self, LowQualityResampling.self,
  ]
}

/// A recipe's `strength: { min: 0.2, max: 0.8 }`: what is drawn from 0 to 1 is stretched over these; equal ones fix the strength.
public struct StrengthBounds: Recipe, Equatable {
  public var min = 0.0, max = 1.0

  public init() {}

  public func validate() throws(RecipeError) {
    try require((0...1).contains(min), "min", "expected 0 to 1, found \(min)")
    try require((min...1).contains(max), "max", "expected \(min) to 1, found \(max)")
  }
}

/// When a corruption is applied, in a recipe that also makes pictures smaller.
public enum CorruptionPlace: String, Codable, Sendable, CaseIterable {
  case beforeDownsampling = "before_downsampling"
  case afterDownsampling = "after_downsampling"
}

extension Image {
  /// Every sample replaced by the entry of a table of 256.
  func mapped(by table: [UInt8]) -> Image {
    Image(width: width, height: height, channels: channels, bytes: bytes.map { table[Int($0)] })
  }
}
