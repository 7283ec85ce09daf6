import Diffusion
import NN
import Networks
import Tensors

/// One pass through a network with shapes alone, nothing computed: what would fail at the first step fails here.
enum NetworkTrial {
  /// - Throws: `WorkflowError` when the network cannot take the images of the data, or gives something else.
  static func run(_ network: any DiffusionNetwork, _ recipe: ModelRecipe) throws {
    let data = recipe.data
    let x = Tensor.empty([1, data.channels, data.height, data.width], on: .meta)
    let labels: Tensor? = data.classNames.isEmpty ? nil : .empty([1], dtype: .int64, on: .meta)
    let y = withoutGradient {
      network(x, timesteps: .empty([1], on: .meta), conditioning: Conditioning(labels: labels), mode: .inference)
    }
    let images = "images of \(data.height) x \(data.width) x \(data.channels)"
    if let fault = y.fault {
      let place = fault.module.map { " in \($0)" } ?? ""
      throw WorkflowError(.data, "network \(recipe.network.type) cannot take \(images): \(fault.message)\(place)")
    }
    let channels = recipe.process.variance.outputChannels(images: data.channels)
    guard y.shape == [1, channels, data.height, data.width] else {
      throw WorkflowError(
        .data,
        "network \(recipe.network.type) makes \(y.shape.dropFirst()) of \(images); process.variance \(recipe.process.variance.rawValue) "
          + "needs \([channels, data.height, data.width])")
    }
  }
}
