import Failures
import Foundation
import Imaging

/// What is asked of a restoration, beside the pictures and the model's own settings.
public struct RestorationRequest: Sendable {
  /// What becomes of an RGB picture's colour profile.
  public enum ProfileUse: String, Sendable, CaseIterable {
    /// The numbers are restored as they are, and the profile is kept. Profiles in proportion to light, of high dynamic range and of CMYK
    /// are converted all the same.
    case keep
    /// Converted to sRGB.
    case srgb
  }

  /// A file for one picture, else a folder.
  public var output: String
  /// Whether folders in folders are taken, too, and mirrored.
  public var recursive = false
  /// The pattern of names in the output folder; see `ResultNames`.
  public var name = defaultName
  /// The ending of results in the output folder: png, jpg, webp or tif. Nil: that of the picture, where it is one of these.
  public var format: String?
  /// The quality of JPEG and WebP, 1 to 100; nil for the defaults of `ImageFormat`.
  public var quality: Int?
  /// Whether files that exist are replaced. Without it those are skipped that say that they are this result; others are refused.
  public var overwrite = false
  /// How many times larger the sides become, from 1.
  public var scale = 1.0
  public var corruption: StrengthRequest
  public var profile = ProfileUse.keep
  /// Restoration by a model that was trained to sample, in place of one that was trained to restore; nil for the latter.
  public var prior: PriorRequest?
  /// The folder for what is unfinished; nil for a hidden one beside each result.
  public var scratch: String?

  public init(output: String) throws {
    self.output = output
    corruption = try StrengthRequest()
  }

  public static let defaultName = "{stem}.{ext}"
  static let scaleLimit = 16.0
  static let endings = ["png", "jpg", "jpeg", "webp", "tif", "tiff"]

  /// `2`, `1.5`.
  var scaleText: String { String(format: "%g", scale) }

  /// - Throws: `SfumatoError` for values out of range.
  func check() throws {
    guard scale >= 1, scale <= Self.scaleLimit else {
      throw SfumatoError(.usage, "the scale must be from 1 to \(Int(Self.scaleLimit)), not \(scaleText)")
    }
    if let format, !Self.endings.contains(format.lowercased()) {
      throw SfumatoError(.usage, "unknown format '\(format)'; expected png, jpg, webp or tif")
    }
    try prior?.check(scale: scale)
    if let quality, !(1...100).contains(quality) { throw SfumatoError(.usage, "the quality must be from 1 to 100, not \(quality)") }
  }

  /// The format of a result by its name, with the quality asked for.
  /// - Throws: `SfumatoError` for formats that cannot hold photographs.
  func format(of target: String) throws -> ImageFormat {
    let ending = (target as NSString).pathExtension.lowercased()
    guard Self.endings.contains(ending) else {
      throw SfumatoError(.usage, "\(target): cannot be written as '.\(ending)'; expected a name in .png, .jpg, .webp or .tif")
    }
    switch (try ImageFormat(forFile: target), quality) {
    case (.jpeg, let quality?): return .jpeg(quality: quality)
    case (.webp, let quality?): return .webp(quality: quality)
    case (let format, _): return format
    }
  }
}
