import Failures
import Foundation
import Imaging
import Testing

@testable import Workflows

/// The model of these tests gives back what it is given, so that results are known to the last bit.
@Suite("Restored files") struct RestoredFileTests {
  let shop: RestorationShop

  init() throws { shop = try RestorationShop() }

  private struct Kind {
    let name: String, colors: TinyTIFF.Colors, hasAlpha: Bool, isDeep: Bool
  }
  private static let kinds = [
    Kind(name: "grey", colors: .grey, hasAlpha: false, isDeep: false), Kind(name: "rgb", colors: .rgb, hasAlpha: false, isDeep: false),
    Kind(name: "grey-alpha", colors: .grey, hasAlpha: true, isDeep: false), Kind(name: "rgba", colors: .rgb, hasAlpha: true, isDeep: false),
    Kind(name: "grey16", colors: .grey, hasAlpha: false, isDeep: true), Kind(name: "rgb16", colors: .rgb, hasAlpha: false, isDeep: true),
    Kind(name: "rgba16", colors: .rgb, hasAlpha: true, isDeep: true), Kind(name: "cmyk", colors: .cmyk, hasAlpha: false, isDeep: false),
  ]

  private static func tiff(_ kind: Kind, _ width: Int, _ height: Int, orientation: Int = 1) -> TinyTIFF {
    var tiff = TinyTIFF(width: width, height: height, colors: kind.colors, hasAlpha: kind.hasAlpha, isDeep: kind.isDeep, samples: [])
    tiff.orientation = orientation
    let most = kind.isDeep ? 65_535 : 255, channels = tiff.channels
    tiff.samples = (0..<(width * height * channels)).map { index in
      let isOpacity = kind.hasAlpha && index % channels == channels - 1
      return isOpacity ? [most, 0, most / 2][index / channels % 3] : (index * 40_503 + orientation) % (most + 1)
    }
    return tiff
  }

  @Test func everyOrientationKindAndSmallSizeComesBackUprightAndUnchanged() throws {
    for kind in Self.kinds {
      for orientation in 1...8 {
        for (width, height) in [(1, 1), (2, 3), (7, 2), (33, 70)] {
          let bytes = Self.tiff(kind, width, height, orientation: orientation).bytes
          _ = try shop.folder.write(bytes, to: "in/\(kind.name)-\(orientation)-\(width).tif")
        }
      }
    }
    let job = try shop.run(["\(shop.path)/in"], to: "out") { $0.format = "png" }
    #expect(job.failures == [] && job.outcomes.count == Self.kinds.count * 8 * 4)
    for outcome in job.outcomes {
      let before = try PictureReader(file: outcome.input), after = try PictureReader(file: outcome.output)
      #expect((after.width, after.height) == (before.width, before.height) && after.isDeep == before.isDeep, "\(outcome.input)")
      #expect(after.channels == before.channels, "\(outcome.input)")
      guard before.width == after.width, before.channels == after.channels else { continue }
      if before.isDeep {
        #expect(try Self.isSame(before.deepImage(), after.deepImage(), within: 1), "\(outcome.input)")
      } else {
        #expect(try Self.isSame(before.image(), after.image(), within: 0), "\(outcome.input)")
      }
    }
    #expect(job.outcomes.filter { $0.input.contains("cmyk") }.allSatisfy { $0.remarks == ["converted from CMYK to sRGB"] })
    #expect(shop.names("out").allSatisfy { !$0.hasPrefix(".") })
  }

  /// Colour that cannot be seen does not count. 16 bits go through float32 on [−1, 1], which costs the last one.
  private static func isSame<Picture: Raster>(_ a: Picture, _ b: Picture, within tolerance: Int) -> Bool {
    let channels = a.channels, hasAlpha = channels.isMultiple(of: 2)
    return a.samples.indices.allSatisfy { index in
      let isHidden = hasAlpha && index % channels != channels - 1 && a.samples[index / channels * channels + channels - 1] == 0
      return isHidden || abs(Int(a.samples[index]) - Int(b.samples[index])) <= tolerance
    }
  }

  @Test(arguments: [(1.5, [1.5]), (2, [2]), (3, [2, 4]), (4, [2, 4])] as [(Double, [Double])])
  func aScaleIsReachedByBicubicPassesAndLanczos(scale: Double, passes: [Double]) throws {
    let picture = RestorationShop.picture(21, 13), source = try shop.put(picture, at: "a.png")
    let job = try shop.run([source], to: "b.png") { $0.scale = scale }
    var expected = picture
    for pass in passes {
      expected = try expected.resized(width: Int((21 * pass).rounded()), height: Int((13 * pass).rounded()), filter: .bicubic)
    }
    expected = try expected.resized(width: Int((21 * scale).rounded()), height: Int((13 * scale).rounded()))
    #expect(try Image(file: "\(shop.path)/b.png") == expected)
    #expect(job.outcomes[0].strengths["reduction"] == min(scale - 1, 1) && job.outcomes[0].resultWidth == Int((21 * scale).rounded()))
  }

