import Models
import NN
import Networks
import Tensors

/// A model's network on the device `meta` with matching inputs, for memory estimates.
struct ShapedNetwork {
  let module: any Module
  /// Input images on the device `meta`, channels last.
  let input: (_ images: Int) -> Tensor
  /// A forward pass with the conditioning the network needs.
  let pass: (_ x: Tensor, Mode) -> Tensor
  /// A copy prepared for inference.
  let prepared: (DType) throws -> ShapedNetwork

  /// - Parameter conditioning: the conditioning for a number of images.
  init(_ network: any DiffusionNetwork, _ data: DataSpec, conditioning: @escaping (_ images: Int) -> Conditioning) {
    module = network
    input = data.shaped
    pass = { x, mode in
      let images = x.size(0)
      return network(x, timesteps: .empty([images], on: .meta), conditioning: conditioning(images), mode: mode)
    }
    prepared = { ShapedNetwork(try network.prepared(for: $0), data, conditioning: conditioning) }
  }

  init(_ classifier: any NoisyClassifier, _ data: DataSpec) {
    module = classifier
    input = data.shaped
    pass = { x, mode in classifier(x, timesteps: .empty([x.size(0)], on: .meta), mode: mode) }
    prepared = { ShapedNetwork(try classifier.prepared(for: $0), data) }
  }

  /// - Parameters:
  ///   - channels: channels of each picture.
  ///   - side: rows and columns of each picture.
  init(_ upscaler: any UpscalingNetwork, channels: Int, side: Int) {
    module = upscaler
    input = { .empty([$0, channels, side, side], on: .meta) }
    pass = { x, _ in upscaler(x) }
    prepared = { ShapedNetwork(try upscaler.prepared(for: $0), channels: channels, side: side) }
  }
}

extension DataSpec {
  fileprivate func shaped(_ images: Int) -> Tensor { Tensor.empty([images, channels, height, width], on: .meta).channelsLast() }

  /// Labels or vectors, if there are any.
  func shapedConditioning(_ images: Int) -> Conditioning {
    Conditioning(
      labels: classNames.isEmpty ? nil : .empty([images], dtype: .int64, on: .meta),
      context: contextSize.map { .empty([images, $0], on: .meta) })
  }
}
