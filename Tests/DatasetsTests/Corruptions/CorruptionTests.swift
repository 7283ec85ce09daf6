import Imaging
import RecipeKit
import Testing

@testable import Datasets

@Suite("Every registered corruption") struct CorruptionContractTests {
  static let sizes = [(1, 1), (1, 5), (7, 3), (2, 1), (24, 17)]
  /// Those whose documentation says that strength 0 changes the picture; a new corruption is none of them unless it is listed here.
  static let inexactAtZero: Set = ["jpeg"]
  /// Those that depend on the random stream.
  static let random: Set = ["motion_blur", "noise", "color_jitter", "lq_resampling"]

  @Test(arguments: CorruptionRegistry.names.filter { !inexactAtZero.contains($0) }, 1...4)
  func strengthZeroLeavesThePictureUnchanged(name: String, channels: Int) throws {
    for (width, height) in Self.sizes {
      let image = Image.scene(width: width, height: height, channels: channels)
      #expect(try CorruptionRegistry.make(name).applied(to: image, strength: 0) == image, "\(width) x \(height)")
    }
  }

  @Test(arguments: CorruptionRegistry.names, 1...4)
  func sizeAndChannelsStayAndAlphaIsUntouched(name: String, channels: Int) throws {
    for (width, height) in Self.sizes {
      let image = Image.scene(width: width, height: height, channels: channels)
      let result = try CorruptionRegistry.make(name).applied(to: image)
      #expect(result.width == width && result.height == height && result.channels == channels)
      guard image.hasAlpha else { continue }
      let alpha = (0..<(width * height)).map { $0 * channels + channels - 1 }
      #expect(alpha.map { result.bytes[$0] } == alpha.map { image.bytes[$0] }, "\(width) x \(height)")
      let colors = try CorruptionRegistry.make(name).applied(to: image.withChannels(channels - 1))
      #expect(result.withChannels(channels - 1) == colors)
    }
  }

  @Test(arguments: CorruptionRegistry.names, [1, 3])
  func theDifferenceFromThePictureGrowsWithTheStrength(name: String, channels: Int) throws {
    if name == "grey" && channels == 1 { return }
    let image = Image.scene(width: 56, height: 48, channels: channels)
    for seed in 0..<4 as Range<UInt64> {
      let differences = try stride(from: 0, through: 1, by: 0.25).map { strength in
        try CorruptionRegistry.make(name).applied(to: image, strength: strength, seed: seed).meanSquaredDifference(from: image)
      }
      #expect(zip(differences, differences.dropFirst()).allSatisfy(<), "seed \(seed): \(differences)")
    }
  }

  @Test(arguments: CorruptionRegistry.names) func theSameStreamGivesTheSamePicture(name: String) throws {
    let image = Image.scene(width: 20, height: 12, channels: 3), corruption = try CorruptionRegistry.make(name)
    let results = try (0..<6 as Range<UInt64>).map { try corruption.applied(to: image, strength: 0.7, seed: $0) }
    #expect(try results == (0..<6 as Range<UInt64>).map { try corruption.applied(to: image, strength: 0.7, seed: $0) })
    #expect(
      (Set(results.map(\.bytes)).count > 1) == Self.random.contains(name),
      "'\(name)' depends on the random stream or does not; list it in CorruptionContractTests.random accordingly")
  }

  /// JPEG is the library's; the rest is our arithmetic, which no machine and no version may change.
  @Test(
    arguments: [
      ("gaussian_blur", 5985001326896190373), ("motion_blur", 8279243747804627726), ("noise", 9389303567135970842),
      ("color_quantization", 4227002019000041319), ("color_jitter", 14532636693861604012), ("saturation", 11668637196979938416),
      ("grey", 6727314336079987159),
    ] as [(String, UInt64)])
  func thePictureIsTheSameOnEveryMachine(name: String, sum: UInt64) throws {
    let result = try CorruptionRegistry.make(name).applied(to: .scene(width: 24, height: 17, channels: 3), strength: 0.6, seed: 3)
    // Fowler, Noll and Vo's hash, FNV-1a.
    #expect(result.bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 } == sum)
  }
}

