import Tensors
import Testing

@testable import Diffusion

@Suite("Noise") struct NoiseSourceTests {
  let seed = Seed(42)

  @Test(arguments: [[5], [3, 5], [0, 1, 2, 3, 4, 5, 6], [9, 8, 7, 6, 5]])
  func ofAnImageIsTheSameToTheBitInWhateverBatch(images: [Int]) throws {
    var alone = PerImageNoise(seed: seed, images: [5]), batch = PerImageNoise(seed: seed, images: images)
    let place = try #require(images.firstIndex(of: 5))
    for _ in 0..<3 {
      let own = try alone.normal([1, 3, 5, 7]).floats()
      #expect(try batch.normal([images.count, 3, 5, 7]).image(place).floats() == own)
    }
  }

  @Test func ofDifferentImagesIsDifferent() throws {
    var noise = PerImageNoise(seed: seed, images: 0..<2)
    let both = noise.normal([2, 1, 4, 4])
    #expect(try both.image(0).floats() != both.image(1).floats())
  }

  @Test func ofABatchIsDrawnInOneGoInPyTorchsOrder() throws {
    var noise = BatchNoise(Generator(seed: 7))
    let generator = Generator(seed: 7)
    for _ in 0..<2 {
      #expect(try noise.normal([2, 1, 3, 3]).floats() == Tensor.randn([2, 1, 3, 3], using: generator).floats())
      noise.stepEnded([2, 1, 3, 3])
    }
  }

  @Test func ofABatchIsDrawnInEveryStepEvenIfUnused() throws {
    var idle = BatchNoise(Generator(seed: 7)), busy = BatchNoise(Generator(seed: 7))
    for _ in 0..<3 {
      idle.stepEnded([2, 4])
      _ = busy.normal([2, 4])
      busy.stepEnded([2, 4])
    }
    #expect(try idle.normal([4]).floats() == busy.normal([4]).floats())
  }

  @Test func forAnotherNumberOfImagesIsRefused() {
    var noise = PerImageNoise(seed: seed, images: 0..<2)
    #expect(noise.normal([3, 1, 2, 2]).fault?.message == "noise of 2 images was asked for the shape [3, 1, 2, 2]")
  }
}
