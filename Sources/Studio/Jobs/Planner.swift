import Diffusion
import Failures
import Foundation
import Imaging
import NN
import Synchronization
import Workflows

/// What is computed beside the jobs: plans, the checks of a job before it is accepted, and restored details; one at a time.
final class Planner: Sendable {
  private let library: Library
  private let lane = WorkLane("plans", limit: Limits.requestsComputing)
  /// Seconds of a tile by model and evaluations, measured once.
  private let tileSeconds = Mutex<[String: Double]>([:])
  /// The newest detail that each window asked for.
  private let newest = Mutex<[String: UInt64]>([:])

  init(_ library: Library) { self.library = library }

  private func temporary() throws -> String {
    let folder = "\(library.folder.path)/jobs/.plan-\(Identifier.make())"
    if let problem = "\(folder)/results".makeFolder() { throw Problem(507, "the data folder cannot be written: \(problem)") }
    return folder
  }

  // MARK: Plans

  /// - Returns: the plan of a job, of which nothing is computed.
  func plan(_ settings: JSON) async throws -> JSON {
    try await lane.run { [self] in
      let folder = try temporary()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      return settings["kind"]?.string == "sample" ? try samplePlan(settings, folder) : try restorePlan(settings, folder)
    }
  }

  private func samplePlan(_ settings: JSON, _ folder: String) throws -> JSON {
    let (job, _, _) = try SampleWork.plan(settings, library, folder: "\(folder)/results")
    let data = job.plan.model.recipe.data, count = job.plan.request.count
    let picture: JSON = [
      "width": .integer(data.width), "height": .integer(data.height), "result_width": .integer(data.width),
      "result_height": .integer(data.height), "tiles": 1,
    ]
    let evaluations = job.plan.stepCount * type(of: job.plan.settings.sampler.member).evaluationsPerStep
    let memory = try? Inspection(of: job.plan.request.model, memoryAt: [min(count, job.plan.request.batchSize)]).memory.first {
      $0.work == .sampling
    }
    return .members([
      "pictures": .array(Array(repeating: picture, count: count)), "evaluations": .integer(evaluations),
      "memory_bytes": .optional(memory?.bytes), "warnings": [],
    ])
  }

  private func restorePlan(_ settings: JSON, _ folder: String) throws -> JSON {
    let job = try RestoreWork.plan(settings, library, folder: "\(folder)/results")
    let pictures = job.forecast.pictures
    let planned = pictures.map { picture -> JSON in
      [
        "width": .integer(picture.width), "height": .integer(picture.height), "result_width": .integer(picture.resultWidth),
        "result_height": .integer(picture.resultHeight), "tiles": .integer(picture.tiles),
      ]
    }
    let disk = pictures.reduce(0) { $0 + $1.resultBytes } + (pictures.map(\.scratchBytes).max() ?? 0)
    let strengths = pictures.count == 1 ? JSON.object(pictures[0].strengths.mapValues(JSON.number)) : nil
    return .members([
      "pictures": .array(planned), "evaluations": .integer(pictures.first?.evaluations ?? 0), "seconds": .optional(try seconds(job)),
      "memory_bytes": .optional(pictures.map(\.memoryBytes).max()), "disk_bytes": .integer(disk),
      "warnings": .strings(job.failures.map { library.withoutPaths($0.problem) }), "strengths": strengths,
    ])
  }

  private func seconds(_ job: RestorationJob) throws -> Double? {
    let tiles = job.forecast.pictures.reduce(0) { $0 + $1.tiles }
    guard tiles > 0 else { return nil }
    let key = "\(job.restorer.data.height) \(job.restorer.tile) \(job.restorer.evaluations) \(job.restorer.networkType)"
    if let known = tileSeconds.withLock({ $0[key] }) { return known * Double(tiles) }
    // Pictures of one tile say less than the tile takes.
    guard job.forecast.pictures.contains(where: { $0.tiles > 1 }) else { return nil }
    try job.measure()
    guard let measured = job.forecast.pictures.first(where: { $0.tiles > 1 }), let seconds = measured.seconds else { return nil }
    tileSeconds.withLock { $0[key] = seconds / Double(measured.tiles) }
    return seconds / Double(measured.tiles) * Double(tiles)
  }

