import Failures
import Foundation
import Imaging

/// Which pictures are enlarged and where each result goes, decided before anything is computed.
public struct UpscalingPlan: Sendable, Equatable {
  public let items: [PictureItem]
  /// Number of files in the source folders that are not pictures.
  public let leftOut: Int

  /// - Parameters:
  ///   - sources: pictures, and folders whose pictures are taken, without subfolders and hidden files.
  ///   - output: a file for one picture; otherwise a folder, created if missing, in which results keep their picture's name, with
  ///     `.png` in place of an ending that is not written: of a GIF only the first frame is enlarged, and 256 colours would be too few.
  /// - Throws: `SfumatoError` for a missing source, two results with the same name, a result that would overwrite its picture,
  ///   and an output that cannot be written.
  public init(_ sources: [String], output: String) throws {
    let found = try PictureSources(sources)
    items = try PictureTargets(found, output: output, names: ResultNames()).items
    leftOut = found.leftOut
  }
}
