import Foundation
import Tensors

/// How well a model knows images: the mean error of its denoising over fixed levels, with fixed noise,
///
///     e = mean over levels and elements of (ε̂(α x₀ + σ ε) − ε)²
///
/// It is lower for images that are likelier under the model, a part of its variational bound with every level weighted
/// alike, and so tells a good sample from a bad one without another model. The noise is the same for all images and in every call,
/// so that only the candidates differ.
public struct DenoisingScore: Sendable {
  /// The levels at which the model is evaluated, once each.
  public var levels: [NoiseLevel]
  /// The seed of the noise.
  public var seed: Seed

  public init(levels: [NoiseLevel], seed: Seed = Seed(0)) {
    self.levels = levels
    self.seed = seed
  }

  /// Some of a scale's levels, evenly by angle, atan(σ / α), from a tenth of the way to nine tenths: at the ends every image
  /// is denoised alike.
  public init(_ scale: NoiseLevelRange, count: Int = 8, seed: Seed = Seed(0)) {
    self.init(levels: scale.levelsByAngle(count), seed: seed)
  }

  /// The same at the nearest steps of a process, for a network that knows no level between two of them.
  public init(stepsOf process: DiscreteProcess, count: Int = 8, seed: Seed = Seed(0)) {
    self.init(levels: process.noiseLevelRange.levelsByAngle(count).map(process.nearestStep), seed: seed)
  }

  /// - Parameters:
  ///   - images: clean, `[N, C, H, W]`.
  ///   - denoiser: conditioned on what each image should be, if on anything.
  /// - Returns: `[N]`, lower for better images.
  public func errors(of images: Tensor, denoiser: some Denoiser) -> Tensor {
    guard images.fault == nil, !levels.isEmpty else { return images.failed("DenoisingScore", "expected one level or more") }
    return withoutGradient { Tensor.stack(levels.indices.map { error(of: images, at: $0, denoiser) }).mean(0) }
  }

  private func error(of images: Tensor, at index: Int, _ denoiser: some Denoiser) -> Tensor {
    let drawn = Tensor.randn([1] + images.shape.dropFirst(), using: seed.generator(for: .noise, step: index))
    let noise = drawn.to(like: images)
    let x = qSample(images, at: [levels[index]], noise: noise)
    return (denoiser.predict(x, at: levels[index]).epsilon - noise).square().meanPerImage()
  }
}

extension DiscreteProcess {
  fileprivate func nearestStep(to level: NoiseLevel) -> NoiseLevel {
    (0..<steps).map { self.level($0) }.min { abs($0.lambda - level.lambda) < abs($1.lambda - level.lambda) } ?? level
  }
}

extension NoiseLevelRange {
  /// Levels evenly by angle, the noisiest first: the middles of so many equal parts of what lies between a tenth of π/2 and nine
  /// tenths.
  fileprivate func levelsByAngle(_ count: Int) -> [NoiseLevel] {
    (0..<max(count, 0)).map { part in
      let place = 0.9 - 0.8 * (Double(part) + 0.5) / Double(count)
      return level(lambda: -log(tan(place * .pi / 2)))
    }
  }
}
