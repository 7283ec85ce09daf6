import Imaging
import Testing

@Suite("Resampling without rounding") struct FloatResamplingTests {
  private func pattern(_ width: Int, _ height: Int, channels: Int = 1) -> Image {
    let bytes = (0..<(width * height)).flatMap { place -> [UInt8] in
      let (r, c) = (place / width, place % width)
      return (0..<channels).map { UInt8((r * 37 + c * 91 + (r * c) % 7 * 29 + $0 * 50) % 256) }
    }
    return Image(width: width, height: height, channels: channels, bytes: bytes)
  }

  /// By Pillow's `resize` with `BICUBIC`, mode F.
  static let cases: [(from: (Int, Int), to: (Int, Int), samples: [Float])] = [
    (
      (5, 4), (3, 7),
      [
        36.32781219482422, 131.9337158203125, 68.4722671508789, 52.2471923828125, 113.89173126220703, 63.55988311767578, 83.5052490234375,
        85.1935043334961, 59.485191345214844, 122.14807891845703, 92.89273071289062, 88.78365325927734, 141.06642150878906,
        117.4133071899414, 123.44937133789062, 96.71375274658203, 153.19705200195312, 139.94923400878906, 68.45170593261719,
        172.83364868164062, 147.05914306640625,
      ]
    ),
    (
      (9, 8), (4, 3),
      [
        95.29435729980469, 88.73426055908203, 142.4569091796875, 148.87530517578125, 129.4009552001953, 134.49510192871094,
        85.48013305664062, 119.11983489990234, 150.059326171875, 129.45529174804688, 136.1348876953125, 85.67220306396484,
      ]
    ),
    (
      (4, 6), (4, 3),
      [
        20.12552261352539, 139.75314331054688, 99.11715698242188, 66.7907943725586, 92.5, 128.0, 139.20993041992188, 95.67938995361328,
        164.87448120117188, 116.24686431884766, 160.76568603515625, 152.8242645263672,
      ]
    ),
  ]

  @Test(arguments: cases.indices) func givesTheNumbersOfPillow(index: Int) throws {
    let (from, to, samples) = Self.cases[index]
    #expect(try pattern(from.0, from.1).resizedFloats(width: to.0, height: to.1) == samples)
  }

  @Test func channelsAreResampledSeparately() throws {
    let colour = pattern(9, 8, channels: 3), found = try colour.resizedFloats(width: 5, height: 11)
    for channel in 0..<3 {
      let plane = Image(
        width: 9, height: 8, channels: 1, bytes: stride(from: channel, to: colour.bytes.count, by: 3).map { colour.bytes[$0] })
      let want = try plane.resizedFloats(width: 5, height: 11)
      #expect(stride(from: channel, to: found.count, by: 3).map { found[$0] } == want)
    }
  }

  @Test func theSameSizeIsTheSamePictureAndNoSizeIsRefused() throws {
    let image = pattern(4, 3)
    #expect(try image.resizedFloats(width: 4, height: 3) == image.bytes.map { Float($0) })
    #expect(throws: ImagingError.self) { try image.resizedFloats(width: 0, height: 3) }
    #expect(throws: ImagingError.self) { try image.resizedFloats(width: 1 << 20, height: 1 << 20) }
  }
}
