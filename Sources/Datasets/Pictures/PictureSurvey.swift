import Failures
import Foundation
import Imaging

/// What pictures have in common, judged by the headers of some that are spread over the whole set.
struct PictureSurvey {
  /// The size that all have, with `channels`; nil where sizes differ.
  let shape: ImageShape?
  /// 3 where one has colour, else 1; and one more where one has alpha.
  let channels: Int

  /// So many pictures, or so many bytes of them, are looked at.
  static let pictureLimit = 1000, byteLimit = 1 << 28

  /// - Throws: `DatasetError` that says what is wrong with the first picture, if none that is looked at can be read; `ImagingError`
  ///   where libvips is missing.
  init(of path: String, count: Int, _ content: (Int) throws -> Picture.Content) throws {
    var sizes: Set<[Int]> = [], hasColor = false, hasAlpha = false
    var bytes = 0, failure: (any Error)?
    for index in Self.sample(of: count) where bytes < Self.byteLimit {
      do {
        let content = try content(index)
        bytes += Self.byteCount(content)
        let (height, width, channels) = try Self.header(of: content)
        sizes.insert([height, width])
        hasColor = hasColor || channels > 2
        hasAlpha = hasAlpha || channels % 2 == 0
      } catch let error as ImagingError {
        if case .libraryMissing = error.problem { throw error }
        failure = failure ?? error
      } catch { failure = failure ?? error }
    }
    if sizes.isEmpty, let failure {
      let problem = count == 1 ? "1 picture, which cannot be read" : "\(count) pictures, none of which can be read; the first"
      throw DatasetError(Failure(of: failure), path, "holds \(problem): \(failure)")
    }
    let channels = (hasColor ? 3 : 1) + (hasAlpha ? 1 : 0)
    self.channels = channels
    shape = sizes.count == 1 ? sizes.first.map { ImageShape(height: $0[0], width: $0[1], channels: channels) } : nil
  }

  /// At most `pictureLimit` of the indices, evenly spread, in ten rounds, so that those read when the bytes run out are spread as well.
  static func sample(of count: Int) -> [Int] {
    let total = min(count, pictureLimit)
    return (0..<10).flatMap { round in stride(from: round, to: total, by: 10).map { $0 * count / total } }
  }

  private static func byteCount(_ content: Picture.Content) -> Int {
    switch content {
    case .pixels(let image): return image.bytes.count
    case .encoded(let bytes): return bytes.count
    case .file(let path):
      var status = stat()
      return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
  }

  private static func header(of content: Picture.Content) throws -> (height: Int, width: Int, channels: Int) {
    switch content {
    case .pixels(let image): return (image.height, image.width, image.channels)
    case .file(let path):
      let reader = try PictureReader(file: path)
      return (reader.height, reader.width, reader.channels)
    case .encoded(let bytes):
      let reader = try PictureReader(decoding: bytes)
      return (reader.height, reader.width, reader.channels)
    }
  }
}
