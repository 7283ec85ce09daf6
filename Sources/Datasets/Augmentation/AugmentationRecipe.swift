import RecipeKit

/// One way of changing a training image, in the words of EDM. Those of whole pixels move them without touching their values.
public enum AugmentationKind: String, Codable, Sendable, CaseIterable {
  /// Mirrored left to right: half of all images, whatever the recipe's probability.
  case xflip
  /// Mirrored top to bottom.
  case yflip
  /// Turned by quarters: square images alone.
  case rotateInt = "rotate_int"
  /// Moved by whole pixels.
  case translateInt = "translate_int"
  /// Enlarged or made smaller about the middle.
  case scale
  /// Turned by any angle.
  case rotateFrac = "rotate_frac"
  /// Stretched along one axis and squeezed across it.
  case aniso
  /// Moved by any distance.
  case translateFrac = "translate_frac"

  /// The number of augmentation labels of this kind.
  var labelCount: Int {
    switch self {
    case .xflip, .yflip, .scale: 1
    case .rotateInt, .translateInt, .rotateFrac, .aniso, .translateFrac: 2
    }
  }
}

/// A section `augmentation:` of a recipe: more variety for small data sets that does not leak into samples.
///
/// Each image is changed at random, and a few numbers condition the network on how, all of them zero for an image as it is. A sampler
/// that passes zeros gets images as the data have them. Karras, Aittala, Aila and Laine, "Elucidating the design space of
/// diffusion-based generative models" (NeurIPS 2022), appendix F.2, where nine numbers come from the six kinds of the default.
public struct AugmentationRecipe: Recipe, Equatable {
  /// The chance of each kind for each image; 0 for no augmentation. EDM took 0.12 for CIFAR-10, 0.15 for FFHQ and AFHQ.
  public var probability = 0.0
  public var kinds: [AugmentationKind] = [.xflip, .yflip, .scale, .rotateFrac, .aniso, .translateFrac]
  /// The largest distance of `translate_int`, in widths and heights of the image.
  public var translateIntMax = 0.125
  /// Deviation of the binary logarithm of the scale.
  public var scaleStd = 0.2
  /// The largest angle of `rotate_frac`, in half turns: 1 for every direction.
  public var rotateFracMax = 1.0
  /// Deviation of the binary logarithm of the stretch of `aniso`.
  public var anisoStd = 0.2
  /// The share of stretched images whose axis points anywhere instead of along the rows.
  public var anisoRotateProb = 0.5
  /// Deviation of the distance of `translate_frac`, in widths and heights of the image.
  public var translateFracStd = 0.125

  public init() {}

  public func validate() throws(RecipeError) {
    try requireShare(probability, "probability")
    try require(probability == 0 || !kinds.isEmpty, "kinds", "expected at least one kind, or probability 0 for no augmentation")
    try require(Set(kinds).count == kinds.count, "kinds", "expected each kind once, found \(kinds.map(\.rawValue))")
    try requireShare(rotateFracMax, "rotate_frac_max")
    try requireShare(anisoRotateProb, "aniso_rotate_prob")
    try require(
      translateIntMax > 0 && translateIntMax <= 1, "translate_int_max", "expected more than 0 and at most 1, found \(translateIntMax)")
    for (key, value) in [("scale_std", scaleStd), ("aniso_std", anisoStd), ("translate_frac_std", translateFracStd)] {
      try require(value >= 0 && value <= 2, key, "expected 0 to 2, found \(value)")
    }
  }

  private func requireShare(_ value: Double, _ key: String) throws(RecipeError) {
    try require(value >= 0 && value <= 1, key, "expected 0 to 1, found \(value)")
  }

  public var isOn: Bool { probability > 0 }

  /// The number of augmentation labels of an image; 0 without augmentation.
  public var labelCount: Int { isOn ? pipe.reduce(0) { $0 + $1.labelCount } : 0 }

  /// The kinds in the order in which they act, which is not a matter of the recipe.
  var pipe: [AugmentationKind] { AugmentationKind.allCases.filter(kinds.contains) }

  /// Why images of this size cannot be augmented; nil when they can.
  public func problem(height: Int, width: Int) -> String? {
    guard isOn, kinds.contains(.rotateInt), height != width else { return nil }
    return "rotate_int needs square images, found \(height) x \(width); leave it out of kinds, rotate_frac turns any"
  }
}
