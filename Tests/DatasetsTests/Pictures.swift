import Foundation
import Imaging
import RecipeKit

@testable import Datasets

/// Pictures in memory, each of a size and a label of its own; some of them are refused.
struct Album: Dataset {
  var sizes: [ImageSize]
  var classNames: [String] = []
  var channels = 1
  var labels: [Int]?
  var contextSize: Int?
  /// Indices that cannot be read.
  var bad: Set<Int> = []

  /// `count` pictures of `side` x `side`, each of one byte: its index.
  init(count: Int, side: Int = 2) { sizes = Array(repeating: ImageSize(side), count: count) }

  /// One picture whose every pixel is known by its place: row x 16 + column.
  init(height: Int, width: Int) { sizes = [ImageSize(height: height, width: width)] }

  var count: Int { sizes.count }
  var shape: ImageShape? {
    guard let first = sizes.first, sizes.allSatisfy({ $0 == first }) else { return nil }
    return ImageShape(height: first.height, width: first.width, channels: channels)
  }

  subscript(index: Int) -> Picture {
    get throws {
      if bad.contains(index) { throw ImagingError(file: "picture \(index)", .empty) }
      let size = sizes[index]
      let image = count == 1 ? Self.map(size) : Image(width: size.width, height: size.height, color: [UInt8(index % 256)])
      return Picture(.pixels(image.withChannels(channels)), label: labels?[index], name: "picture \(index)")
    }
  }

  func label(at index: Int) -> Int? { labels?[index] }

  static func map(_ size: ImageSize) -> Image {
    let bytes = (0..<size.height).flatMap { row in (0..<size.width).map { UInt8(row * 16 + $0) } }
    return Image(width: size.width, height: size.height, channels: 1, bytes: bytes)
  }
}

extension ImagesRecipe {
  init(_ size: ImageSize?, _ fit: String = "center_crop") throws {
    self.init()
    self.size = size
    self.fit = try Choice(named: fit)
  }
}
