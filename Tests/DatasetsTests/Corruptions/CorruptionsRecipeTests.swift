import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("A recipe of corruptions") struct CorruptionsRecipeTests {
  private func recipe(_ yaml: String) throws -> CorruptionsRecipe { try CorruptionsRecipe(yaml: yaml, file: "r.yaml") }

  /// The strengths for many pictures.
  private func allStrengths(_ recipe: CorruptionsRecipe, count: Int) throws -> [[Double]] {
    try (0..<count).map { index in
      var random = StableRandom(1, UInt64(index))
      return try recipe.degrade(Image(width: 1, height: 1, color: [9]), random: &random).strengths
    }
  }

  @Test func withoutCorruptionsThePictureIsUnchanged() throws {
    var random = StableRandom(0, 0)
    let image = Image.scene(width: 5, height: 4, channels: 4)
    let result = try recipe("").degrade(image, random: &random)
    #expect(result.image == image && result.strengths.isEmpty)
  }

  @Test func theStrengthsAreThoseOfFixedOnesThenRandomOnesInTheRecipesOrder() throws {
    let recipe = try recipe("random: [grey, noise]\nfixed: [jpeg, gaussian_blur, { type: jpeg, range: low }]\n")
    #expect(recipe.corruptionNames == ["jpeg", "gaussian_blur", "jpeg_2", "grey", "noise"])
    #expect(recipe.corruptions.count == 5)
    for strengths in try allStrengths(recipe, count: 40) {
      #expect(strengths.count == 5 && strengths[0..<3].allSatisfy { $0 > 0 } && strengths.allSatisfy { $0 < 1 })
      #expect(strengths[3...].filter { $0 > 0 }.count == 1)
    }
  }

  @Test func aRecipeAsTheDocumentationShowsItIsRead() throws {
    let recipe = try recipe(
      """
      random: [noise, { type: saturation, strength: { max: 0.5 } }, motion_blur]
      random_count: 1
      fixed:
        - { type: gaussian_blur, sigma: 2, place: before_downsampling }
        - { type: jpeg, range: broad }
      scale: 2
      filter: box
      strength_distribution: cosine
      """)
    #expect(recipe.corruptionNames == ["gaussian_blur", "jpeg", "noise", "saturation", "motion_blur"])
    #expect(recipe.corruptions[0].place == .beforeDownsampling && recipe.corruptions[1].place == .afterDownsampling)
    #expect(recipe.corruptions[3].strength.max == 0.5 && recipe.scale == 2)
  }

  @Test func asManyRandomOnesAreChosenAsTheCountSaysEachAsOftenAsTheOthers() throws {
    let recipe = try recipe("{ random: [grey, noise, saturation, color_jitter, gaussian_blur], random_count: 2 }")
    let allStrengths = try allStrengths(recipe, count: 2000)
    #expect(allStrengths.allSatisfy { $0.filter { $0 > 0 }.count == 2 })
    for index in 0..<5 {
      // 2,000 choices of 2 in 5: 800 on average, deviation 22.
      #expect(abs(allStrengths.filter { $0[index] > 0 }.count - 800) < 88)
    }
  }

  @Test func strengthsLeanTowardsZeroUnlessTheRecipeSaysUniform() throws {
    let cosine = try allStrengths(recipe("fixed: [grey]"), count: 4000).map { $0[0] }
    // 1 − cos(u π/2) has the mean 1 − 2/π and is below 1/2 for two thirds of all u.
    #expect(abs(cosine.mean - 0.3634) < 0.02)
    #expect(abs(cosine.part(below: 0.5) - 2.0 / 3) < 0.03)
    let uniform = try allStrengths(recipe("{ fixed: [grey], strength_distribution: uniform }"), count: 4000).map { $0[0] }
    #expect(abs(uniform.mean - 0.5) < 0.02)
    #expect(abs(uniform.part(below: 0.25) - 0.25) < 0.03)
  }

  @Test func strengthsStayWithinTheirBoundsAndReachThem() throws {
    let recipe = try recipe("fixed: [{ type: grey, strength: { min: 0.2, max: 0.4 } }, { type: noise, strength: { min: 0.7, max: 0.7 } }]")
    let allStrengths = try allStrengths(recipe, count: 500)
    #expect(allStrengths.allSatisfy { (0.2...0.4).contains($0[0]) && $0[1] == 0.7 })
    #expect(allStrengths.contains { $0[0] < 0.21 } && allStrengths.contains { $0[0] > 0.39 })
  }

  @Test func theEntropyIsTheStrengthThatWasApplied() throws {
    let recipe = try recipe("fixed: [{ type: saturation, lift: 1 }]")
    for index in 0..<20 {
      var random = StableRandom(3, UInt64(index))
      let (image, strengths) = try recipe.degrade(Image(width: 2, height: 1, color: [0]), random: &random)
      #expect(image.bytes == [UInt8](repeating: UInt8((255 * strengths[0]).rounded()), count: 2))
    }
  }

  @Test func randomOnesComeFirstThenFixedOnesInTheirOrder() throws {
    let recipe = try recipe("fixed: [color_quantization, saturation], random: [grey]".replacing(", random", with: "\nrandom"))
    let image = Image.scene(width: 12, height: 8, channels: 3)
    var random = StableRandom(0, 0)
    let result = try recipe.degrade(image, at: [1, 0.5, 0.8], random: &random)
    #expect(
      try result == Saturation().applied(to: ColorQuantization().applied(to: Grey().applied(to: image, strength: 0.8)), strength: 0.5))
    let skipped = try recipe.degrade(image, at: [1, nil, nil], random: &random)
    #expect(try skipped == ColorQuantization().applied(to: image))
  }

  @Test func corruptionsComeBeforeOrAfterTheDownsamplingAsEachSays() throws {
    let recipe = try recipe(
      "{ fixed: [{ type: saturation, place: after_downsampling }, { type: color_quantization, place: before_downsampling }], scale: 2 }")
    let image = Image.scene(width: 12, height: 8, channels: 3)
    var random = StableRandom(0, 0)
    let result = try recipe.degrade(image, at: [1, 1], random: &random)
    #expect(
      try result == Saturation().applied(to: ColorQuantization().applied(to: image).resized(width: 6, height: 4, filter: .box)))
  }

  @Test func theFilterMakesThePictureSmaller() throws {
    var random = StableRandom(0, 0)
    let image = Image.scene(width: 12, height: 9, channels: 3)
    let result = try recipe("{ scale: 3, filter: nearest }").degrade(image, random: &random).image
    #expect(try result == image.resized(width: 4, height: 3, filter: .nearest))
  }

  @Test func aPictureThatTheScaleDoesNotDivideIsRefused() throws {
    var random = StableRandom(0, 0)
    #expect(
      throws: ImagingError(.invalid("12 x 9 pixels cannot be made 4 times smaller; crop the picture to multiples of 4"))
    ) { try recipe("scale: 4").degrade(.scene(width: 12, height: 9, channels: 1), random: &random) }
  }

  @Test func theSameStreamGivesTheSamePictureAndAnotherStreamAnother() throws {
    let recipe = try recipe("{ fixed: [noise, jpeg], random: [motion_blur, gaussian_blur, color_jitter], random_count: 2 }")
    let image = Image.scene(width: 16, height: 12, channels: 3)
    let results = try (0..<8 as Range<UInt64>).map { index in
      var first = StableRandom(5, index), second = StableRandom(5, index)
      let result = try recipe.degrade(image, random: &first), again = try recipe.degrade(image, random: &second)
      #expect(result.image == again.image && result.strengths == again.strengths)
      return result.image.bytes
    }
    #expect(Set(results).count == 8)
  }

  @Test func twoCorruptionsOfAKindDoNotRepeatEachOther() throws {
    let recipe = try recipe("fixed: [noise, noise]")
    let image = Image(width: 32, height: 32, color: [128])
    var random = StableRandom(0, 0)
    // Independent ones add their variances, equal ones their deviations.
    let both = try recipe.degrade(image, at: [1, 1], random: &random).meanSquaredDifference(from: image)
    #expect(abs(both / (2 * 625) - 1) < 0.2)
  }

  // MARK: Second order

  private func bytes(_ recipe: CorruptionsRecipe, _ strengths: [Double?], seed: UInt64 = 0) throws -> [UInt8] {
    var random = StableRandom(seed, 3)
    return try recipe.degrade(.scene(width: 12, height: 8, channels: 3), at: strengths, random: &random).bytes
  }

  @Test func aShareOfThePicturesIsDegradedTwiceAndTheOthersAsBefore() throws {
    let lists = "random: [grey]\nfixed: [color_quantization, noise, saturation]\n"
    let once = try recipe(lists), half = try recipe(lists + "second_order: 0.5"), all = try recipe(lists + "second_order: 1")
    let strengths: [Double?] = [0.9, 0.8, 0.7, nil]
    let differing = try (0..<200 as Range<UInt64>).filter { try bytes(once, strengths, seed: $0) != bytes(half, strengths, seed: $0) }
    // 100 of 200, with a deviation of 7.
    #expect(abs(differing.count - 100) < 30)
    for seed in 0..<20 as Range<UInt64> {
      #expect(try bytes(all, strengths, seed: seed) == bytes(all, strengths, seed: seed))
      #expect(try bytes(all, [nil, nil, nil, nil], seed: seed) == Image.scene(width: 12, height: 8, channels: 3).bytes)
      #expect(try bytes(half, strengths, seed: seed) == bytes(differing.contains(seed) ? all : once, strengths, seed: seed))
    }
  }

  @Test func twiceIsStrongerAndNoMoreThanTwiceAsStrong() throws {
    let recipe = try recipe("{ fixed: [{ type: saturation, lift: 0.4 }], second_order: 1 }")
    let lifts = try (0..<100 as Range<UInt64>).map { seed in
      var random = StableRandom(seed, 0)
      return Int(try recipe.degrade(Image(width: 1, height: 1, color: [0]), at: [0.5], random: &random).bytes[0])
    }
    // 51 levels the first time, 0 to 51 the second.
    #expect(lifts.allSatisfy { (51...102).contains($0) } && Set(lifts).count > 30)
  }

  @Test func theOrderChanges() throws {
    let recipe = try recipe("{ fixed: [{ type: saturation, lift: 0.3 }, { type: color_quantization, bits: 1 }], second_order: 1 }")
    let levels = try (0..<60 as Range<UInt64>).map { seed in
      var random = StableRandom(seed, 0)
      return try recipe.degrade(Image(width: 1, height: 1, color: [100]), at: [1, 1], random: &random).bytes[0]
    }
    // Raised, then reduced to two levels, 100 is white, whatever comes after; the other way round it is 0, then 77.
    let others = levels.count { $0 < 255 }
    // 30 of 60, with a deviation of 4, but for those that a second reduction makes white.
    #expect((10...45).contains(others))
  }

  @Test func aPrintedRecipeDecodesToTheSame() throws {
    let recipe = try recipe("fixed: [jpeg, { type: motion_blur, angle: 30, strength: { max: 0.5 } }]\nrandom: [lq_resampling]\nscale: 2\n")
    let again = try CorruptionsRecipe(yaml: recipe.yaml())
    #expect(again.yaml() == recipe.yaml() && again.fixed.count == 2)
    #expect((again.fixed[1].recipe as? MotionBlur)?.angle == 30 && again.corruptions[1].strength.max == 0.5)
  }

  @Test(arguments: [
    ("fixed: [jpg]", "r.yaml:1: unknown type 'jpg' in 'fixed[0]'; did you mean 'jpeg'?"),
    ("fixed:\n  - jpeg\n  - { type: noise, level: 3 }", "r.yaml:3: unknown key 'level' in 'fixed[1]'; did you mean 'levels'?"),
    ("random: [{ type: noise, levels: 0 }]", "r.yaml:1: random[0].levels: expected more than 0 and at most 128 of 255, found 0.0"),
    ("fixed: [{ type: jpeg, range: high }]", "r.yaml:1: fixed[0].range: expected one of low, medium, broad, normal, found 'high'"),
    ("fixed: [{ type: jpeg, max_quality: 10 }]", "r.yaml:1: fixed[0].max_quality: expected 15 to 100, found 10"),
    ("fixed: [{ type: jpeg, min_quality: 0 }]", "r.yaml:1: fixed[0].min_quality: expected 1 to 100, found 0"),
    ("fixed: [{ type: gaussian_blur, sigma: 60 }]", "r.yaml:1: fixed[0].sigma: expected more than 0 and at most 50 pixels, found 60.0"),
    ("fixed: [{ type: motion_blur, size: 1 }]", "r.yaml:1: fixed[0].size: expected more than 1 and at most 255 pixels, found 1.0"),
    ("fixed: [{ type: motion_blur, angle: 400 }]", "r.yaml:1: fixed[0].angle: expected -360 to 360 degrees, found 400.0"),
    ("fixed: [{ type: color_quantization, bits: 8 }]", "r.yaml:1: fixed[0].bits: expected 1 to 7, found 8"),
    ("fixed: [{ type: color_jitter, hue: 1 }]", "r.yaml:1: fixed[0].hue: expected 0 to 0.5 turns, found 1.0"),
    ("fixed: [{ type: saturation, lift: 2 }]", "r.yaml:1: fixed[0].lift: expected more than 0 and at most 1, found 2.0"),
    ("fixed: [{ type: lq_resampling, factor: 1 }]", "r.yaml:1: fixed[0].factor: expected more than 1 and at most 64, found 1.0"),
    ("fixed: [{ type: grey, strength: { min: 0.5, max: 0.4 } }]", "r.yaml:1: fixed[0].strength.max: expected 0.5 to 1, found 0.4"),
    ("fixed: [{ type: grey, strength: { min: -1 } }]", "r.yaml:1: fixed[0].strength.min: expected 0 to 1, found -1.0"),
    ("{ random: [grey, noise], random_count: 3 }", "r.yaml:1: random_count: expected 1 to 2, found 3"),
    ("{ fixed: [grey], random_count: 1 }", "r.yaml:1: random_count: expected none where the list random is empty, found 1"),
    ("second_order: 2", "r.yaml:1: second_order: expected a share of 0 to 1, found 2.0"),
    ("scale: 0", "r.yaml:1: scale: expected 1 to 64, found 0"),
  ])
  func aBadRecipeIsRefusedWithPathAndExpectation(yaml: String, expected: String) {
    #expect { try recipe(yaml) } throws: { "\($0)" == expected }
  }

  @Test func aJitterOfNothingAndAListWithoutFiltersAreRefused() {
    let nothing = "fixed: [{ type: color_jitter, brightness: 0, contrast: 0, saturation: 0, hue: 0 }]"
    #expect { try recipe(nothing) } throws: { "\($0)".contains("fixed[0].brightness: expected one of the four above 0") }
    #expect { try recipe("fixed: [{ type: lq_resampling, filters: [] }]") } throws: {
      "\($0)" == "r.yaml:1: fixed[0].filters: expected at least one of lanczos3, bicubic, bilinear, box, nearest"
    }
  }

  @Test func moreThanANetworkCanBeConditionedOnAreRefused() {
    let list = [String](repeating: "grey", count: 33).joined(separator: ", ")
    #expect { try recipe("{ fixed: [\(list)], random: [\(list)] }") } throws: {
      "\($0)" == "r.yaml:1: fixed: expected at most 64 corruptions in both lists, found 66"
    }
  }
}

