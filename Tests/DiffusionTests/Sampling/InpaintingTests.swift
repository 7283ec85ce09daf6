import Foundation
import Tensors
import TestSupport
import Testing

@testable import Diffusion

/// Pairs of pixels from N(0, [[1, ρ], [ρ, 1]]), `[N, 1, 1, 2]`: what the second is, when the first is known, has a closed form,
/// N(ρ a, 1 − ρ²).
struct PixelPairOracle: Denoiser {
  var correlation = 0.9
  let noiseLevelRange = NoiseLevelRange.variancePreserving(-20...20) { _ in 0 }

  /// In the sum and the difference of the pixels, scaled to stay orthonormal, the data are independent.
  func predict(_ x: Tensor, at levels: [NoiseLevel]) -> Prediction {
    let a = x.narrow(3, 0, 1), b = x.narrow(3, 1, 1), half = 0.5.squareRoot()
    let sum = gain(1 + correlation, levels, x) * (half * (a + b)), difference = gain(1 - correlation, levels, x) * (half * (a - b))
    let x0 = Tensor.cat([half * (sum + difference), half * (sum - difference)], dim: 3)
    let alpha = levels.column(\.alpha, like: x), sigma = levels.column(\.sigma, like: x)
    return Prediction(x0: x0, epsilon: (x - alpha * x0) / sigma, variance: .fixedLarge)
  }

  private func gain(_ variance: Double, _ levels: [NoiseLevel], _ x: Tensor) -> Tensor {
    levels.column({ $0.alpha * variance / ($0.alpha * $0.alpha * variance + $0.sigma * $0.sigma) }, like: x)
  }
}

@Suite("Inpainting") struct InpaintingTests {
  let levels = try! DiscreteProcess(betas: CosineSchedule(steps: 20).makeBetas()).samplingLevels
  let image = Tensor.rand([2, 3, 4, 4], using: Generator(seed: 8)) * 2 - 1
  /// The left half is known.
  let mask = Tensor.cat([.ones([1, 1, 4, 2]), .zeros([1, 1, 4, 2])], dim: 3)

  func run(_ known: KnownRegion?, _ sampler: some Sampler = DDIM(), path: [NoiseLevel]? = nil, seed: UInt64 = 1) -> SamplingRun {
    SamplingRun(
      sampler, denoiser: GaussianOracle(), levels: path ?? levels, shape: [2, 3, 4, 4], noise: BatchNoise(seed: Seed(seed)), known: known)
  }

  /// To the bit, on every path and by every sampler.
  @Test(arguments: SamplerRegistry.names) func givesTheKnownPartBackExactly(name: String) throws {
    let sampler = try SamplerContractTests().sampler(name), known = try KnownRegion(image: image, mask: mask)
    for path in [levels, try levels.resampled(jumpLength: 5, jumpSamples: 2), try levels.twice(fromStep: 10)] {
      let run = run(known, sampler, path: path)
      var last: SamplingStep?
      while let step = try run.next() { last = step }
      #expect(run.x.isChannelsLast, "the layout that convolutions like")
      for images in [run.x, try #require(last).x0] {
        #expect(try images.narrow(3, 0, 2).floats() == image.narrow(3, 0, 2).floats())
        #expect(try distance(images.narrow(3, 2, 2), image.narrow(3, 2, 2)) > 0.1)
      }
    }
  }

  @Test func aMaskOfZerosIsPlainSamplingAndOneOfOnesTheImage() throws {
    let nothing = try KnownRegion(image: image * Double.nan, mask: .zeros([1, 1, 4, 4]))
    #expect(try run(nothing).finish().floats() == run(nil).finish().floats())
    let all = try KnownRegion(image: image, mask: .ones([1, 1, 4, 4]))
    #expect(try run(all).finish().floats() == image.floats())
  }

  @Test func theKnownPartOfEachLevelIsTheImageDiffusedToIt() throws {
    // Start, then per step what the sampler leaves unused, then the known region's.
    let run = run(try KnownRegion(image: image, mask: mask)), generator = Generator(seed: 1)
    let left = { (x: Tensor) in x.narrow(3, 0, 2) }
    let first = Tensor.randn([2, 3, 4, 4], using: generator)
    #expect(try distance(left(run.x), left(qSample(image, at: [levels[0]], noise: first))) < 1e-6)
    while let step = try run.next(), step.level.sigma > 0 {
      _ = Tensor.randn([2, 3, 4, 4], using: generator)
      let noise = Tensor.randn([2, 3, 4, 4], using: generator)
      #expect(try distance(left(step.x), left(qSample(image, at: [step.level], noise: noise))) < 1e-6)
    }
  }

