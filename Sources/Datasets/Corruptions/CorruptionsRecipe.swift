import Imaging
import RecipeKit

/// A recipe's `corruptions:`, which makes the degraded pictures that a restoring model starts from.
///
///     corruptions:
///       fixed: [{ type: gaussian_blur, sigma: 2, place: before_downsampling }, { type: jpeg, range: broad }]
///       random: [noise, { type: saturation, strength: { max: 0.5 } }]
///       random_count: 1
///       scale: 2
public struct CorruptionsRecipe: Recipe {
  /// Every picture gets these, after the random ones and in this order.
  public var fixed: [Choice<CorruptionRegistry>] = []
  /// Corruptions of which every picture gets `random_count`, chosen anew and each at most once, in this order.
  public var random: [Choice<CorruptionRegistry>] = []
  /// 1 when not given.
  public var randomCount: Int?
  public var strengthDistribution = StrengthDistribution.cosine
  /// How many times smaller the degraded picture is than the original; 1 for the same size.
  public var scale = 1
  /// Makes it smaller.
  public var filter = ResizeFilter.box
  /// Replaces `scale`: the degraded picture is reduced by a factor that varies, and enlarged to the size of the original again.
  public var reduction: Reduction?

  /// The share of the pictures that are degraded twice: all their corruptions in a changing order, then once more in another, weaker (Wang et
  /// al., "Real-ESRGAN", 2021, section 3.2).
  public var secondOrder = 0.0

  public init() {}

  /// The distribution of a strength before it is scaled to its bounds; u is uniform from 0 to 1.
  public enum StrengthDistribution: String, Codable, Sendable, CaseIterable {
    /// 1 − cos(u π/2), DL-Art-School's: more weak ones than strong ones.
    case cosine
    /// u
    case uniform

    func strength(_ u: Double) -> Double {
      switch self {
      case .cosine: StableMath.versine(u * (.pi / 2))
      case .uniform: u
      }
    }
  }

  /// The most that a network can be conditioned on; see `num_corruptions` of the super-resolution network.
  static let countLimit = 64

  public func validate() throws(RecipeError) {
    let count = fixed.count + random.count
    try require(
      strengthCount <= Self.countLimit, "fixed", "expected at most \(Self.countLimit) corruptions in both lists, found \(count)")
    if let randomCount {
      try require(!random.isEmpty, "random_count", "expected none where the list random is empty, found \(randomCount)")
      try require((1...random.count).contains(randomCount), "random_count", "expected 1 to \(random.count), found \(randomCount)")
    }
    try require((1...64).contains(scale), "scale", "expected 1 to 64, found \(scale)")
    try require(
      scale == 1 || reduction == nil, "reduction", "it takes the place of scale; expected one of the two, found scale \(scale) beside it")
    try require((0...1).contains(secondOrder), "second_order", "expected a share of 0 to 1, found \(secondOrder)")
    for corruption in corruptions {
      try require(
        (0...1).contains(corruption.probability), "fixed",
        "expected a probability of 0 to 1 for \(Swift.type(of: corruption).name), found \(corruption.probability)")
    }
  }

  /// How many strengths a degraded picture has: one for each corruption, then that of the reduction.
  public var strengthCount: Int { corruptions.count + (reduction == nil ? 0 : 1) }

  /// All that may be applied, in the order of the strengths: the fixed ones, then the random ones.
  public var corruptions: [any Corruption] { (fixed + random).map(\.member) }

  /// The names of the strengths, in their order; a second `jpeg` is `jpeg_2`.
  public var corruptionNames: [String] {
    var seen: [String: Int] = [:]
    return (fixed + random).map { choice in
      seen[choice.type, default: 0] += 1
      return seen[choice.type] == 1 ? choice.type : "\(choice.type)_\(seen[choice.type]!)"
    } + (reduction == nil ? [] : [Reduction.name])
  }
}
