import Foundation
import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("Augmentation") struct AugmentationTests {
  /// Noise, so that nothing but leaving it alone leaves it as it is.
  private let noise: Image = {
    var random = StableRandom(5, 5)
    return Image(width: 9, height: 9, channels: 3, bytes: (0..<243).map { _ in UInt8(random.below(256)) })
  }()

  private func recipe(_ probability: Double, _ kinds: [AugmentationKind]? = nil) -> AugmentationRecipe {
    var recipe = AugmentationRecipe()
    recipe.probability = probability
    if let kinds { recipe.kinds = kinds }
    return recipe
  }

  private func augmented(_ recipe: AugmentationRecipe, _ index: UInt64) -> (image: Image, labels: [Float]) {
    var random = StableRandom(3, index)
    return recipe.augment(noise, random: &random)
  }

  @Test func withoutAugmentationNothingIsSampledAndThereIsNoConditioning() {
    var random = StableRandom(1, 2), untouched = StableRandom(1, 2)
    let (image, labels) = recipe(0).augment(noise, random: &random)
    #expect(image == noise && labels.isEmpty && recipe(0).labelCount == 0)
    #expect(random.bits() == untouched.bits())
  }

  @Test func labelsAreZeroForAnImageAsItIsAndForNoOther() {
    let recipe = recipe(0.15, AugmentationKind.allCases)
    var unchanged = 0
    for index in 0..<150 as Range<UInt64> {
      let (image, labels) = augmented(recipe, index)
      #expect(labels.count == 13)
      #expect((image == noise) == labels.allSatisfy { $0 == 0 }, "image \(index): \(labels)")
      unchanged += image == noise ? 1 : 0
    }
    #expect(unchanged > 10 && unchanged < 100)
  }

  @Test func theDefaultsTellNineNumbers() {
    #expect(recipe(0.1).labelCount == 9 && augmented(recipe(0.1), 1).labels.count == 9)
    #expect(recipe(0.1, AugmentationKind.allCases).labelCount == 13)
    #expect(recipe(0.1, [.aniso]).labelCount == 2)
  }

  @Test func theSameStreamGivesTheSameImage() {
    for index in 0..<5 as Range<UInt64> {
      let a = augmented(recipe(1), index), b = augmented(recipe(1), index)
      #expect(a.image == b.image && a.labels == b.labels)
      #expect(a.labels != augmented(recipe(1), index + 1).labels)
    }
  }

  @Test func everyKindActsWithTheProbabilityOfItsOwn() {
    var recipe = recipe(0.25)
    let draws = labels(of: recipe, count: 4000)
    func share(_ columns: [Int]) -> Double { Double(draws.count { row in columns.contains { row[$0] != 0 } }) / 4000 }
    // Deviations of at most 0.008; flips act on half of those that they are drawn for.
    #expect(abs(share([0]) - 0.5) < 0.04)
    #expect(abs(share([1]) - 0.125) < 0.03)
    for columns in [[2], [3, 4], [5, 6], [7, 8]] { #expect(abs(share(columns) - 0.25) < 0.035, "\(columns)") }
    // Two kinds at once as often as chance has it.
    let both = Double(draws.count { $0[2] != 0 && $0[7] != 0 }) / 4000
    #expect(abs(both - 0.0625) < 0.02)
    recipe.probability = 1
    for row in labels(of: recipe, count: 100) {
      for columns in [[2], [3, 4], [5, 6], [7], [8]] { #expect(columns.contains { row[$0] != 0 }) }
    }
  }

  private func labels(of recipe: AugmentationRecipe, count: UInt64) -> [[Float]] {
    (0..<count).map { index in
      var random = StableRandom(11, index)
      return recipe.labels(of: recipe.draw(height: 9, width: 9, random: &random), height: 9, width: 9)
    }
  }

  @Test func valuesHaveTheDistributionsOfThePaper() {
    let draws = labels(of: recipe(1), count: 4000)
    func mean(_ value: ([Float]) -> Float) -> Double { draws.reduce(0) { $0 + Double(value($1)) } / 4000 }
    // Standard normal: mean 0 and mean square 1, which 4000 draws find within 0.016 and 0.022.
    for column in [2, 7, 8] {
      #expect(abs(mean { $0[column] }) < 0.08 && abs(mean { $0[column] * $0[column] } - 1) < 0.1, "\(column)")
    }
    #expect(abs(mean { $0[5] * $0[5] + $0[6] * $0[6] } - 1) < 0.1)
    // Every direction alike, so that the mean cosine is 0; half of the stretches lie along the rows.
    #expect(abs(mean { $0[3] + 1 }) < 0.06 && abs(mean { $0[4] }) < 0.06)
    #expect(abs(mean { $0[6] == 0 ? 1 : 0 } - 0.5) < 0.04)
  }

  @Test func kindsOfAugmentationAreIndependent() {
    // The values of an image are the same at any probability: only fewer of them act.
    let all = labels(of: recipe(1), count: 50), some = labels(of: recipe(0.5), count: 50)
    for (every, few) in zip(all, some) {
      for column in 0..<9 where few[column] != 0 { #expect(few[column] == every[column]) }
    }
  }

  @Test func labelsSayWhatWasDone() {
    let recipe = recipe(1, AugmentationKind.allCases)
    func labels(_ change: (inout Augmentation) -> Void) -> [Int: Float] {
      var draw = Augmentation()
      change(&draw)
      let labels = recipe.labels(of: draw, height: 16, width: 8)
      return Dictionary(uniqueKeysWithValues: labels.enumerated().filter { abs($0.1) > 1e-6 }.map { ($0.0, $0.1) })
    }
    #expect(labels { _ in } == [:])
    #expect(labels { $0.flipsX = true } == [0: 1])
    #expect(labels { $0.flipsY = true } == [1: 1])
    #expect(labels { $0.quarterTurns = 1 } == [2: 1])
    #expect(labels { $0.quarterTurns = 2 } == [2: 1, 3: 1])
    #expect(labels { $0.quarterTurns = 3 } == [3: 1])
    // Of the furthest way, an eighth: one pixel of 8 and two of 16.
    #expect(labels { ($0.pixelsRight, $0.pixelsUp) = (1, -1) } == [4: 1, 5: -0.5])
    #expect(labels { $0.scale = -1.5 } == [6: -1.5])
    #expect(labels { $0.angle = .pi / 2 } == [7: -1, 8: 1])
    #expect(labels { ($0.stretch, $0.axis) = (2, .pi / 2) } == [10: 2])
    #expect(labels { ($0.stretch, $0.axis) = (2, 0) } == [9: 2])
    #expect(labels { ($0.right, $0.down) = (0.5, -0.25) } == [11: 0.5, 12: -0.25])
  }

  @Test func kindsActInOneOrderHoweverTheyAreListed() {
    let a = recipe(1, [.translateFrac, .xflip, .scale]), b = recipe(1, [.scale, .translateFrac, .xflip])
    #expect(augmented(a, 4).image == augmented(b, 4).image && augmented(a, 4).labels == augmented(b, 4).labels)
  }

  @Test func wholePixelsKeepTheirValues() {
    let recipe = recipe(1, [.xflip, .yflip, .rotateInt, .translateInt])
    for index in 0..<20 as Range<UInt64> {
      #expect(Set(augmented(recipe, index).image.bytes).isSubset(of: Set(noise.bytes)))
    }
  }

  // MARK: Recipes

  @Test func aSectionIsReadAndPrinted() throws {
    let read = try AugmentationRecipe(yaml: "probability: 0.12\nkinds: [xflip, rotate_frac]\nrotate_frac_max: 0.1")
    #expect(read.kinds == [.xflip, .rotateFrac] && read.isOn && read.labelCount == 3)
    #expect(try AugmentationRecipe(yaml: read.yaml()) == read)
  }

  @Test(arguments: [
    ("probability: 1.5", "probability: expected 0 to 1, found 1.5"), ("probability: -0.1", "probability: expected 0 to 1, found -0.1"),
    ("{ probability: 0.1, kinds: [] }", "kinds: expected at least one kind, or probability 0 for no augmentation"),
    ("kinds: [scale, scale]", "kinds: expected each kind once"), ("kinds: [rotate]", "expected one of xflip, yflip, rotate_int, "),
    ("rotate_frac_max: 1.1", "rotate_frac_max: expected 0 to 1, found 1.1"),
    ("aniso_rotate_prob: 2.0", "aniso_rotate_prob: expected 0 to 1, found 2.0"),
    ("translate_int_max: 0.0", "translate_int_max: expected more than 0 and at most 1, found 0.0"),
    ("scale_std: 3.0", "scale_std: expected 0 to 2, found 3.0"), ("aniso_std: -1.0", "aniso_std: expected 0 to 2, found -1.0"),
    ("translate_frac_std: -0.5", "translate_frac_std: expected 0 to 2, found -0.5"),
  ])
  func valuesOutOfRangeAreRefused(yaml: String, words: String) throws {
    let error = try #require(throws: RecipeError.self) { try AugmentationRecipe(yaml: yaml) }
    #expect(error.description.contains(words), "\(error)")
  }

  @Test func quarterTurnsNeedSquares() throws {
    let words = try #require(recipe(0.5, [.rotateInt]).problem(height: 28, width: 20))
    #expect(words == "rotate_int needs square images, found 28 x 20; leave it out of kinds, rotate_frac turns any")
    #expect(recipe(0.5, [.rotateInt]).problem(height: 28, width: 28) == nil)
    #expect(recipe(0, [.rotateInt]).problem(height: 28, width: 20) == nil)
    #expect(recipe(0.5).problem(height: 28, width: 20) == nil)
  }

  @Test(arguments: [(1, 1), (1, 7), (7, 1), (2, 3), (12, 5)]) func imagesOfAnyShapeAreTaken(height: Int, width: Int) {
    let recipe = recipe(1, AugmentationKind.allCases.filter { $0 != .rotateInt })
    for channels in 1...4 {
      let image = Image(width: width, height: height, color: [UInt8](repeating: 200, count: channels))
      var random = StableRandom(2, UInt64(channels))
      // Of one colour, whatever is done to it.
      #expect(recipe.augment(image, random: &random).image == image)
    }
  }
}

@Suite("Augmented examples") struct AugmentedExampleTests {
  private func pipeline(_ album: Album, _ change: (inout AugmentationRecipe) -> Void = { _ in }) throws -> ExamplePipeline {
    var recipe = AugmentationRecipe()
    recipe.probability = 1
    change(&recipe)
    return try ExamplePipeline(album, augmentation: recipe, seed: 3)
  }

  @Test func comeWithTheLabelsOfWhatWasDoneAndDependOnTheirPositionAlone() throws {
    let album = Album(height: 5, width: 7), pipeline = try pipeline(album), plain = try ExamplePipeline(album, seed: 3)
    let examples = try (0..<6).map { try pipeline.example(0, at: $0) }
    for (position, example) in examples.enumerated() {
      #expect(example.augmentation?.count == 9 && example.augmentation?[2] != 0)
      #expect(try example.image != plain.example(0, at: position).image)
      #expect(try pipeline.example(0, at: position) == example)
    }
    #expect(Set(examples.map { $0.augmentation ?? [] }).count == 6)
    #expect(try plain.example(0, at: 0).augmentation == nil)
  }

  @Test func thatAreHeldOutAreLeftAsTheyAre() throws {
    let album = Album(height: 5, width: 7)
    let example = try pipeline(album).example(0, at: -1)
    #expect(try example.image == album[0].image() && example.augmentation == [Float](repeating: 0, count: 9))
  }

  @Test func ofAnotherShapeThanSquareAreNotTurnedByQuarters() throws {
    let error = #expect(throws: RecipeError.self) { try pipeline(Album(height: 5, width: 7)) { $0.kinds = [.rotateInt] } }
    #expect(error?.description.hasPrefix("augmentation.kinds: rotate_int needs square images, found 5 x 7") == true)
    _ = try pipeline(Album(height: 5, width: 5)) { $0.kinds = [.rotateInt] }
  }
}
