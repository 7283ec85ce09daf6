import Failures
import Foundation
import Imaging
import Tensors
import Training
import Workflows

/// Restores pictures with a restoration model.
final class RestoreWork: JobWork {
  private let job: RestorationJob
  private let library: Library
  private let folder: String

  /// - Parameter folder: an existing folder for the results; unfinished work lies beside it.
  init(_ settings: JSON, _ library: Library, folder: String) throws {
    (self.library, self.folder) = (library, folder)
    job = try Self.plan(settings, library, folder: folder)
  }

  static func pictures(_ settings: JSON) throws -> [String] {
    let ids = (settings["picture"]?.string).map { [$0] } ?? settings["pictures"]?.array?.compactMap(\.string) ?? []
    guard !ids.isEmpty else {
      throw Problem(422, "'picture' is missing; expected the id of an uploaded picture, or 'pictures' with several")
    }
    guard Set(ids).count == ids.count else { throw Problem(422, "a picture occurs twice in 'pictures'") }
    return ids
  }

  /// - Parameters:
  ///   - sources: files to restore in place of the settings' pictures.
  ///   - strengths: in place of those of the settings.
  static func plan(
    _ settings: JSON, _ library: Library, folder: String, sources: [String]? = nil, strengths: String? = nil
  ) throws -> RestorationJob {
    let files = try sources ?? pictures(settings).map { try library.pictures.path(of: library.pictures.picture($0)) }
    var request = try RestorationRequest(output: "\(folder)/")
    request.format = settings["format"]?.string
    request.scale = settings["scale"]?.number ?? 1
    request.corruption = try StrengthRequest(strengths ?? Self.strengths(settings["strengths"]))
    request.scratch = "\(folder.parentFolder)/unfinished"
    if let problem = request.scratch?.makeFolder() { throw Problem(507, "the folder of unfinished work cannot be made: \(problem)") }
    var work = Restorer.Settings()
    work.evaluations = settings["evaluations"]?.integer
    work.detail = settings["detail"]?.number ?? 0.5
    work.seed = Seed(UInt64(clamping: settings["seed"]?.integer ?? 0))
    work.device = library.device
    work.precision = PrecisionChoice.auto.resolved(on: library.device)
    do {
      let model = try library.models.place(settings["model"]?.string ?? "restore")
      let job = try RestorationJob(RestorationPlan(files, request), model: model.path, settings: work)
      try job.checkResources()
      return job
    } catch { throw SampleWork.withoutPaths(error, library) }
  }

  private static func strengths(_ value: JSON?) throws -> String {
    guard let members = value?.object else { return "auto" }
    for name in members.keys where name.wholeMatch(of: /[a-z0-9_]{1,40}/) == nil {
      throw Problem(422, "'\(name.prefix(40))' is no corruption")
    }
    // A request for none at all is not one for 'auto'.
    return members.isEmpty ? "auto" : members.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.number ?? 0)" }.joined(separator: ",")
  }

  func next() throws -> Double? { try job.next() }

  var message: String {
    let failed = job.failures.isEmpty ? "" : ", \(job.failures.count) cannot be restored"
    return "\(job.written.count) of \(job.count) pictures\(failed)"
  }

  /// The newest finished picture of several, made small.
  func preview() throws -> [UInt8]? {
    guard job.count > 1, let last = job.outcomes.last, last.output != shown else { return nil }
    shown = last.output
    return try PictureStore.reduced(last.output, to: 512).encoded()
  }
  private var shown = ""

  func takeResults() throws -> [JobResult]? {
    guard job.outcomes.count != told else { return nil }
    told = job.outcomes.count
    return try results()
  }
  private var told = 0

  func finish() throws -> [JobResult] {
    if job.outcomes.isEmpty, let failure = job.failures.first { throw Problem(422, library.withoutPaths(failure.problem)) }
    return try results()
  }

  private func results() throws -> [JobResult] {
    try job.outcomes.map { outcome in
      let name = (outcome.output as NSString).lastPathComponent
      var result = try SampleWork.result(name, folder, outcome.resultWidth, outcome.resultHeight)
      result.picture = ((outcome.input as NSString).lastPathComponent as NSString).deletingPathExtension
      return result
    }
  }
}
