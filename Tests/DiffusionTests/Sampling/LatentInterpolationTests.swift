import Foundation
import Tensors
import Testing

@testable import Diffusion

@Suite("Interpolation of latents") struct LatentInterpolationTests {
  func noise(_ seed: UInt64) -> Tensor { .randn([3, 1, 4, 4], dtype: .float64, using: Generator(seed: seed)) }
  /// Each image of length 1.
  func unit(_ x: Tensor) -> Tensor { x / x.reshape([3, -1]).norm(1).reshape([3, 1, 1, 1]) }
  func lengths(_ x: Tensor) throws -> [Double] { try x.reshape([x.size(0), -1]).norm(1).doubles() }

  @Test(arguments: [0.0, 0.25, 0.5, 0.9, 1]) func slerpKeepsTheNormOfEachImage(weight: Double) throws {
    let middle = slerp(unit(noise(1)), unit(noise(2)), weight: weight)
    #expect(try lengths(middle).allSatisfy { abs($0 - 1) < 1e-12 })
  }

  @Test func slerpGoesByEqualAngles() throws {
    let a = Tensor([1.0, 0], [1, 2]), b = Tensor([0.0, 1], [1, 2])
    let third = slerp(a, b, weight: 1 / 3.0)
    #expect(try distance(third, Tensor([cos(Double.pi / 6), sin(Double.pi / 6)], [1, 2])) < 1e-14)
  }

  /// Angles are those of each image, not of the batch.
  @Test func anImageDoesNotDependOnTheOthers() throws {
    let (a, b) = (noise(1), noise(2))
    for image in 0..<3 {
      #expect(try distance(slerp(a, b, weight: 0.3).image(image), slerp(a.image(image), b.image(image), weight: 0.3)) < 1e-14)
    }
  }

  @Test func nearParallelImagesAreJoinedByALine() throws {
    let a = unit(noise(1)), b = a + 1e-9 * noise(2)
    #expect(try distance(slerp(a, b, weight: 0.5), a.lerp(b, 0.5)) < 1e-15)
    #expect(try distance(slerp(a, a, weight: 0.5), a) < 1e-15)
    let none = Tensor.zeros(like: a)
    #expect(try distance(slerp(none, b, weight: 0.5), 0.5 * b) < 1e-15)
  }

  @Test func framesRunFromTheOneToTheOther() throws {
    let (a, b) = (noise(1), noise(2))
    let frames = interpolations(from: a, to: b, count: 5)
    #expect(frames.count == 5)
    #expect(try distance(frames[0], a) == 0 && distance(frames[4], b) == 0)
    #expect(try distance(frames[1], slerp(a, b, weight: 0.25)) == 0)
    #expect(interpolations(from: a, to: b, count: 1).count == 1)
    #expect(interpolations(from: a, to: b, count: 0).isEmpty)
  }

  @Test func imagesOfOtherShapesAreRefused() {
    #expect(slerp(noise(1), noise(1).image(0), weight: 0.5).fault != nil)
    #expect(slerp(BrokenDenoiser().predict(noise(1), at: .clean).x0, noise(1), weight: 0.5).fault == BrokenDenoiser.fault)
  }
}
