import Imaging
import Tensors
import Testing

@testable import Training

@Suite("Images as tensors") struct ImageTensorsTests {
  @Test func allByteValuesComeBackExactly() throws {
    let image = Image(width: 16, height: 16, channels: 1, bytes: Array(0...255))
    #expect(try Tensor(images: [image]).images() == [image])
  }

  @Test func bytesBecomeNumbersFromMinusOneToOne() throws {
    let image = Image(width: 4, height: 1, channels: 1, bytes: [0, 51, 204, 255])
    for (x, expected) in zip(try Tensor(images: [image]).doubles(), [-1, -0.6, 0.6, 1]) { #expect(abs(x - expected) < 1e-7) }
  }

  @Test func fractionsOfAByteAreCutOffAndWhatIsTooDarkOrTooBrightIsClamped() throws {
    let bytes = [12.5, 12.99, 13, 13.01, 254.9].map { Float($0 / 127.5 - 1) }
    let images = try Tensor(bytes + [-7, 7], [1, 1, 1, 7]).images()
    #expect(images[0].bytes == [12, 12, 13, 13, 254, 0, 255])
  }

  @Test func rowsColumnsAndChannelsKeepTheirPlaces() throws {
    let images = (0..<2).map { n in
      Image(width: 3, height: 2, channels: 3, bytes: (0..<18).map { UInt8(100 * n + $0) })
    }
    let x = try Tensor(images: images)
    #expect(x.shape == [2, 3, 2, 3])
    #expect(x.isChannelsLast)
    let green = try x.select(0, 1).select(0, 1).doubles().map { ($0 + 1) * 127.5 }
    for (found, expected) in zip(green, [101, 104, 107, 110, 113, 116]) { #expect(abs(found - Double(expected)) < 1e-4) }
    #expect(try x.images() == images)
  }

  @Test func imagesOfDifferentSizesAreRefused() {
    let images = [Image(width: 2, height: 2, color: [0]), Image(width: 2, height: 3, color: [0])]
    let fault = #expect(throws: TorchFault.self) { try Tensor(images: images) }
    #expect(fault?.message.contains("2 x 2 x 1 and 2 x 3 x 1") == true)
    #expect(throws: TorchFault.self) { try Tensor(images: []) }
  }

  @Test(arguments: [[1, 5, 2, 2], [1, 2, 2], [0, 1, 2, 2]]) func aShapeThatIsNoImagesIsRefused(shape: [Int]) {
    #expect(throws: TorchFault.self) { try Tensor.zeros(shape).images() }
  }
}