  /// The order of draws is documented: it must not depend on whether the sampler has a use for noise.
  @Test func drawsTheSameNumbersWhetherTheSamplerAddsNoiseOrNot() throws {
    let after = { (eta: Double) in
      let generator = Generator(seed: 3), known = try KnownRegion(image: image, mask: mask)
      _ = try SamplingRun(
        DDIM(eta: eta), denoiser: GaussianOracle(), levels: levels, shape: [2, 3, 4, 4], noise: BatchNoise(generator), known: known
      ).finish()
      return try Tensor.rand([4], using: generator).floats()
    }
    // The start, a draw in each of 20 steps, and one for the known region in all but the last.
    let generator = Generator(seed: 3)
    for _ in 0..<40 { _ = Tensor.randn([2, 3, 4, 4], using: generator) }
    let expected = try Tensor.rand([4], using: generator).floats()
    #expect(try after(0) == expected)
    #expect(try after(1) == expected)
  }

  @Test func aSoftMaskBlends() throws {
    let known = try KnownRegion(image: image, mask: .full(0.25, [2, 1, 4, 4]))
    let run = run(known)
    var previous = run.x, last: SamplingStep?
    while let step = try run.next() {
      if step.level.sigma > 0 { previous = step.x }
      last = step
    }
    let plain = SamplingRun(
      DDIM(), denoiser: GaussianOracle(), levels: levels.suffix(2), start: previous, noise: BatchNoise(seed: Seed(1)))
    #expect(try distance(#require(last).x, 0.25 * image + 0.75 * plain.finish()) < 1e-6)
  }

  /// The first pixel is known to be a: the mean of the second must become ρ a. Masking alone falls short; resampling, at the same
  /// levels, comes nearer.
  @Test func resamplingBringsTheConditionalMeanNearerThanMaskingAlone() throws {
    let oracle = PixelPairOracle(), n = 4000, a = 1.0
    let levels = try DiscreteProcess(betas: LinearSchedule().makeBetas()).respaced(.trailing, steps: 20).samplingLevels
    let known = try KnownRegion(image: .full(a, [1, 1, 1, 2]), mask: Tensor([Float(1), 0], [1, 1, 1, 2]))
    let mean = { (path: [NoiseLevel]) in
      let images = try SamplingRun(
        DDPM(), denoiser: oracle, levels: path, shape: [n, 1, 1, 2], noise: BatchNoise(seed: Seed(5)), known: known
      ).finish()
      #expect(try distance(images.narrow(3, 0, 1), .full(a, [n, 1, 1, 1])) == 0)
      return try images.narrow(3, 1, 1).mean().item()
    }
    let masked = try mean(levels), resampled = try mean(levels.resampled(jumpLength: 2, jumpSamples: 10))
    let exact = oracle.correlation * a, deviation = (1 - oracle.correlation * oracle.correlation).squareRoot()
    #expect(abs(resampled - exact) < 0.5 * abs(masked - exact))
    // What remains is the method's, beside four standard errors.
    #expect(abs(resampled - exact) < 0.1 + 4 * deviation / Double(n).squareRoot())
  }

  @Test func anImageOrAMaskThatDoesNotFitIsRefusedByTheFirstStep() throws {
    let misfits = [
      try KnownRegion(image: image, mask: .ones([1, 1, 4, 3])), try KnownRegion(image: image, mask: .ones([3, 1, 4, 4])),
      try KnownRegion(image: image, mask: .ones([4, 4])), try KnownRegion(image: .ones([1, 1, 4, 4]), mask: mask),
    ]
    for known in misfits {
      #expect(throws: TorchFault.self) { try run(known).next() }
    }
    #expect(throws: TorchFault.self) { try run(misfits[0]).finish() }
    let shared = try KnownRegion(image: image.image(0), mask: .ones([2, 3, 4, 4]))
    #expect(try run(shared).finish().image(1).floats() == image.image(0).floats())
  }

  @Test(arguments: [-0.1, 1.5, 255, .nan]) func aMaskOutsideItsRangeIsRefused(value: Double) {
    #expect(throws: TorchFault.self) { try KnownRegion(image: image, mask: .full(value, [1, 1, 4, 4])) }
  }

  /// The image that the run starts from need not be the known one.
  @Test func imageToImageFillsInFromTheImage() throws {
    let known = try KnownRegion(image: image, mask: mask), path = try levels.starting(strength: 0.3), other = Tensor.zeros(like: image)
    let run = SamplingRun(
      DDIM(), denoiser: GaussianOracle(), levels: path, image: other, noise: BatchNoise(seed: Seed(1)), known: known)
    let noise = Tensor.randn([2, 3, 4, 4], using: Generator(seed: 1))
    let start = Tensor.cat([image.narrow(3, 0, 2), other.narrow(3, 2, 2)], dim: 3)
    #expect(try distance(run.x, qSample(start, at: [path[0]], noise: noise)) < 1e-6)
    let images = try run.finish()
    #expect(try images.narrow(3, 0, 2).floats() == image.narrow(3, 0, 2).floats())
    #expect(try distance(images.narrow(3, 2, 2), image.narrow(3, 2, 2)) > 0.1)
  }
}
