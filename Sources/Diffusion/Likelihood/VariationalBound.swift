import Foundation
import Tensors

extension DiscreteProcess {
  /// The terms of the variational bound for each image, in bits per dimension, `[N]`:
  /// L_t = KL(q(x_{t−1} | x_t, x₀) ‖ p(x_{t−1} | x_t)) for t > 0, and L₀ = −log p(x₀ | x₁) of the pixels for t = 0.
  ///
  /// Ho, Jain and Abbeel 2020, eq. 5.
  ///
  /// - Parameters:
  ///   - x0: clean images in [−1, 1], `[N, C, H, W]`.
  ///   - xt: the same diffused to `timesteps`.
  ///   - estimate: the model's x₀, of the same shape.
  ///   - timesteps: one for each image.
  public func variationalTerms(
    x0: Tensor, xt: Tensor, estimate: Tensor, variance: StepVariance, at timesteps: [Int]
  ) -> Tensor {
    variationalTerms(x0: x0, xt: xt, model: reverse(x0: estimate, xt: xt, variance: variance, at: timesteps), at: timesteps)
  }

  /// The same of a model's step as it stands.
  /// - Parameter model: p(x_{t−1} | x_t), its mean `[N, C, H, W]`.
  func variationalTerms(x0: Tensor, xt: Tensor, model: DiagonalGaussian, at timesteps: [Int]) -> Tensor {
    let divergence = posterior(x0: x0, xt: xt, at: timesteps).divergence(from: model).meanPerImage()
    let pixels = -model.logLikelihood(ofPixels: x0).meanPerImage()
    let isFirst = Tensor(timesteps).to(x0.device).eq(0)
    return .where(isFirst, pixels, divergence) / log(2)
  }
}
