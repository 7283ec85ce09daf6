import Foundation
import Imaging
import Tensors

@testable import Workflows

/// A folder with the model that changes nothing.
final class RestorationShop {
  let folder: ScratchFolder
  let model: String

  init(set: [String] = []) throws {
    folder = try ScratchFolder()
    model = "\(folder.path)/model.safetensors"
    try Tiny.writeIdentityRestorer(to: model, set: set)
  }

  var path: String { folder.path }

  /// Samples without a pattern.
  static func picture(_ width: Int, _ height: Int, channels: Int = 3) -> Image {
    let bytes = (0..<(width * height * channels)).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    return Image(width: width, height: height, channels: channels, bytes: bytes)
  }

  func put(_ picture: Image, at name: String) throws -> String {
    let file = try folder.file(name)
    try picture.write(to: file)
    return file
  }

  /// One evaluation, which gives the degraded picture.
  static var settings: Restorer.Settings {
    var settings = Restorer.Settings()
    (settings.evaluations, settings.detail, settings.color) = (1, 0, false)
    return settings
  }

  func job(
    _ sources: [String], to output: String, report: String? = nil, settings: Restorer.Settings = RestorationShop.settings,
    _ change: (inout RestorationRequest) throws -> Void = { _ in }
  ) throws -> RestorationJob {
    var request = try RestorationRequest(output: "\(path)/\(output)")
    try change(&request)
    return try RestorationJob(RestorationPlan(sources, request), model: model, settings: settings, report: report)
  }

  @discardableResult func run(
    _ sources: [String], to output: String, report: String? = nil, settings: Restorer.Settings = RestorationShop.settings,
    _ change: (inout RestorationRequest) throws -> Void = { _ in }
  ) throws -> RestorationJob {
    let job = try job(sources, to: output, report: report, settings: settings, change)
    while try job.next() != nil {}
    return job
  }

  /// Names in a folder, hidden ones too.
  func names(_ folder: String = "") -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)")) ?? []).sorted()
  }
}