  /// Refuses a job that cannot be carried out: of settings that do not fit the model, too little memory, no such picture.
  func check(_ settings: JSON) async throws {
    try await lane.run { [self] in
      let folder = try temporary()
      defer { try? FileManager.default.removeItem(atPath: folder) }
      switch settings["kind"]?.string {
      case "sample": _ = try SampleWork.plan(settings, library, folder: "\(folder)/results")
      case "restore": _ = try RestoreWork.plan(settings, library, folder: "\(folder)/results")
      default: _ = try TrainWork.plan(settings, library)
      }
    }
  }

  func recipeCheck(_ body: JSON) async throws -> JSON {
    try await lane.run { [self] in
      let plan = try TrainWork.plan(body, library)
      return .members([
        "ok": true, "warnings": [], "memory_bytes": .optional(plan.memory?.estimate.bytes),
        "parameters": .integer(try plan.modelRecipe.makeModule(using: .shapes).parameterCount), "images": .integer(plan.dataset.count),
        "classes": .integer(plan.dataset.classNames.count),
      ])
    }
  }

  // MARK: Details

  /// A restored detail as PNG.
  /// - Throws: `Problem` 409 where the same window asked for a newer one meanwhile.
  func detail(_ body: JSON, client: String) async throws -> Data {
    let key = body["client"]?.string ?? client
    let number = newest.withLock { newest -> UInt64 in
      if newest.count > 1000 { newest = [:] }
      newest[key, default: 0] += 1
      return newest[key] ?? 0
    }
    return try await lane.run { [self] in
      guard newest.withLock({ $0[key] }) == number else { throw Problem(409, "a newer detail was asked for") }
      return try detail(body)
    }
  }

  /// Pixels of the picture around a detail, which give it its surroundings.
  private static let margin = 48

  private func detail(_ body: JSON) throws -> Data {
    let picture = try library.pictures.picture(body["picture"]?.string ?? ""), path = library.pictures.path(of: picture)
    let scale = body["scale"]?.number ?? 1
    func pixel(_ key: String, _ limit: Int) -> Int { min(Int(Double(min(body[key]?.integer ?? 0, 1 << 20)) / scale), limit - 1) }
    let (x, y) = (pixel("x", picture.width), pixel("y", picture.height))
    let side = max(1, Int((Double(body["size"]?.integer ?? 128) / scale).rounded(.up)))
    let (left, top) = (max(0, x - Self.margin), max(0, y - Self.margin))
    let width = min(picture.width, x + side + Self.margin) - left, height = min(picture.height, y + side + Self.margin) - top
    let folder = try temporary()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cut = try PictureReader(file: path).image(row: top, column: left, width: width, height: height)
    try cut.write(to: "\(folder)/detail.png")
    let job = try RestoreWork.plan(
      .object((body.object ?? [:]).merging(["format": "png"]) { $1 }), library, folder: "\(folder)/results",
      sources: ["\(folder)/detail.png"], strengths: automatic(body, picture))
    while try job.next() != nil { try Interruption.check() }
    guard let result = job.outcomes.first?.output else {
      throw Problem(422, library.withoutPaths(job.failures.first?.problem ?? "the detail cannot be restored"))
    }
    let restored = try Image(file: result)
    let (row, column) = (min(Int(Double(y - top) * scale), restored.height - 1), min(Int(Double(x - left) * scale), restored.width - 1))
    let size = body["size"]?.integer ?? 128
    return Data(
      try restored.cropped(
        row: row, column: column, width: min(size, restored.width - column), height: min(size, restored.height - row)
      ).encoded(as: .png(compression: 1)))
  }

  /// What `auto` stands for: the detail is cut from the decoded picture, which shows no quality of JPEG any more.
  private func automatic(_ body: JSON, _ picture: StoredPicture) throws -> String? {
    guard body["strengths"]?.object == nil, let quality = picture.jpegQuality else { return nil }
    let model = try library.models.place(body["model"]?.string ?? "restore")
    guard let scales = try RestorationScales.of(model.path) else { return nil }
    return "jpeg=\(scales.strength(ofQuality: quality))"
  }
}