  @Test func opacityStaysCrispAndHiddenColourDoesNotBleed() throws {
    // White on the left, hidden black on the right.
    var picture = Image(width: 20, height: 10, color: [255, 255, 255, 255])
    for row in 0..<10 { for column in 10..<20 { for channel in 0..<4 { picture[row, column, channel] = 0 } } }
    let source = try shop.put(picture, at: "a.png")
    try shop.run([source], to: "b.png") { $0.scale = 2 }
    let result = try Image(file: "\(shop.path)/b.png")
    #expect(result.channels == 4 && result[5, 3, 3] == 255 && result[5, 36, 3] == 0)
    for column in 0..<40 where result[5, column, 3] > 0 { #expect((0..<3).allSatisfy { result[5, column, $0] == 255 }) }
    try shop.run([source], to: "b.jpg") { $0.scale = 2 }
    #expect(try Image(file: "\(shop.path)/b.jpg")[10, 38, 0] >= 254)
  }

  @Test func jpegAndWebPTakeEightBitsAndTIFFSixteen() throws {
    let source = try shop.folder.write(Self.tiff(Self.kinds[5], 24, 16).bytes, to: "a.tif")
    for (name, isDeep) in [("b.jpg", false), ("b.webp", false), ("b.tif", true), ("b.png", true)] {
      #expect(try shop.run([source], to: name).failures == [])
      let reader = try PictureReader(file: "\(shop.path)/\(name)")
      #expect(reader.isDeep == isDeep && reader.width == 24 && reader.channels == 3, "\(name)")
    }
  }

  @Test func exifIsKeptAndItsOrientationIsApplied() throws {
    let stored = RestorationShop.picture(16, 8), model = Array("Tiny Camera\0".utf8)
    // Big-endian TIFF of two entries: the camera, whose text follows at 38, and orientation 6.
    let exif: [UInt8] =
      Array("Exif\0\0MM".utf8) + [0, 42, 0, 0, 0, 8, 0, 2] + [0x01, 0x10, 0, 2, 0, 0, 0, UInt8(model.count), 0, 0, 0, 38]
      + [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0] + [0, 0, 0, 0] + model
    let jpeg = try stored.encoded(as: .jpeg(quality: 95))
    let source = try shop.folder.write(Array(jpeg[..<2]) + [0xFF, 0xE1, 0, UInt8(exif.count + 2)] + exif + jpeg[2...], to: "a.jpg")
    for name in ["b.jpg", "b.png", "b.webp"] {
      #expect(try shop.run([source], to: name).failures == [])
      let reader = try PictureReader(file: "\(shop.path)/\(name)")
      #expect(reader.width == 8 && reader.height == 16, "turned once: \(name)")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(shop.path)/\(name)"))
      #expect(bytes.range(of: Data("Tiny Camera".utf8)) != nil && bytes.range(of: Data("Sfumato".utf8)) != nil, "\(name)")
    }
  }

  @Test func aProfileIsKeptWithItsNumbersOrConverted() throws {
    var tiff = Self.tiff(Self.kinds[1], 12, 9)
    // A gamma of 1.8.
    tiff.profile = TinyProfile(gamma: 460).bytes
    let source = try shop.folder.write(tiff.bytes, to: "a.tif")
    let kept = try shop.run([source], to: "kept.png").outcomes[0]
    #expect(kept.remarks.isEmpty)
    #expect(try PictureReader(file: kept.output, profiles: .ignored).image().bytes.map { Int($0) } == tiff.samples)
    #expect(try PictureReader(file: kept.output).metadata().profile != nil)
    #expect(try Image(file: kept.output) == Image(file: source))
    let converted = try shop.run([source], to: "srgb.png") { $0.profile = .srgb }.outcomes[0]
    #expect(converted.remarks == ["converted to sRGB"])
    #expect(try PictureReader(file: converted.output).metadata().profile == nil)
    #expect(try Image(file: converted.output) == Image(file: source))
  }

  @Test(arguments: [nil, 256] as [Int?]) func aProfileInProportionToLightIsConverted(gamma: Int?) throws {
    var tiff = Self.tiff(Self.kinds[1], 4, 4)
    (tiff.samples, tiff.profile) = ([Int](repeating: 55, count: 48), TinyProfile(gamma: gamma).bytes)
    let source = try shop.folder.write(tiff.bytes, to: "a.tif")
    let outcome = try shop.run([source], to: "b.png").outcomes[0]
    #expect(outcome.remarks == ["converted to sRGB from a profile in proportion to light"])
    // 55 / 255 of the light is 128 or so in sRGB.
    #expect(try (125...131).contains(Image(file: outcome.output)[1, 1, 1]))
  }

  @Test func sidesOf60000AreRestoredAndFormatsThatEndBeforeAreRefused() throws {
    let source = try shop.put(RestorationShop.picture(2, 60_000, channels: 1), at: "long.png")
    #expect(try shop.run([source], to: "b.png").failures == [])
    #expect(try Image(file: "\(shop.path)/b.png") == Image(file: source))
    let refused = try shop.run([source], to: "b.webp")
    #expect(refused.failures.first?.problem.contains("WebP holds at most 16383") == true && refused.written.isEmpty)
    let large = try shop.run([source], to: "c.jpg") { $0.scale = 2 }
    #expect(large.failures.first?.problem.contains("JPEG holds at most 65535") == true)
    #expect(!shop.names().contains("b.webp") && !shop.names().contains("c.jpg"))
  }
}
