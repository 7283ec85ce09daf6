import Failures
import Foundation
import Imaging

/// Which pictures are restored and where each result goes, decided from names alone.
public struct RestorationPlan: Sendable {
  public let items: [PictureItem]
  /// Number of files in the source folders that are not pictures.
  public let leftOut: Int
  public let request: RestorationRequest

  /// - Parameter sources: pictures, and folders of pictures.
  /// - Throws: `SfumatoError` for a missing source, results that would share a name or overwrite a picture, formats that are not
  ///   written, and an output that cannot be written.
  public init(_ sources: [String], _ request: RestorationRequest) throws {
    try request.check()
    let found = try PictureSources(sources, recursive: request.recursive, leavingOut: request.output)
    let names = ResultNames(
      pattern: request.name, keptEndings: Set(RestorationRequest.endings), ending: request.format?.lowercased(), scale: request.scaleText)
    items = try PictureTargets(found, output: request.output, names: names).items
    leftOut = found.leftOut
    self.request = request
    for item in items {
      _ = try request.format(of: item.target)
      guard PicturePath.isFolder(item.target) != true else {
        throw SfumatoError(.io, "\(item.target): cannot be written: it is a folder")
      }
    }
    if let format = request.format, items.count == 1, items[0].target == request.output,
      !request.output.lowercased().hasSuffix(".\(format)")
    {
      throw SfumatoError(.usage, "\(request.output) has another ending than the format \(format); give one of the two")
    }
  }
}
