import NN
import RecipeKit
import Tensors

/// A network's recipe that can be recognised from the names and shapes of a checkpoint.
public protocol RecognisableRecipe: NamedRecipe {
  /// Tensors that every checkpoint of the network has: whole names, or beginnings that end in a dot.
  static var landmarks: [String] { get }

  /// The network's own name of a tensor that another version of its system calls `name`; `name` itself where there is none.
  static func currentName(of name: String) -> String

  /// This recipe with every option that the shapes show set to what they show. Options that leave no trace in the shapes, such as
  /// heads and dropout, keep their values.
  /// - Returns: nil for the checkpoint of another network.
  func fitted(to shapes: CheckpointShapes) -> Self?

  /// The recipes that the shapes allow where no recipe is known, the likeliest first.
  /// - Parameter side: rows and columns of the images, where the shapes do not show them.
  static func candidates(for shapes: CheckpointShapes, side: Int) -> [RecognisedRecipe]

  /// The network, of whatever kind.
  func makeModule(using initializer: Initializer) throws -> any Module
}

/// A recipe that was made of a checkpoint's shapes alone.
public struct RecognisedRecipe {
  public let recipe: any RecognisableRecipe
  /// What the network reads and gives.
  public let inputs: NetworkInputSpec
  /// Whether the shapes show how large the images are; else their size is assumed.
  public let knowsSize: Bool
}

extension RecognisableRecipe {
  public static func currentName(of name: String) -> String { name }

  /// Whether the names are those of this network, whatever the shapes.
  public static func hasNames(_ names: [String]) -> Bool {
    CheckpointShapes(names.map { (currentName(of: $0), []) }).have(landmarks)
  }

  /// The recipe of the network that has exactly these tensors.
  /// - Returns: nil for the checkpoint of another network.
  public static func recognised(from shapes: CheckpointShapes, side: Int) -> RecognisedRecipe? {
    let shapes = shapes.renamed(currentName)
    guard shapes.have(landmarks) else { return nil }
    return candidates(for: shapes, side: side).first { $0.recipe.describes(shapes) }
  }

  /// The recipe of a checkpoint with this network's names, of which tensors may be missing or of other shapes.
  /// - Returns: nil for the checkpoint of another network.
  public static func nearest(to shapes: CheckpointShapes) -> Self? {
    let shapes = shapes.renamed(currentName)
    return shapes.have(landmarks) ? Self().fitted(to: shapes) : nil
  }

  /// Whether the recipe's network has exactly these tensors.
  func describes(_ shapes: CheckpointShapes) -> Bool {
    guard (try? validate()) != nil, let entries = try? makeModule(using: .shapes).state() else { return false }
    return entries.count == shapes.count && entries.allSatisfy { shapes[$0.name] == $0.entry.value.shape }
  }
}

extension RecipeRegistry {
  /// The members whose checkpoints can be recognised.
  public static var recognisable: [any RecognisableRecipe.Type] { all.compactMap { $0 as? any RecognisableRecipe.Type } }

  /// The recipe of the member whose network has exactly these tensors.
  public static func recognised(from shapes: CheckpointShapes, side: Int) -> RecognisedRecipe? {
    recognisable.lazy.compactMap { $0.recognised(from: shapes, side: side) }.first
  }
}

extension StateDict {
  /// The tensors under the names that the recipe's network has.
  public func renamed(for recipe: any RecognisableRecipe) -> StateDict {
    let type = Swift.type(of: recipe)
    return StateDict(entries.map { (type.currentName(of: $0.name), $0.tensor) })
  }
}

/// The next size that `levels` levels can halve.
func sideThatHalves(_ side: Int, levels: Int) -> Int {
  let step = 1 << max(levels - 1, 0)
  return (side + step - 1) / step * step
}
