/// The recipe of a network that is given a degraded picture beside the noisy image.
public protocol RestoringRecipe: NetworkRecipe {
  /// How many corruption strengths of the degraded picture the network takes, 0 for none; nil for one for each corruption of the training.
  var numCorruptions: Int? { get set }
  /// Whether the degraded picture may be smaller than the image.
  static var enlarges: Bool { get }
}

extension RestoringRecipe {
  public static var enlarges: Bool { false }
}
