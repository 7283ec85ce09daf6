import Imaging
import Testing

@testable import Datasets

@Suite("Glyphs") struct GlyphTests {
  @Test func theSameSeedAndIndexGiveTheSameImage() throws {
    let a = GlyphDataset(size: 20, seed: 3), b = GlyphDataset(size: 20, count: 7, seed: 3)
    for index in [0, 1, 35, 36, 99_999, 1 << 40] { #expect(a[index] == b[index]) }
    #expect(a[5] != GlyphDataset(size: 20, seed: 4)[5])
  }

  @Test func imagesAreTheSameOnEveryMachineAndInEveryVersion() {
    let set = GlyphDataset(seed: 1)
    let sums = [0, 13, 500, 123_456].map { index in
      set.image(at: index).bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
    #expect(
      sums == [
        1_283_961_666_251_695_585, 220_432_774_766_795_647, 8_207_399_027_585_590_194, 7_167_830_771_244_950_697,
      ])
  }

  @Test(arguments: [(GlyphDataset.Classes.all, 36), (.digits, 10), (.letters, 26)])
  func classesTakeTurns(classes: GlyphDataset.Classes, count: Int) {
    let set = GlyphDataset(size: 8, classes: classes)
    #expect(set.classNames.count == count)
    #expect((0..<(2 * count)).map { set[$0].label } == (0..<(2 * count)).map { $0 % count })
    #expect(set.classNames.first == (classes == .letters ? "A" : "0"))
    #expect(set.classNames.last == (classes == .digits ? "9" : "Z"))
  }

  @Test func aSubsetHoldsTheCharactersThatItsNameSays() {
    // The mean of some images of a class is nearer to the same class of the whole set than to any other.
    let whole = means(GlyphDataset(size: 12, seed: 1), perClass: 12)
    for (classes, offset) in [(GlyphDataset.Classes.digits, 0), (.letters, 10)] {
      let part = means(GlyphDataset(size: 12, classes: classes, seed: 2), perClass: 12)
      let right = part.indices.filter { nearest(to: part[$0], among: whole) == $0 + offset }.count
      #expect(right >= part.count * 8 / 10)
    }
  }

  @Test func everyClassDiffersFromEveryOtherInItsMean() {
    let set = GlyphDataset(size: 14, seed: 11)
    let learned = means(set, perClass: 50)
    var right = [Int](repeating: 0, count: 36)
    for index in (36 * 50)..<(36 * 62) {
      if nearest(to: set.image(at: index).bytes.map(Double.init), among: learned) == index % 36 { right[index % 36] += 1 }
    }
    let accuracy = Double(right.reduce(0, +)) / (36 * 12)
    #expect(accuracy > 0.8, "\(zip(set.classNames, right).filter { $0.1 < 10 })")
    // Chance is a third of one in twelve.
    #expect(right.min()! >= 4, "\(zip(set.classNames, right).filter { $0.1 < 4 })")
  }

  @Test func twoImagesOfAClassDiffer() {
    let set = GlyphDataset(size: 16, seed: 2)
    for label in 0..<36 {
      let a = set.image(at: label).bytes, b = set.image(at: label + 36).bytes
      let difference = zip(a, b).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      #expect(difference > 2000, "class \(set.classNames[label])")
    }
  }

  @Test func theSameImageAtTwiceTheSizeShowsTheSame() throws {
    let small = GlyphDataset(size: 28, seed: 6), large = GlyphDataset(size: 56, seed: 6)
    for index in 0..<36 {
      let reduced = try large.image(at: index).resized(width: 28, height: 28, filter: .box)
      let difference = zip(small.image(at: index).bytes, reduced.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      // Edges are a little sharper, grain is finer: 5 of 255 on average, where two images of a class differ by 30.
      #expect(Double(difference) / 784 < 5, "index \(index)")
    }
  }

  @Test func inkStaysOffTheBorderAndIsNeitherScarceNorEverywhere() {
    let set = GlyphDataset(seed: 8)
    for index in 0..<108 {
      let image = set.image(at: index)
      let border = (0..<28).flatMap { [image[0, $0], image[27, $0], image[$0, 0], image[$0, 27]] }
      #expect(border.allSatisfy { $0 < 40 }, "index \(index)")
      let inked = image.bytes.filter { $0 > 127 }.count
      #expect((25...330).contains(inked), "index \(index): \(inked) pixels")
      #expect(image.bytes.max()! > 170, "index \(index)")
    }
  }

  @Test func everyShapeLiesWithinItsLines() {
    for (name, shapes) in zip(GlyphAlphabet.names, GlyphAlphabet.shapes) {
      #expect(shapes.count >= 2, "\(name)")
      for knot in shapes.flatMap(\.strokes).joined() {
        #expect((0...105).contains(knot.y) && (0...95).contains(knot.x), "\(name)")
      }
      #expect(shapes.flatMap(\.strokes).allSatisfy { $0.count >= 2 }, "\(name)")
    }
  }

  private func means(_ set: GlyphDataset, perClass: Int) -> [[Double]] {
    let classes = set.classNames.count, pixels = set.image(at: 0).bytes.count
    var sums = [[Double]](repeating: [Double](repeating: 0, count: pixels), count: classes)
    for index in 0..<(perClass * classes) {
      for (pixel, value) in set.image(at: index).bytes.enumerated() { sums[index % classes][pixel] += Double(value) }
    }
    return sums.map { $0.map { $0 / Double(perClass) } }
  }

  private func nearest(to image: [Double], among means: [[Double]]) -> Int {
    let distances = means.map { mean in zip(mean, image).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
    return distances.indices.min { distances[$0] < distances[$1] }!
  }
}
