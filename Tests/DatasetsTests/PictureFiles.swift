import Archives
import Datasets
import Foundation
import Imaging
import Testing

/// A folder of its own for one test, in which pictures are made; each is known by the grey of its first pixel.
final class PictureFolder {
  let path = NSTemporaryDirectory() + "pictures-\(UUID().uuidString)"

  /// - Parameter names: of pictures, grey 0, 1, … in this order.
  init(_ names: [String] = []) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (grey, name) in names.enumerated() { try write(Self.picture(grey), to: name) }
  }

  static func picture(_ grey: Int, width: Int = 3, height: Int = 2) throws -> [UInt8] {
    try Image(width: width, height: height, color: [UInt8(grey)]).encoded()
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ bytes: [UInt8], to name: String) throws {
    let url = URL(fileURLWithPath: file(name))
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

  func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: file(name), withDestinationPath: target)
  }

  /// A zip of pictures, grey 0, 1, … in this order.
  func zip(_ name: String, _ pictures: [String], _ others: [(name: String, bytes: [UInt8])] = []) throws -> String {
    let entries = try pictures.enumerated().map { (name: $1, bytes: try Self.picture($0)) }
    try ZipWriter.write(entries + others, to: file(name))
    return file(name)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The grey of each picture's first pixel, in the order of the set.
func greys(_ set: any Dataset) throws -> [Int] { try (0..<set.count).map { Int(try set[$0].image().bytes[0]) } }

/// The label of each picture, which is the same with and without reading it.
func labels(_ set: any Dataset) throws -> [Int?] {
  try (0..<set.count).map { index in
    let label = try set[index].label
    #expect(label == set.label(at: index))
    return label
  }
}

/// What opening the set complains of.
func complaint(_ recipe: some DatasetRecipe) -> String {
  do {
    _ = try recipe.open()
    return ""
  } catch { return "\(error)" }
}
