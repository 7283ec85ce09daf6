import Foundation
import Imaging
import Testing

@Suite("Pictures opened and not decoded") struct PictureReaderTests {
  private let image = smooth(width: 61, height: 43, channels: 3)

  private static let formats: [ImageFormat] = [
    .png, .jpeg(quality: 80), .jpeg(quality: 95, subsampling: .full), .webp, .webpLossless, .gif,
  ]

  @Test(arguments: formats) func theHeaderGivesSizeAndFormat(format: ImageFormat) throws {
    let reader = try PictureReader(decoding: image.encoded(as: format), name: "a.x")
    #expect(reader.width == 61 && reader.height == 43 && reader.channels == 3)
    #expect("\(format)".hasPrefix(reader.format.rawValue))
    #expect(reader.name == "a.x")
  }

  @Test(arguments: formats) func aPartIsTheSamePartOfTheWhole(format: ImageFormat) throws {
    let reader = try PictureReader(decoding: image.encoded(as: format))
    // Before and after the whole: the first decoding goes on from the header, later ones start anew.
    let first = try reader.image(row: 20, column: 3, width: 17, height: 11)
    let whole = try reader.image()
    #expect(first == whole.cropped(row: 20, column: 3, width: 17, height: 11))
    for (row, column, width, height) in [(0, 0, 61, 43), (42, 60, 1, 1), (0, 30, 31, 1), (7, 0, 1, 36)] {
      let part = try reader.image(row: row, column: column, width: width, height: height)
      #expect(part == whole.cropped(row: row, column: column, width: width, height: height))
    }
  }

  @Test(arguments: 1...8) func sizeAndPartsAreThoseOfTheUprightPicture(orientation: Int) throws {
    let stored = try image.encoded(as: .jpeg)
    let plain = try Image(decoding: stored)
    let reader = try PictureReader(decoding: withOrientation(UInt8(orientation), stored))
    let upright = plain.upright(orientation)
    #expect(reader.width == upright.width && reader.height == upright.height)
    #expect(try reader.image() == upright)
    let part = try reader.image(row: 5, column: 9, width: 20, height: 31)
    #expect(part == upright.cropped(row: 5, column: 9, width: 20, height: 31))
  }

  @Test(arguments: formats) func aReducedPictureHasTheSizeAndNearlyTheMeans(format: ImageFormat) throws {
    let picture = smooth(width: 203, height: 131, channels: 3)
    let reader = try PictureReader(decoding: picture.encoded(as: format))
    for factor in [2, 4, 8] {
      let small = try reader.reducedImage(coveringWidth: 203 / factor, height: 131 / factor)
      #expect((0...1).contains(small.width - 203 / factor) && (0...1).contains(small.height - 131 / factor), "a \(factor)th")
      let mean = try reader.image().resized(width: small.width, height: small.height, filter: .box)
      let distance = zip(small.bytes, mean.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
      #expect(distance <= 4 * small.bytes.count, "a \(factor)th: \(Double(distance) / Double(small.bytes.count))")
    }
    #expect(try reader.reducedImage(coveringWidth: 102, height: 1).width == 203)
  }

  @Test func aReducedPictureIsUpright() throws {
    let encoded = try withOrientation(6, smooth(width: 64, height: 40, channels: 3).encoded(as: .jpeg))
    let reader = try PictureReader(decoding: encoded)
    let small = try reader.reducedImage(coveringWidth: 10, height: 16)
    #expect(small.width == 10 && small.height == 16)
    let whole = try reader.image()
    #expect(abs(Int(small[1, 8, 0]) - Int(whole[6, 34, 0])) < 12 && abs(Int(small[14, 2, 1]) - Int(whole[58, 10, 1])) < 12)
  }

  @Test func manyThreadsReadOnePicture() async throws {
    let reader = try PictureReader(decoding: image.encoded(as: .jpeg))
    let whole = try Image(decoding: image.encoded(as: .jpeg))
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for row in 0..<32 {
        group.addTask {
          try reader.image(row: row, column: row / 2, width: 30, height: 11)
            == whole.cropped(row: row, column: row / 2, width: 30, height: 11)
        }
      }
      for try await same in group { #expect(same) }
    }
  }

  @Test func laterChangesOfTheFileDoNotMatter() throws {
    let folder = try Folder()
    let file = try folder.write(image.encoded(), to: "a.png")
    let reader = try PictureReader(file: file)
    _ = try folder.write([1, 2, 3], to: "a.png")
    #expect(try reader.image() == image)
    try FileManager.default.removeItem(atPath: file)
    #expect(try reader.image(row: 1, column: 1, width: 2, height: 2) == image.cropped(row: 1, column: 1, width: 2, height: 2))
  }

  @Test(arguments: [ImageFormat.png, .jpeg, .webp]) func aPartAboveTheCutOfAFileIsRefusedLikeTheWhole(format: ImageFormat) throws {
    let tall = patterned(width: 64, height: 640, channels: 3)
    let whole = try tall.encoded(as: format)
    let cut = Array(whole[..<(whole.count * 3 / 4)])
    #expect(throws: ImagingError.self) { try PictureReader(decoding: cut).image(row: 0, column: 0, width: 8, height: 8) }
  }
}

extension Image {
  /// By the definition of each orientation: where the first row and the first column of the file belong.
  fileprivate func upright(_ orientation: Int) -> Image {
    let turns = orientation >= 5
    var result = Image(
      width: turns ? height : width, height: turns ? width : height, color: [UInt8](repeating: 0, count: channels))
    for row in 0..<height {
      for column in 0..<width {
        let fromRight = width - 1 - column, fromBottom = height - 1 - row
        let place: (Int, Int) =
          switch orientation {
          case 2: (row, fromRight)
          case 3: (fromBottom, fromRight)
          case 4: (fromBottom, column)
          case 5: (column, row)
          case 6: (column, fromBottom)
          case 7: (fromRight, fromBottom)
          case 8: (fromRight, row)
          default: (row, column)
          }
        for c in 0..<channels { result[place.0, place.1, c] = self[row, column, c] }
      }
    }
    return result
  }
}
