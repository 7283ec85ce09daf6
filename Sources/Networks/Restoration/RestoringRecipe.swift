/// The recipe of a network that is given a degraded picture beside the noisy image.
public protocol RestoringRecipe: NetworkRecipe {
  /// How many corruption strengths of the degraded picture the network takes, 0 for none; nil for one for each corruption of the training.
  var numCorruptions: Int? { get set }
  /// Whether the degraded picture may be smaller than the image.
  static var enlarges: Bool { get }
  /// Tiles begin at multiples of it, so that blocks of pixels stay whole.
  var sizeStep: Int { get }
  /// Whether the network takes images whose sides are no multiples of `sizeStep`.
  static var padsItself: Bool { get }
  /// The distance in pixels beyond which no pixel has an effect on another; nil where none is out of reach, as with attention and norms over
  /// the whole image.
  var reach: Int? { get }
}

extension RestoringRecipe {
  public static var enlarges: Bool { false }
  public static var padsItself: Bool { false }
  public var reach: Int? { nil }
}
