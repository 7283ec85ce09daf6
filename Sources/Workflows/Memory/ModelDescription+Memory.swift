import Models
import NN
import Networks
import Tensors

/// A model whose memory can be estimated: its network, how it is used and how it is trained.
protocol MemoryTraced: ModelDescription {
  static var use: MemoryEstimate.Work { get }
  func shapedNetwork() throws -> ShapedNetwork
  /// Network evaluations per sampled image in one pass.
  var passesPerImage: Int { get }
  /// Images per preview; 0 without previews.
  var previewedImages: Int { get }
  /// The scalar loss of a training step; nil for models that Sfumato does not train.
  func stepLoss(_ network: ShapedNetwork, images: Int, mode: Mode) -> Tensor?
}

extension ModelRecipe: MemoryTraced {
  static let use = MemoryEstimate.Work.sampling

  func shapedNetwork() throws -> ShapedNetwork {
    let recipe = adapted()
    return ShapedNetwork(try recipe.makeNetwork(using: .shapes), recipe.data) { images in
      guard let length = recipe.textLength else { return recipe.data.shapedConditioning(images) }
      return Conditioning(text: .empty([images, length], dtype: .int64, on: .meta))
    }
  }

  /// Guidance evaluates both predictions in one pass.
  var passesPerImage: Int { sampling.guidanceScale != 1 && data.knowsNull ? 2 : 1 }
  var previewedImages: Int { data.previewedImages }

  func stepLoss(_ network: ShapedNetwork, images: Int, mode: Mode) -> Tensor? { network.squareLoss(images, mode) }
}

extension SuperResolutionModelRecipe: MemoryTraced {
  static let use = MemoryEstimate.Work.sampling

  func shapedNetwork() throws -> ShapedNetwork {
    let recipe = adapted()
    return ShapedNetwork(try recipe.superResolution.member.makeNetwork(using: .shapes), data) { images in
      var conditioning = data.shapedConditioning(images)
      conditioning.lowRes = .empty([images, data.channels, smallHeight, smallWidth], on: .meta)
      return conditioning
    }
  }

  var passesPerImage: Int { 1 }
  var previewedImages: Int { RestorationSheet.count }

  func stepLoss(_ network: ShapedNetwork, images: Int, mode: Mode) -> Tensor? { network.squareLoss(images, mode) }
}

extension ClassifierModelRecipe: MemoryTraced {
  static let use = MemoryEstimate.Work.guiding

  func shapedNetwork() throws -> ShapedNetwork {
    ShapedNetwork(try adapted().classifier.member.makeClassifier(using: .shapes), data)
  }

  var passesPerImage: Int { 1 }
  var previewedImages: Int { 0 }

  func stepLoss(_ network: ShapedNetwork, images: Int, mode: Mode) -> Tensor? {
    network.pass(network.input(images), mode).logSoftmax(1).mean()
  }
}

extension UpscalerModelRecipe: MemoryTraced {
  static let use = MemoryEstimate.Work.upscaling

  /// The network on tiles of the default size.
  func shapedNetwork() throws -> ShapedNetwork {
    let settings = Upscaler.Settings()
    return ShapedNetwork(
      try upscaler.member.makeUpscaler(using: .shapes), channels: upscaler.member.numInCh, side: settings.tile + 2 * settings.overlap)
  }

  var passesPerImage: Int { 1 }
  var previewedImages: Int { 0 }

  func stepLoss(_ network: ShapedNetwork, images: Int, mode: Mode) -> Tensor? { nil }
}

extension DataSpec {
  /// Two per class, otherwise a square.
  var previewedImages: Int { classNames.count > 1 ? min(2 * classNames.count, 72) : 16 }
}

extension ShapedNetwork {
  /// The mean square of the network's output for noised images. Other losses differ by a few image-sized tensors.
  func squareLoss(_ images: Int, _ mode: Mode) -> Tensor {
    let x0 = input(images), noise = input(images)
    return pass(x0 + noise, mode).square().mean()
  }
}
