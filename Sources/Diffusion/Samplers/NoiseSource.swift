import Tensors

/// A source of a sampler's random numbers.
public protocol NoiseSource {
  /// The next standard normal numbers for a batch of images.
  /// - Parameter shape: `[N, C, H, W]`. - Returns: float32, row-major.
  mutating func normal(_ shape: [Int]) -> Tensor

  /// Called by `SamplingRun` after every step.
  /// - Parameter shape: of the batch.
  mutating func stepEnded(_ shape: [Int])
}

extension NoiseSource {
  public mutating func stepEnded(_ shape: [Int]) {}

  /// The next standard normal numbers, of x's shape, dtype and device.
  public mutating func normal(like x: Tensor) -> Tensor {
    x.fault == nil ? normal(x.shape).to(like: x) : x
  }
}

/// A stream of its own for each image: its noise is the same to the bit in whatever batch it is drawn.
public struct PerImageNoise: NoiseSource {
  let generators: [Generator]

  /// - Parameters:
  ///   - images: the numbers of the images of this batch within the piece of work that `seed` belongs to.
  ///   - candidate: of several tries for each image the number, 0 being the one that there is without others.
  public init(seed: Seed, images: some Sequence<Int>, candidate: Int = 0) {
    generators = images.map { seed.generator(for: .sampling, step: candidate, image: $0) }
  }

  public mutating func normal(_ shape: [Int]) -> Tensor {
    guard shape.first == generators.count else {
      let message = "noise of \(generators.count) images was asked for the shape \(shape)"
      return Tensor(failing: TorchFault(operation: "normal", message: message))
    }
    return .cat(generators.map { .randn([1] + shape.dropFirst(), using: $0) }, dim: 0)
  }
}

/// One stream for the whole batch, drawn as the reference loops do: x_T first, then the batch's shape once in every step,
/// also where a sampler has no use for it. A seed so gives the reference's images. A known region draws once more in each step.
public struct BatchNoise: NoiseSource {
  let generator: Generator
  private var isDrawn = false

  public init(_ generator: Generator) { self.generator = generator }

  /// Seeds the stream as `torch.manual_seed` does.
  public init(seed: Seed) { self.init(Generator(seed: seed.value)) }

  public mutating func normal(_ shape: [Int]) -> Tensor {
    isDrawn = true
    return .randn(shape, using: generator)
  }

  public mutating func stepEnded(_ shape: [Int]) {
    if !isDrawn { _ = normal(shape) }
    isDrawn = false
  }
}
