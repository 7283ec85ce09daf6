import Diffusion
import Failures
import Foundation
import Imaging
import RecipeKit
import Tensors
import Training
import Workflows

/// Samples images from a model.
final class SampleWork: JobWork {
  private let job: SamplingJob
  private let files: SamplePictures
  private let folder: String
  private var shown = 0

  /// - Parameter folder: an existing folder for the results.
  init(_ settings: JSON, _ library: Library, folder: String) throws {
    (job, files, self.folder) = try Self.plan(settings, library, folder: folder)
  }

  static func request(_ settings: JSON, _ library: Library) throws -> SamplingRequest {
    let place = try library.models.place(settings["model"]?.string ?? "")
    var request = SamplingRequest(model: place.path)
    request.count = settings["count"]?.integer ?? 16
    switch settings["classes"] {
    case .string("none"): request.classes = .none
    case .array(let names): request.classes = .only(names.compactMap(\.string))
    default: request.classes = .all
    }
    request.seed = UInt64(clamping: settings["seed"]?.integer ?? 0)
    if let name = settings["sampler"]?.string { request.sampler = try Choice<SamplerRegistry>(named: name).member }
    request.steps = settings["steps"]?.integer
    request.guidanceScale = settings["guidance_scale"]?.number
    if let eta = settings["eta"]?.number { request.settings.append("sampler.eta=\(eta)") }
    if let start = settings["init"], start != .null {
      let picture = try library.pictures.picture(start["picture"]?.string ?? "")
      request.start = .picture(file: library.pictures.path(of: picture), strength: start["strength"]?.number ?? 0.5)
    }
    if let part = settings["inpaint"], part != .null {
      let picture = try library.pictures.picture(part["picture"]?.string ?? "")
      let mask = try library.pictures.picture(part["mask"]?.string ?? "")
      request.inpainting = SamplingRequest.Inpainting(
        picture: library.pictures.path(of: picture), mask: library.pictures.path(of: mask),
        method: part["method"]?.string == "mask" ? .mask : .repaint)
    }
    request.device = library.device
    request.precision = PrecisionChoice.auto.resolved(on: library.device)
    return request
  }

  /// Everything about the job settled, and checked against memory.
  static func plan(_ settings: JSON, _ library: Library, folder: String) throws -> (SamplingJob, SamplePictures, String) {
    var request = try request(settings, library)
    var files = SamplePictures(grid: "\(folder)/grid.png")
    if settings["animation"]?.boolean ?? false {
      files.animation = "\(folder)/animation.webp"
      files.timing.frames = .evenly(24)
    }
    files.trace(&request)
    let job: SamplingJob
    do { job = try SamplingJob(request) } catch { throw Self.withoutPaths(error, library) }
    files.notes = try job.notes()
    try files.check(job)
    return (job, files, folder)
  }

  /// Messages of the libraries name files of the data folder, which mean nothing to a client.
  static func withoutPaths(_ error: any Error, _ library: Library) -> any Error {
    guard let error = error as? SfumatoError else { return error }
    return SfumatoError(error.failure, library.withoutPaths(error.description))
  }

  func next() throws -> Double? { try job.next() }

  var message: String { "\(job.images.count) of \(job.plan.request.count) images" }

  func preview() throws -> [UInt8]? {
    let batch = try job.x?.images() ?? [], count = job.plan.request.count
    // Between two batches the last one is among the finished images already.
    let images = Array((job.images.count < count ? job.images + batch : job.images).prefix(count))
    guard let first = images.first else { return nil }
    return try Image.grid(
      images, columns: max(1, Int(Double(count).squareRoot().rounded(.up))), scale: max(1, 56 / first.height)
    ).encoded(as: .png(compression: 1))
  }

  func finish() throws -> [JobResult] {
    _ = try files.write(job)
    let names = job.plan.model.recipe.data.classNames
    var results: [JobResult] = []
    for (index, image) in job.images.enumerated() {
      let name = "samples-\(index < 10 ? "0" : "")\(index).png"
      try image.write(to: "\(folder)/\(name)", notes: files.notes)
      var result = try Self.result(name, folder, image.width, image.height)
      (result.seed, result.number) = (Int(clamping: job.plan.request.seed), index)
      result.className = job.plan.labels[index].flatMap { names.indices.contains($0) ? names[$0] : nil }
      results.append(result)
    }
    results.append(try Self.result("grid.png", folder))
    if files.animation != nil { results.append(try Self.result("animation.webp", folder)) }
    return results
  }

  static func result(_ name: String, _ folder: String, _ width: Int? = nil, _ height: Int? = nil) throws -> JobResult {
    guard let size = FileFacts("\(folder)/\(name)")?.size else { throw Problem(500, "the result \(name) was not written") }
    return JobResult(
      name: name, type: PictureTypes.type(ofEnding: (name as NSString).pathExtension), bytes: size, width: width, height: height)
  }
}
