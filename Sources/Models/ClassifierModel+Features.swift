import Diffusion
import Tensors

extension ClassifierModel {
  /// The classifier's features of clean images, at timestep 0, the least noise of its training, and what it makes of them: what sets of
  /// pictures are compared by.
  /// - Parameter images: `[N, C, H, W]` in [-1, 1].
  /// - Returns: the input of the last linear map, `[N, F]`, and log p(y | x) of every class, `[N, classes]`; both float32, without a
  ///   gradient.
  public func features(ofClean images: Tensor) -> (features: Tensor, logProbabilities: Tensor) {
    withoutGradient {
      let found = network.features(images, timesteps: .zeros([images.size(0)], on: images.device), mode: .inference)
      return (found.features, found.logits.logSoftmax(1))
    }
  }
}