@Suite("A sheet of corruptions") struct CorruptionSheetTests {
  @Test func hasARowForEachCorruptionAndAColumnForEachStrength() throws {
    let picture = Image.scene(width: 10, height: 6, channels: 3)
    let sheet = try CorruptionSheet([Grey(), Saturation()], strengths: [0, 0.5, 1]).sheet(of: picture)
    #expect(sheet.columns == 3 && sheet.rowTitles == ["grey", "saturation"] && sheet.columnTitles == ["0.0", "0.5", "1.0"])
    let grey = try [0, 0.5, 1].map { try Grey().applied(to: picture, strength: $0) }
    let saturation = try [0, 0.5, 1].map { try Saturation().applied(to: picture, strength: $0) }
    #expect(sheet.images == grey + saturation)
    #expect(try sheet.draw()[0, 0] == 255)
  }

  @Test func withinARowOnlyTheStrengthChanges() throws {
    // A grey of noise that is twice as strong is twice as far from the even ground.
    var noise = GaussianNoise()
    noise.levels = 20
    let cells = try CorruptionSheet([noise], strengths: [0.5, 1]).sheet(of: Image(width: 20, height: 20, color: [128])).images
    #expect(zip(cells[0].bytes, cells[1].bytes).allSatisfy { abs(2 * (Int($0) - 128) - (Int($1) - 128)) <= 2 })
  }

  @Test func allCorruptionsAreShownByDefault() throws {
    let sheet = try CorruptionSheet().sheet(of: .scene(width: 8, height: 8, channels: 3))
    #expect(sheet.rowTitles == CorruptionRegistry.names && sheet.images.count == 5 * CorruptionRegistry.names.count)
  }
}
