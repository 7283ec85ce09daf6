import Datasets
import Failures
import Foundation
import Imaging

/// Picture files, as both sides of a benchmark of loading read them.
struct BenchmarkPictures: Dataset {
  let files: [String]
  /// The sum of the files' lengths.
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

  private static let endings: Set = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp"]

  /// The pictures of a folder and of those in it; of `side` pixels at least on both sides where `side` is not nil.
  /// - Throws: `SfumatoError` when there are none.
  init(folder: String, atLeast side: Int?) throws {
    let manager = FileManager.default
    guard manager.fileExists(atPath: folder), let names = manager.enumerator(atPath: folder)?.compactMap({ $0 as? String }).sorted()
    else {
      throw SfumatoError(.missing, "\(folder): no such folder")
    }
    let files = names.filter { Self.endings.contains(($0 as NSString).pathExtension.lowercased()) }.map { "\(folder)/\($0)" }
    self.init(
      files: try files.filter { file in
        guard let side else { return true }
        let reader = try PictureReader(file: file)
        return min(reader.width, reader.height) >= side
      })
    if self.files.isEmpty {
      let words = side.map { " of \($0) pixels or more on both sides" } ?? ""
      throw SfumatoError(.data, "\(folder) holds no pictures\(words)")
    }
  }

  /// Generated photographs in JPEG, `count` of them, written to a folder.
  static func photographs(_ count: Int, height: Int, width: Int, in folder: String) throws -> BenchmarkPictures {
    try write(count, height: height, width: width, as: .jpeg(quality: 90), ending: "jpg", in: folder)
  }

  /// Generated small pictures in PNG.
  static func small(_ count: Int, side: Int, in folder: String) throws -> BenchmarkPictures {
    try write(count, height: side, width: side, as: .png, ending: "png", in: folder)
  }

  private static func write(
    _ count: Int, height: Int, width: Int, as format: ImageFormat, ending: String, in folder: String
  ) throws -> BenchmarkPictures {
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw SfumatoError(.io, "\(folder) cannot be made")
    }
    return BenchmarkPictures(
      files: try (0..<count).map { index in
        let file = "\(folder)/\(index).\(ending)"
        try NoiseScene.image(height: height, width: width, seed: UInt64(index)).write(to: file, as: format)
        return file
      })
  }
}
