import Checkpoints
import Failures
import Foundation
import RecipeKit
import Training
import Workflows

/// Trains a model from a bundled recipe in a run folder, or resumes such a run.
final class TrainWork: JobWork {
  private let job: TrainingJob
  private let run: String
  private let start = ContinuousClock.now
  private let imagesBefore: Int
  private var step: TrainingStep?, smoothLoss: Double?
  private var logged = 0, lines: [String] = []

  init(_ record: JobRecord, _ library: Library) throws {
    guard let run = record.run else { throw Problem(500, "the training has no run") }
    self.run = run
    do {
      if library.runs.hasBegun(run) {
        let plan = try TrainingPlan(resuming: library.runs.path(run), device: library.device)
        job = try TrainingJob(resuming: plan)
      } else {
        try library.runs.note(
          RunStore.Run(
            id: run, name: Self.name(record.settings), recipe: record.settings["recipe"]?.string ?? "", created: record.created))
        job = try TrainingJob(Self.plan(record.settings, library), folder: library.runs.path(run))
      }
    } catch { throw SampleWork.withoutPaths(error, library) }
    imagesBefore = job.position.images
  }

  private static func name(_ settings: JSON) -> String {
    PictureStore.shownName(settings["name"]?.string ?? settings["recipe"]?.string)
  }

  /// - Throws: `Problem` 422, also where the training would not fit into memory; errors of recipe and data.
  static func plan(_ settings: JSON, _ library: Library) throws -> TrainingPlan {
    guard let name = settings["recipe"]?.string else {
      throw Problem(422, "'recipe' is missing; expected the name of a bundled recipe, or 'run'")
    }
    let form = try RecipeForm(name)
    var data: [String] = []
    if let id = settings["data"]?.string {
      let classes = try library.data.hasClasses(id) ? "folder" : "none"
      data = ["data.type=folder", "data.path=\(try library.data.path(id))", "data.class_from=\(classes)"]
    }
    let set = try form.settings(settings["settings"]?.object ?? [:], data: data)
    let plan: TrainingPlan
    do { plan = try TrainingPlan(recipe: form.path, set: set, device: library.device) } catch {
      throw SampleWork.withoutPaths(error, library)
    }
    if let memory = plan.memory, let fitting = memory.fittingBatch {
      throw Problem(
        422,
        "batches of \(memory.estimate.images) need about \(Magnitude.bytes(memory.estimate.bytes)) of memory, and "
          + "\(Magnitude.bytes(memory.available ?? 0)) are free",
        hint: fitting > 0 ? "set training.microbatch to \(fitting)" : "use a smaller network or smaller images")
    }
    return plan
  }

  func next() throws -> Double? {
    guard let step = try job.next() else { return nil }
    self.step = step
    if step.loss.isFinite { smoothLoss = smoothLoss.map { 0.98 * $0 + 0.02 * step.loss } ?? step.loss }
    if let line = job.lastLogLine, line.step > logged {
      logged = line.step
      lines.append(try RunFolder.json(line))
    }
    return step.progress
  }

  var message: String {
    guard let step else { return "" }
    let loss = smoothLoss.map { String(format: ", loss %.4g", $0) } ?? ""
    return "step \(step.step), \(step.images) images\(loss)" + (job.warnings.last.map { "; \($0)" } ?? "")
  }

  var rate: Double? {
    let seconds = start.duration(to: .now) / .seconds(1)
    return step.flatMap { seconds > 1 ? Double($0.images - imagesBefore) / seconds : nil }
  }

  var previewURL: String? { job.folder.previews.last.map { "/api/v1/runs/\(run)/previews/\($0.images)" } }

  func takeLog() -> [String] {
    defer { lines = [] }
    return lines
  }

  func stop() throws { try job.finish() }

  func finish() throws -> [JobResult] {
    let model = try job.folder.latestModelPath()
    guard let bytes = FileFacts(model)?.size else { throw Problem(500, "the training wrote no model") }
    var results = [
      JobResult(name: "model.safetensors", type: "application/octet-stream", bytes: bytes, url: "/api/v1/models/\(run)/file")
    ]
    if let bytes = FileFacts(job.folder.reportPath)?.size {
      results.append(JobResult(name: "report.html", type: "text/html", bytes: bytes, url: "/api/v1/runs/\(run)/report"))
    }
    return results
  }
}
