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
    try checkFormats()
    if items.count == 1, items[0].target == request.output { try checkOneFile() }
  }

  private func checkFormats() throws {
    var isLossy = false
    for item in items {
      let format = try request.format(of: item.target)
      if !format.holdsDeepSamples { isLossy = true }
      guard PicturePath.isFolder(item.target) != true else {
        throw SfumatoError(.io, "\(item.target): cannot be written: it is a folder")
      }
    }
    guard request.quality == nil || isLossy else {
      throw SfumatoError(.usage, "a quality is for JPEG and WebP, and no result is one; leave it out, or name another format")
    }
  }

  /// What names results in a folder has no meaning for one file.
  private func checkOneFile() throws {
    guard request.format == nil, request.name == RestorationRequest.defaultName else {
      throw SfumatoError(
        .usage, "\(request.output) names the result; format and pattern are for a folder: end its name with '/', or leave them out")
    }
  }
}