@Suite("JPEG corruption") struct JPEGCompressionTests {
  @Test(arguments: [
    ("low", 25, 20, 15), ("medium", 48, 35, 23), ("broad", 75, 45, 15), ("normal", 82, 64, 47),
  ])
  func theRangeGoesFromItsBestQualityToItsWorst(range: String, best: Int, middle: Int, worst: Int) throws {
    let recipe = try JPEGCompression(yaml: "range: \(range)")
    #expect([0, 0.5, 1].map(recipe.quality) == [best, middle, worst])
  }

  @Test func boundsStandInPlaceOfTheRangesEnds() throws {
    #expect([0, 0.49, 0.99, 1].map(try JPEGCompression(yaml: "{ min_quality: 10, max_quality: 30 }").quality) == [30, 20, 10, 10])
    #expect([0, 1].map(try JPEGCompression(yaml: "{ range: medium, max_quality: 90 }").quality) == [90, 23])
    #expect([0, 0.3, 1].map(try JPEGCompression(yaml: "{ min_quality: 40, max_quality: 40 }").quality) == [40, 40, 40])
  }

  @Test func thePictureIsThatOfAFileOfThisQualityWithHalvedColour() throws {
    let image = Image.scene(width: 40, height: 24, channels: 3)
    let expected = try Image(decoding: image.encoded(as: .jpeg(quality: 45)))
    #expect(try JPEGCompression().applied(to: image, strength: 0.5) == expected)
    let best = try Image(decoding: image.encoded(as: .jpeg(quality: 95, subsampling: .half)))
    #expect(try JPEGCompression(yaml: "max_quality: 95").applied(to: image, strength: 0) == best)
  }
}

@Suite("Blurs") struct BlurTests {
  private func point(side: Int) -> Image {
    var image = Image(width: side, height: side, color: [0])
    image[side / 2, side / 2] = 255
    return image
  }

  @Test func theGaussianOfAnEdgeIsTheClosedFormWithinALevel() throws {
    var blur = GaussianBlur()
    blur.sigma = 2
    // Deviation 1.5, so five pixels to each side.
    let weights = (-5...5).map { StableMath.decay(Double($0 * $0) / (2 * 1.5 * 1.5)) }
    let sum = weights.reduce(0, +)
    // What of the weights lies on the bright side of the edge at 10.
    let expected = (0..<20).map { x in 255 * weights[min(11, max(0, 15 - x))...].reduce(0, +) / sum }
    let edge = [UInt8](repeating: 0, count: 10) + [UInt8](repeating: 255, count: 10)
    for (width, height) in [(20, 1), (1, 20)] {
      let result = try blur.applied(to: Image(width: width, height: height, channels: 1, bytes: edge), strength: 0.75)
      #expect(zip(result.bytes, expected).allSatisfy { abs(Double($0) - $1) < 1 }, "\(result.bytes)")
    }
  }

