import Diffusion
import Networks
import RecipeKit

/// A model that was recognised by the names and shapes of a checkpoint. Heads and the process leave no trace in them: what the recipe
/// says of those is a default.
public struct RecognisedModel {
  public let description: any ModelDescription
  /// Whether the shapes show how large the images are; else their size is assumed.
  public let knowsSize: Bool

  init(_ description: any ModelDescription, _ found: RecognisedRecipe) {
    self.description = description
    knowsSize = found.knowsSize
  }
}

extension DataSpec {
  /// The images of a recognised network, whose classes are called by their numbers.
  init(_ inputs: NetworkInputSpec) {
    self.init()
    (channels, height, width) = (inputs.channels, inputs.height, inputs.width)
    contextSize = inputs.contextSize
    if let rows = inputs.classRows, (1...1_000_000).contains(rows) { classNames = (0..<rows).map(String.init) }
  }
}

extension ProcessRecipe {
  /// The defaults, with the variance that the network's output has room for.
  init(_ inputs: NetworkInputSpec) {
    self.init()
    variance = inputs.outputChannels == 2 * inputs.channels ? .learnedRange : .fixedSmall
  }
}
