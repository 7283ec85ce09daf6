import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("Pictures that lost resolution") struct ReductionTests {
  private func recipe(_ yaml: String) throws -> CorruptionsRecipe { try CorruptionsRecipe(yaml: yaml) }

  @Test func aReducedPictureKeepsItsSizeAndLosesDetail() throws {
    let image = Image.scene(width: 13, height: 9, channels: 3), recipe = try recipe("reduction: { factor: 2 }")
    var random = StableRandom(1, 2)
    let degraded = try recipe.degrade(image, at: [1], random: &random)
    let expected = try image.resized(width: 7, height: 5, filter: .bicubic).resized(width: 13, height: 9, filter: .bicubic)
    #expect(degraded == expected && degraded != image)
    #expect(try recipe.degrade(image, at: [nil], random: &random) == image)
  }

  @Test func corruptionsActOnTheSmallPicture() throws {
    let image = Image.scene(width: 16, height: 16, channels: 3)
    let recipe = try recipe("fixed: [{ type: gaussian_blur, sigma: 2 }]\nreduction: { factor: 4, enlargement: nearest, filters: [box] }")
    var random = StableRandom(1, 2), again = StableRandom(1, 2)
    let degraded = try recipe.degrade(image, at: [1, 1], random: &random)
    let small = try image.resized(width: 4, height: 4, filter: .box)
    let blurred = try GaussianBlur(yaml: "sigma: 2").apply(small, strength: 1, random: &again)
    #expect(degraded == (try blurred.resized(width: 16, height: 16, filter: .nearest)))
  }

  @Test func strengthsFollowProbabilityAndShare() throws {
    let recipe = try recipe("reduction: { probability: 0.6, full_share: 0.5 }")
    let strengths = (0..<2000).map { index -> Double? in
      var random = StableRandom(7, UInt64(index))
      return recipe.drawStrengths(&random)[0]
    }
    let reduced = strengths.compactMap { $0 }, full = reduced.filter { $0 == 1 }
    // Five standard deviations of a binomial: √(2000 · 0.6 · 0.4) = 22, √(1200 · 0.5 · 0.5) = 17.
    #expect(abs(reduced.count - 1200) < 110)
    #expect(abs(full.count - reduced.count / 2) < 87)
    #expect(reduced.allSatisfy { (0...1).contains($0) })
  }

  @Test func itsStrengthIsTheLast() throws {
    let recipe = try recipe("fixed: [jpeg, noise]\nreduction: {}")
    #expect(recipe.corruptionNames == ["jpeg", "noise", "reduction"] && recipe.strengthCount == 3)
    var random = StableRandom(1, 1)
    #expect(try recipe.degrade(Image(width: 2, height: 2, color: [9, 9, 9]), random: &random).strengths.count == 3)
  }

  @Test func aCorruptionIsAppliedToItsShareOfThePictures() throws {
    let recipe = try recipe("fixed: [{ type: gaussian_blur, probability: 0.25 }, noise]")
    let strengths = (0..<2000).map { index -> [Double?] in
      var random = StableRandom(9, UInt64(index))
      return recipe.drawStrengths(&random)
    }
    // √(2000 · 0.25 · 0.75) = 19.
    #expect(abs(strengths.filter { $0[0] != nil }.count - 500) < 97)
    #expect(strengths.allSatisfy { $0[1] != nil })
  }

  @Test func colorKeepsItsResolutionInItsShareOfThePictures() throws {
    let image = Image.scene(width: 16, height: 16, channels: 3)
    let always = try JPEGCompression(yaml: "full_color: 1"), never = JPEGCompression()
    var random = StableRandom(1, 1)
    let quality = never.quality(at: 0.5)
    #expect(try always.apply(image, strength: 0.5, random: &random) == image.throughJPEG(quality: quality, subsampling: .full))
    #expect(try never.apply(image, strength: 0.5, random: &random) == image.throughJPEG(quality: quality, subsampling: .half))
  }

  @Test(arguments: [
    "reduction: { factor: 1 }", "reduction: { filters: [] }", "reduction: { probability: 2 }", "reduction: { full_share: -1 }",
    "{ reduction: {}, scale: 2 }", "fixed: [{ type: jpeg, probability: 1.5 }]", "fixed: [{ type: jpeg, full_color: 2 }]",
  ]) func refusesValuesOutOfRange(yaml: String) throws {
    #expect(throws: RecipeError.self) { try recipe(yaml) }
  }
}