  @Test(arguments: ["gaussian_blur", "motion_blur"]) func anEvenPictureStaysAsItIs(name: String) throws {
    for level in [0, 1, 127, 254, 255] as [UInt8] {
      let image = Image(width: 9, height: 4, color: [level, 255 - level, 3])
      for seed in 0..<5 as Range<UInt64> { #expect(try CorruptionRegistry.make(name).applied(to: image, seed: seed) == image) }
    }
  }

  @Test func aLevelLineStaysInItsRowAndAnUprightOneInItsColumn() throws {
    for (angle, isLevel) in [(0, true), (90, false), (180, true), (-90, false)] {
      let result = try MotionBlur(yaml: "{ size: 7, angle: \(angle) }").applied(to: point(side: 15))
      let row = (0..<15).map { result[7, $0] }, column = (0..<15).map { result[$0, 7] }
      // Six pixels of line, shared between neighbours: five whole sixths and two halves, rounded.
      let expected = [0, 0, 0, 0, 21.25, 42.5, 42.5, 42.5, 42.5, 42.5, 21.25, 0, 0, 0, 0]
      #expect(zip(isLevel ? row : column, expected).allSatisfy { abs(Double($0) - $1) < 0.6 }, "\(angle)")
      #expect((isLevel ? column : row).filter { $0 > 0 }.count == 1)
    }
  }

  @Test func anglesCountCounterClockwise() throws {
    let result = try MotionBlur(yaml: "{ size: 7, angle: 45 }").applied(to: point(side: 15))
    #expect(result[6, 8] > 20 && result[8, 6] > 20 && result[6, 6] == 0 && result[8, 8] == 0)
  }
}

@Suite("Noise") struct GaussianNoiseTests {
  @Test(arguments: [(1.0, 20.0), (0.25, 20), (1, 4)]) func hasTheDeviationThatTheStrengthSays(strength: Double, levels: Double) throws {
    let image = Image(width: 128, height: 64, color: [128, 128, 128])
    let noise = try GaussianNoise(yaml: "levels: \(levels)").applied(to: image, strength: strength).bytes.map { Double($0) - 128 }
    let variance = noise.map { $0 * $0 }.mean - 1.0 / 12
    let expected = levels * strength
    // 24,576 numbers: the mean is off by 1/157 of the deviation, the variance by 1/111 of itself; rounding to levels adds 1/12.
    #expect(abs(noise.mean) < 4 * expected / 157)
    #expect(abs(variance / (expected * expected) - 1) < 4.0 / 111)
  }

  @Test func everySampleHasItsOwn() throws {
    let noise = try GaussianNoise().applied(to: Image(width: 64, height: 64, color: [128, 128, 128]))
    let differences = noise.bytes.map { Double($0) - 128 }
    let products = stride(from: 0, to: differences.count, by: 3).map { differences[$0] * differences[$0 + 1] }
    // The mean product of 4,096 independent pairs has the deviation 25² / 64, about 10.
    #expect(abs(products.mean) < 40)
  }
}

@Suite("Changes of colour") struct ColorCorruptionTests {
  private static let ramp = Image(width: 256, height: 1, channels: 1, bytes: (0...255).map { UInt8($0) })

  @Test(arguments: [(0, 256), (0.2, 128), (0.4, 64), (0.6, 32), (0.8, 16), (1, 8)])
  func quantizationLeavesAsManyLevelsAsBitsSay(strength: Double, levels: Int) throws {
    let result = try ColorQuantization().applied(to: Self.ramp, strength: strength).bytes
    #expect(Set(result).count == levels && result.first == 0 && result.last == 255)
    #expect(zip(result, Self.ramp.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 256 / levels / 2 + 16 })
  }

  @Test func saturationRaisesUpToWhite() throws {
    let saturation = try Saturation(yaml: "lift: 0.4")
    #expect(try saturation.applied(to: Self.ramp, strength: 0.5).bytes == (0...255).map { UInt8(min(255, $0 + 51)) })
  }

  @Test func greyAtFullStrengthIsTheLuma() throws {
    let image = Image.scene(width: 20, height: 9, channels: 3)
    #expect(try Grey().applied(to: image) == image.withChannels(1).withChannels(3))
    let half = try Grey().applied(to: Image(width: 1, height: 1, color: [200, 0, 0]), strength: 0.5)
    #expect(half.bytes == [130, 30, 30])
  }

  @Test func aThirdOfATurnOfTheHueExchangesTheChannels() {
    let matrix = ColorJitter.matrix(gain: 1, colorfulness: 1, turns: 1.0 / 3)
    #expect(zip(matrix, [0, 0, 1, 1, 0, 0, 0, 1, 0]).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test func withoutColourfulnessOnlyTheLumaIsLeftAndGreysStayGrey() {
    #expect(
      ColorJitter.matrix(gain: 2, colorfulness: 0, turns: 0.1).map { ($0 * 1000).rounded() } == [
        598, 1174, 228, 598, 1174, 228, 598, 1174, 228,
      ])
    let matrix = ColorJitter.matrix(gain: 1.25, colorfulness: 1.5, turns: 0.4)
    for row in 0..<3 { #expect(abs(matrix[3 * row..<3 * row + 3].reduce(0, +) - 1.25) < 1e-12) }
  }

