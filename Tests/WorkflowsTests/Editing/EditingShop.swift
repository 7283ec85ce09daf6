import Foundation
import Imaging
import Models
import Tensors

@testable import Workflows

/// Tiny models in files, and pictures to edit.
struct EditingShop {
  let folder: ScratchFolder
  let model: String

  /// How far a sample of a picture may be from the picture's when it is back: clean pictures are taken as images of the first of 20 levels,
  /// whose deviation is 0.17, 22 of the 127.5 of a sample; and rounding.
  static let bound = 24

  init() throws {
    folder = try ScratchFolder()
    model = try folder.file("tiny.safetensors")
    try Tiny.write(Tiny.denoiser(), to: model)
  }

  /// Writes a grey picture of smooth random shapes.
  func picture(_ name: String, seed: UInt64, side: Int = 8) throws -> String {
    let noise = try Tensor.rand([side * side], using: Generator(seed: seed)).floats()
    let bytes = (0..<(side * side)).map { at in
      UInt8(255 * (0.5 + 0.4 * sin(Float(at / side) + 6 * noise[0]) * cos(Float(at % side) * noise[1])))
    }
    let path = try folder.file(name)
    try Image(width: side, height: side, channels: 1, bytes: bytes).write(to: path)
    return path
  }

  /// Another model.
  func model(_ name: String, set: [String]) throws -> String {
    let path = try folder.file(name)
    try Tiny.write(Tiny.denoiser(set: set), to: path)
    return path
  }

  static func settings(steps: Int = 20, corrections: Int = 4, batch: Int = 50) -> EditingSettings {
    var settings = EditingSettings()
    (settings.steps, settings.corrections, settings.batchSize) = (steps, corrections, batch)
    return settings
  }

  func invert(_ pictures: [String], _ change: (inout InversionRequest) -> Void = { _ in }) throws -> InversionReport {
    var request = InversionRequest(model: model, pictures: pictures, latents: folder.path + "/latents.npz")
    request.settings = Self.settings()
    change(&request)
    let job = try InversionJob(request)
    while try job.next() != nil {}
    return job.report()
  }

  func transfer(_ pictures: [String], _ change: (inout TransferRequest) -> Void = { _ in }) throws -> TransferJob {
    var request = TransferRequest(pictures: pictures, from: model, to: model, output: folder.path + "/out/")
    request.settings = Self.settings()
    change(&request)
    let job = try TransferJob(request)
    while try job.next() != nil {}
    return job
  }

  func interpolate(
    _ from: InterpolationRequest.End, _ to: InterpolationRequest.End, _ change: (inout InterpolationRequest) -> Void = { _ in }
  ) throws -> InterpolationJob {
    var request = InterpolationRequest(model: model, from: from, to: to, sheet: folder.path + "/sheet.png")
    request.settings = Self.settings()
    request.frames = 5
    change(&request)
    let job = try InterpolationJob(request)
    while try job.next() != nil {}
    return job
  }

  /// The largest difference of two pictures' samples.
  static func difference(_ a: Image, _ b: Image) -> Int { zip(a.bytes, b.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 255 }
}
