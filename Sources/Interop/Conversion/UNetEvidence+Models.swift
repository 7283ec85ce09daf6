import Diffusion
import Models
import Networks
import RecipeKit

// Models of what a UNet's shapes say, for images of `side` rows and columns or the next size that the levels can halve.
extension UNetEvidence {
  func denoiser(side: Int) -> any ModelDescription {
    var model = ModelRecipe(), network = ADMUNet.Recipe()
    model.data = data(inChannels, side: side)
    (network.imageSize, network.channelMult) = (model.data.height, channelMult)
    (network.convResample, network.contextDim) = (convResample, contextDim)
    model.network = Choice(laid(over: network))
    model.process.variance = variance(of: inChannels)
    return model
  }

  func niceModel(side: Int) -> any ModelDescription {
    var model = ModelRecipe(), network = NiceUNet.Recipe()
    model.data = data(inChannels, side: side)
    (network.resolution, network.channelMult, network.convResample) = (model.data.height, channelMult, convResample)
    model.network = Choice(laid(over: network))
    model.process.variance = variance(of: inChannels)
    return model
  }

  /// Of a network that reads the image to enlarge beside the noisy one; nil for one that does not.
  func superResolution(side: Int) -> (any ModelDescription)? {
    guard let (channels, corruptions) = enlarging else { return nil }
    var model = SuperResolutionModelRecipe(), images = self
    model.data = data(channels, side: side)
    (model.smallHeight, model.smallWidth) = (max(model.data.height / 4, 1), max(model.data.width / 4, 1))
    images.inChannels = channels
    var network = model.superResolution.unet
    (network.imageSize, network.channelMult) = (model.data.height, channelMult)
    (network.convResample, network.contextDim) = (convResample, contextDim)
    model.superResolution.unet = images.laid(over: network)
    model.superResolution.numCorruptions = corruptions
    model.process.variance = variance(of: channels)
    return model
  }

  /// Channels of the images, and corruption factors, of a network that reads the image to enlarge beside the noisy one. Where both
  /// that and a plain UNet would do, up to 4 channels that come out as they go in, it is a plain one.
  var enlarging: (channels: Int, corruptions: Int)? {
    guard let outChannels, outChannels != 2 * inChannels, outChannels != inChannels || inChannels > 4 else { return nil }
    let channels = [1, 3, 4, 2].first { inChannels >= 2 * $0 && [$0, 2 * $0].contains(outChannels) }
    return channels.map { ($0, inChannels - 2 * $0) }
  }

  func classifier(_ shapes: [String: [Int]], side: Int) -> (any ModelDescription, knowsSize: Bool)? {
    guard let (pool, classes) = EncoderClassifier.Pool.recognised(shapes) else { return nil }
    // The attention pool has an embedding for each position of the lowest level, and one for their mean.
    let positions = (shapes["out.2.positional_embedding"]?.last ?? 0) - 1
    let lowest = pool == .attention ? Int(Double(max(positions, 1)).squareRoot()) : nil
    var model = ClassifierModelRecipe(), network = EncoderClassifier.Recipe()
    model.data = data(inChannels, side: lowest.map { $0 << (channelMult.count - 1) } ?? side)
    model.data.classNames = (0..<classes).map(String.init)
    (network.imageSize, network.channelMult, network.convResample) = (model.data.height, channelMult, convResample)
    (network.pool, network.numClasses) = (pool, classes)
    let channels = channelMult.map { Int($0 * Double(modelChannels)) }
    network.numHeadChannels = [64, 32, 16, 8].first { size in channels.allSatisfy { $0 % size == 0 } } ?? 1
    model.classifier = Choice(laid(over: network))
    return (model, pool == .attention)
  }

  private func data(_ channels: Int, side: Int) -> DataSpec {
    var data = DataSpec()
    let step = 1 << (channelMult.count - 1)
    (data.channels, data.height) = (channels, (side + step - 1) / step * step)
    data.width = data.height
    data.contextSize = numClasses == nil ? contextDim : nil
    if let numClasses, (1...1_000_000).contains(numClasses) { data.classNames = (0..<numClasses).map(String.init) }
    return data
  }

  private func variance(of channels: Int) -> Variance { outChannels == 2 * channels ? .learnedRange : .fixedSmall }
}

extension EncoderClassifier.Pool {
  /// The pool and its classes, by the names and shapes of its tensors.
  fileprivate static func recognised(_ shapes: [String: [Int]]) -> (Self, classes: Int)? {
    func rows(_ name: String, rank: Int) -> Int? { shapes[name].flatMap { $0.count == rank ? $0[0] : nil } }
    if let classes = rows("out.2.c_proj.weight", rank: 3) { return (.attention, classes) }
    if let classes = rows("out.3.weight", rank: 4) { return (.adaptive, classes) }
    if let classes = rows("out.3.weight", rank: 2) { return (.spatialV2, classes) }
    return rows("out.2.weight", rank: 2).map { (.spatial, $0) }
  }
}

extension ContextEvidence {
  func model(side: Int) -> any ModelDescription {
    var model = ModelRecipe()
    let step = 1 << (channels.count - 1)
    (model.data.channels, model.data.height) = (inChannels, (side + step - 1) / step * step)
    (model.data.width, model.data.contextSize) = (model.data.height, contextWidth)
    model.network = Choice(laid(over: ContextUNet.Recipe()))
    model.process.variance = outChannels == 2 * inChannels ? .learnedRange : .fixedSmall
    return model
  }
}
