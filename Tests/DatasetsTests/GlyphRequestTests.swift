import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("Glyphs on request") struct GlyphRequestTests {
  private func set(_ yaml: String) throws -> GlyphDataset { try GlyphDataset(GlyphDataset.Recipe(yaml: yaml)) }

  private func complaint(_ yaml: String) -> String {
    (#expect(throws: RecipeError.self) { try set(yaml) })?.description ?? ""
  }

  // MARK: Classes

  @Test func aListOfCharactersIsTheClassesInItsOrder() throws {
    let some = try set("classes: [B, 7, A]"), whole = GlyphDataset(seed: 0)
    #expect(some.classNames == ["B", "7", "A"])
    #expect((0..<6).map { some[$0].label } == [0, 1, 2, 0, 1, 2])
    // The shapes are those of the names: nearer to the mean of its class than to the other two.
    let means = ["B", "7", "A"].map { name in mean(whole, try! #require(whole.classNames.firstIndex(of: name)), of: 36) }
    for (label, own) in (0..<3).map({ ($0, mean(some, $0, of: 3)) }) {
      #expect(means.indices.min { distance(means[$0], own) < distance(means[$1], own) } == label)
    }
  }

  private func mean(_ set: GlyphDataset, _ label: Int, of classes: Int) -> [Double] {
    let images = (0..<12).map { set.image(at: label + $0 * classes).bytes }
    return images[0].indices.map { pixel in images.reduce(0) { $0 + Double($1[pixel]) } / 12 }
  }

  private func distance(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }

  @Test func wordsAndCharactersMix() throws {
    #expect(try set("classes: [digits, X]").classNames == (0...9).map(String.init) + ["X"])
    #expect(try set("classes: Q").classNames == ["Q"])
    #expect(try set("classes: [letters, digits]").classNames.prefix(2) == ["A", "B"])
    #expect(GlyphDataset.Classes(["A", "A"]) == nil && GlyphDataset.Classes(["A", "B"])?.names == ["A", "B"])
  }

  @Test func unknownGlyphsAreRefused() {
    #expect(complaint("classes: [A, b]").contains("classes: there is no glyph 'b'; expected 0 to 9, A to Z, all, digits or letters"))
    #expect(complaint("classes: digit").contains("there is no glyph 'digit'"))
    #expect(complaint("classes: [digits, 3]").contains("expected each character once, found 3 again"))
    #expect(complaint("classes: []").contains("expected at least one character"))
  }

  @Test(arguments: [
    "classes: all", "classes: [N, \"7\", Y]", "classes: letters", "size: 40", "size: [20, 64]", "ink: \"#1c348c\"", "ink: natural",
    "{ ink: random, paper: white, channels: 3 }", "ink: black\npaper: white",
  ])
  func aPrintedRecipeReadsTheSame(yaml: String) throws {
    let recipe = try GlyphDataset.Recipe(yaml: yaml)
    #expect(try GlyphDataset.Recipe(yaml: recipe.yaml()) == recipe, "\(recipe.yaml())")
    #expect(yaml.contains("{") || yaml.split(separator: "\n").allSatisfy { recipe.yaml().contains($0) }, "\(recipe.yaml())")
  }

  // MARK: Sizes

  @Test(arguments: [(24, 60), (60, 24), (28, 120), (120, 28)]) func anyRectangleHoldsTheWholeCharacter(height: Int, width: Int) throws {
    let set = try set("size: [\(height), \(width)]")
    #expect(set.shape == ImageShape(height: height, width: width, channels: 1))
    for index in stride(from: 0, to: 72, by: 5) {
      let image = set.image(at: index)
      #expect((image.height, image.width) == (height, width))
      let rows = (0..<height).filter { y in (0..<width).contains { image[y, $0] > 127 } }
      let columns = (0..<width).filter { x in (0..<height).contains { image[$0, x] > 127 } }
      let (top, bottom, left, right) = (rows.first ?? 0, rows.last ?? 0, columns.first ?? 0, columns.last ?? 0)
      #expect(top > 0 && bottom < height - 1 && left > 0 && right < width - 1, "index \(index)")
      // In the middle, and as large as the shorter side lets it be.
      #expect(abs(top + bottom - height + 1) <= max(6, height / 4) && abs(left + right - width + 1) <= max(6, width / 4), "index \(index)")
      #expect(max(bottom - top, right - left) * 5 >= 2 * min(height, width), "index \(index)")
    }
  }

  @Test func sizesOutOfRangeAreRefused() {
    #expect(complaint("size: [28, 4]") == "recipe:1: size: expected 8 to 1024 pixels, found 4")
    #expect(complaint("size: 2000") == "recipe:1: size: expected 8 to 1024 pixels, found 2000")
    #expect(complaint("size: [1, 2, 3]").contains("[height, width]"))
  }

  // MARK: Colours

  @Test func channelsAreAsManyAsTheColoursNeed() throws {
    #expect(try set("size: 8").channels == 1)
    #expect(try set("{ ink: black, paper: \"#c8c8c8\" }").channels == 1)
    #expect(try set("{ ink: \"#102080\" }").channels == 3)
    #expect(try set("{ ink: natural }").channels == 3)
    #expect(try set("{ ink: random, channels: 1 }").channels == 1)
    #expect(try set("{ channels: 3 }").image(at: 4) == GlyphDataset().image(at: 4).withChannels(3))
    #expect(complaint("channels: 4").contains("channels: expected 1 or 3, found 4"))
  }

  @Test func blackOnWhiteIsTheNegative() throws {
    let negative = try set("{ ink: black, paper: white }")
    for index in 0..<20 {
      // Rounded the other way, half-way between two bytes.
      let pairs = zip(negative.image(at: index).bytes, GlyphDataset().image(at: index).bytes)
      #expect(pairs.allSatisfy { abs(255 - Int($0.0) - Int($0.1)) <= 1 })
    }
  }

  @Test func theSameIsWrittenInWhateverColours() throws {
    let plain = GlyphDataset(seed: 0)
    for ink in ["natural", "random"] {
      let colored = try set("{ ink: \(ink), paper: \(ink) }")
      for index in 0..<12 {
        let image = colored.image(at: index), written = plain.image(at: index)
        // Where no ink shows on black, none does elsewhere, but for what was rounded away.
        for pixel in 0..<784 where written.bytes[pixel] == 0 {
          #expect((0..<3).allSatisfy { abs(Int(image.bytes[3 * pixel + $0]) - Int(image.bytes[$0])) <= 1 })
        }
        #expect(Set(image.bytes).count > 30)
      }
    }
  }

  @Test func colouredInkLiesBetweenItsColourAndThePapers() throws {
    let set = try set("{ ink: \"#203080\", paper: \"#f0e0c0\" }")
    let pixels = set.image(at: 8).bytes
    for start in stride(from: 0, to: pixels.count, by: 3) {
      #expect(
        (0x20...0xF0).contains(pixels[start]) && (0x30...0xE0).contains(pixels[start + 1]) && (0x80...0xC0).contains(pixels[start + 2]))
    }
    #expect(Array(pixels.prefix(3)) == [0xF0, 0xE0, 0xC0])
    #expect(pixels.min()! < 0x50)
  }

  @Test(arguments: [
    (GlyphDataset.Color.random, GlyphDataset.Color.random), (.random, .natural), (.random, .rgb(red: 120, green: 130, blue: 140)),
    (.rgb(red: 128, green: 128, blue: 128), .random), (.random, .white), (.random, .black), (.natural, .natural),
  ])
  func inkDiffersFromPaper(ink: GlyphDataset.Color, paper: GlyphDataset.Color) {
    var seen = Set<SIMD3<Double>>()
    for index in 0..<500 as Range<UInt64> {
      var random = StableRandom(1, index)
      let colors = InkColors(ink: ink, paper: paper, random: &random)
      #expect(abs(InkColors.luma(colors.ink) - InkColors.luma(colors.paper)) > InkColors.contrast - 0.001)
      for value in colors.values(colors.ink, channels: 3) + colors.values(colors.paper, channels: 3) { #expect((0...255).contains(value)) }
      seen.insert(colors.ink + 1000 * colors.paper)
    }
    #expect(seen.count > 450)
  }

  @Test func naturalInkIsDarkOnLightPaper() {
    for index in 0..<200 as Range<UInt64> {
      var random = StableRandom(7, index)
      let colors = InkColors(ink: .natural, paper: .natural, random: &random)
      #expect(InkColors.luma(colors.paper) > 200 && InkColors.luma(colors.ink) < 110)
    }
  }

  @Test func invalidColoursAreRefused() {
    for text in ["blue", "'#12345'", "'#12345g'", "'123456'", "''"] {
      #expect(complaint("ink: \(text)").contains("ink: expected white, black, natural, random or a colour such as \"#1c348c\""))
    }
    #expect(complaint("{ ink: black, paper: black }").contains("ink: expected another colour than that of the paper"))
  }
}
