import Datasets
import Failures
import Foundation
import Imaging

/// The picture files that both sides of a data loading benchmark read.
struct BenchmarkPictures: Dataset {
  let files: [String]
  /// Total size of the files.
  let bytes: Int
  let classNames: [String] = []
  let shape: ImageShape? = nil
  let channels = 3

  var count: Int { files.count }
  subscript(index: Int) -> Picture { Picture(.file(files[index]), name: files[index]) }

  private init(files: [String]) {
    self.files = files
    bytes = files.reduce(0) { $0 + ((try? FileManager.default.attributesOfItem(atPath: $1)[.size] as? Int) ?? 0) }
  }

  private static let extensions: Set = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp"]

  /// The pictures in a folder and its subfolders; with `side`, only those with at least that many pixels on both sides.
  /// - Throws: `SfumatoError` when there are none.
  init(folder: String, atLeast side: Int?) throws {
    let manager = FileManager.default
    guard manager.fileExists(atPath: folder), let names = manager.enumerator(atPath: folder)?.compactMap({ $0 as? String }).sorted()
    else {
      throw SfumatoError(.missing, "\(folder): no such folder")
    }
    let files = names.filter { Self.extensions.contains(($0 as NSString).pathExtension.lowercased()) }.map { "\(folder)/\($0)" }
    self.init(
      files: try files.filter { file in
        guard let side else { return true }
        let reader = try PictureReader(file: file)
        return min(reader.width, reader.height) >= side
      })
    if self.files.isEmpty {
      let minimum = side.map { " of \($0) pixels or more on both sides" } ?? ""
      throw SfumatoError(.data, "\(folder) contains no pictures\(minimum)")
    }
  }

  /// Writes `count` generated photographs to a folder as JPEG.
  static func photographs(_ count: Int, height: Int, width: Int, in folder: String) throws -> BenchmarkPictures {
    try write(count, height: height, width: width, as: .jpeg(quality: 90), pathExtension: "jpg", in: folder)
  }

  /// Writes `count` generated small pictures to a folder as PNG.
  static func small(_ count: Int, side: Int, in folder: String) throws -> BenchmarkPictures {
    try write(count, height: side, width: side, as: .png, pathExtension: "png", in: folder)
  }

  private static func write(
    _ count: Int, height: Int, width: Int, as format: ImageFormat, pathExtension: String, in folder: String
  ) throws -> BenchmarkPictures {
    if let problem = folder.makeFolder() { throw SfumatoError(.io, "\(folder): cannot be made: \(problem)") }
    return BenchmarkPictures(
      files: try (0..<count).map { index in
        let file = "\(folder)/\(index).\(pathExtension)"
        try NoiseScene.image(height: height, width: width, seed: UInt64(index)).write(to: file, as: format)
        return file
      })
  }
}