  @Test func brightnessAloneMultiplies() throws {
    let jitter = try ColorJitter(yaml: "{ brightness: 0.5, contrast: 0, saturation: 0, hue: 0 }")
    let image = Image(width: 2, height: 1, channels: 3, bytes: [100, 100, 100, 20, 60, 0])
    let result = try jitter.applied(to: image, strength: 0.8).bytes.map(Double.init)
    let gain = result[0] / 100
    #expect(gain != 1 && gain >= 0.6 && gain <= 1.4)
    #expect(abs(result[3] - 20 * gain) < 1 && abs(result[4] - 60 * gain) < 1 && result[5] == 0)
  }

  @Test func contrastAloneKeepsTheMean() throws {
    let jitter = try ColorJitter(yaml: "{ brightness: 0, contrast: 0.5, saturation: 0, hue: 0 }")
    for seed in 0..<4 as Range<UInt64> {
      let result = try jitter.applied(to: Image(width: 3, height: 1, channels: 1, bytes: [80, 120, 100]), seed: seed).bytes
      #expect(result[2] == 100 && result[0] != 80 && Int(result[0]) + Int(result[1]) == 200)
    }
  }
}

@Suite("Low-quality resampling") struct LowQualityResamplingTests {
  @Test func atFullStrengthThePictureHasBlocksOfTheFactor() throws {
    let resampling = try LowQualityResampling(yaml: "{ factor: 4, filters: [box], enlargement: nearest }")
    let image = Image.scene(width: 16, height: 12, channels: 3)
    #expect(try resampling.applied(to: image) == image.resized(width: 4, height: 3, filter: .box).magnified(by: 4))
    #expect(
      try resampling.applied(to: image, strength: 1.0 / 3)
        == image.resized(width: 8, height: 6, filter: .box).magnified(by: 2))
  }

  @Test func everyFilterOfTheListIsDrawn() throws {
    let resampling = try LowQualityResampling(yaml: "{ filters: [nearest, box], enlargement: nearest }")
    let image = Image.scene(width: 16, height: 16, channels: 1)
    let results = try Set((0..<20 as Range<UInt64>).map { try resampling.applied(to: image, seed: $0).bytes })
    #expect(results.count == 2)
  }
}

@Suite("Functions that are the same everywhere") struct StableMathTests {
  @Test func theyAgreeWithTheClosedFormsAtKnownPlaces() {
    #expect(abs(StableMath.versine(.pi / 2) - 1) < 1e-15 && StableMath.versine(0) == 0)
    #expect(abs(StableMath.versine(.pi / 3) - 0.5) < 1e-15)
    #expect(abs(StableMath.versine(1e-5) / 5e-11 - 1) < 1e-9)
    for (turns, cosine, sine) in [
      (0, 1, 0), (0.25, 0, 1), (0.5, -1, 0), (0.75, 0, -1), (1, 1, 0), (-0.25, 0, -1), (1.0 / 12, 0.75.squareRoot(), 0.5),
    ] {
      let direction = StableMath.direction(turns: turns)
      #expect(abs(direction.cosine - cosine) < 1e-15 && abs(direction.sine - sine) < 1e-15, "\(turns)")
    }
    #expect(StableMath.decay(0) == 1 && StableMath.decay(1e6) == 0)
    #expect(abs(StableMath.decay(1) - 0.36787944117144233) < 1e-15)
    #expect(abs(StableMath.decay(20) / 2.061153622438558e-9 - 1) < 1e-13)
  }

  @Test func everyDirectionHasLengthOne() {
    for step in 0..<200 {
      let direction = StableMath.direction(turns: Double(step) / 200)
      #expect(abs(direction.cosine * direction.cosine + direction.sine * direction.sine - 1) < 1e-15)
    }
  }
}
