import Failures
import Networks

/// The upscaler in a checkpoint, which needs no recipe: its shapes show every option.
package enum UpscalerCheckpoint {
  /// - Throws: `SfumatoError` for the checkpoint of another network, which it names where it is known.
  package static func recipe(of file: CheckpointFile) throws -> any UpscalerRecipe {
    let shapes = CheckpointShapes(file.state)
    if let recipe = recipe(in: shapes) { return recipe }
    if let architecture = UnsupportedArchitecture(of: shapes.names) { throw architecture.error(file.path) }
    let known = UpscalerRegistry.names.joined(separator: " or ")
    if let alike = UpscalerRegistry.recognisable.first(where: { $0.hasNames(shapes.names) }) {
      throw SfumatoError(
        .data, "\(file.path) has the tensor names of an upscaler, \(alike.name), with shapes that no such network has; expected \(known)")
    }
    throw SfumatoError(.data, "\(file.path) is not an upscaler that is supported; expected a checkpoint of \(known)")
  }

  /// The recipe of an upscaler, whole or damaged: what does not fit is named where the weights are loaded.
  /// - Returns: nil for the checkpoint of another network.
  static func recipe(in shapes: CheckpointShapes) -> (any UpscalerRecipe)? {
    let whole = UpscalerRegistry.recognised(from: shapes, side: RecognisedNetwork.assumedSide)?.recipe
    let recipe = whole ?? UpscalerRegistry.recognisable.lazy.compactMap { $0.nearest(to: shapes) }.first
    return recipe as? any UpscalerRecipe
  }
}
