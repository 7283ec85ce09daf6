import Diffusion
import Failures
import NN
import Networks
import Tensors

/// One pass through a network with shapes alone: what would fail at the first step fails here.
package enum NetworkDryRun {
  /// - Throws: `SfumatoError` when the network cannot take the images of the data, or gives something else.
  package static func run(_ network: any DiffusionNetwork, _ recipe: ModelRecipe) throws {
    if let size = recipe.network.member.contextDim, size != recipe.data.contextSize {
      let found = recipe.data.contextSize.map { "those of the data have \($0)" } ?? "the data come with none"
      throw SfumatoError(.data, "network \(recipe.network.type) takes context vectors of context_dim \(size) numbers, and \(found)")
    }
    guard recipe.data.contextSize != nil || !recipe.data.nullContext else {
      throw SfumatoError(.data, "data.null_context is true, and the data have no vectors: expected a context_size, or false")
    }
    let text = recipe.textEncoder.map { _ in Tensor.empty([1, 1], dtype: .int64, on: .meta) }
    try run(network, type: recipe.network.type, recipe.data, recipe.process, Conditioning(text: text))
  }

  /// - Parameters:
  ///   - type: the network's name, for messages.
  ///   - conditioning: what the network takes beside the classes or context vectors of the data.
  package static func run(
    _ network: any DiffusionNetwork, type: String, _ data: DataSpec, _ process: ProcessRecipe, _ conditioning: Conditioning = .none
  ) throws {
    var conditioning = conditioning
    if !data.classNames.isEmpty { conditioning.labels = .empty([1], dtype: .int64, on: .meta) }
    if let size = data.contextSize, conditioning.text == nil { conditioning.context = .empty([1, size], on: .meta) }
    let x = Tensor.empty([1, data.channels, data.height, data.width], on: .meta)
    let y = withoutGradient { network(x, timesteps: .empty([1], on: .meta), conditioning: conditioning, mode: .inference) }
    let images = "images of \(data.height) x \(data.width) x \(data.channels)"
    if let fault = y.fault {
      let place = fault.module.map { " in \($0)" } ?? ""
      throw SfumatoError(.data, "network \(type) cannot take \(images): \(fault.message)\(place)")
    }
    let channels = process.variance.outputChannels(images: data.channels)
    guard y.shape == [1, channels, data.height, data.width] else {
      throw SfumatoError(
        .data,
        "network \(type) makes \(y.shape.dropFirst()) of \(images); process.variance \(process.variance.rawValue) "
          + "needs \([channels, data.height, data.width])")
    }
  }
}
