import Foundation

/// A file that a job made.
struct JobResult: Codable, Sendable {
  /// Made by the server; the last part of the URL.
  var name: String
  var type: String, bytes: Int
  var width: Int?, height: Int?
  /// Of a sample: the seed of its job, its number there, and its class.
  var seed: Int?, number: Int?, className: String?
  /// The picture that was restored.
  var picture: String?
  /// Where it is, if not among the job's own results.
  var url: String?

  func json(job: String) -> JSON {
    .members([
      "name": .string(name), "url": .string(url ?? "/api/v1/jobs/\(job)/results/\(name)"), "type": .string(type), "bytes": .integer(bytes),
      "width": .optional(width), "height": .optional(height), "seed": .optional(seed), "number": .optional(number),
      "class": .optional(className), "picture": .optional(picture),
    ])
  }
}

/// Everything about a job that outlives the server: `jobs/ID/job.json`.
struct JobRecord: Codable, Sendable {
  enum State: String, Codable, Sendable, CaseIterable {
    case waiting, running, finished, failed, cancelled, interrupted
    var isEnd: Bool { self != .waiting && self != .running }
  }
  struct Failure: Codable, Sendable { var status: Int, detail: String, hint: String? }

  let id: String, kind: String
  /// As they were sent.
  let settings: JSON
  var state = State.waiting
  let created: Date
  var started: Date?, ended: Date?
  /// Its turn among the waiting: the number of the job's last submission.
  var turn: Int
  /// The completed share, 0 to 1.
  var share = 0.0
  var message = ""
  var failure: Failure?
  var results: [JobResult] = []
  /// The run that a training writes.
  var run: String?

  /// Whether unfinished work lies in the folder.
  var canResume: Bool { (kind == "train" || kind == "restore") && (state == .interrupted || state == .cancelled) }
}

/// What a job shows while it is kept in memory.
struct JobView: Sendable {
  var record: JobRecord
  var secondsLeft: Double?, rate: Double?
  /// The newest preview, and its number.
  var preview: Data?, previews = 0
  /// The URL of a preview that lies elsewhere.
  var previewURL: String?
  var isCancelled = false

  var currentPreview: String? { previewURL ?? (preview == nil ? nil : "/api/v1/jobs/\(record.id)/preview?number=\(previews)") }

  /// - Parameter place: in the queue, from 1.
  func json(place: Int?) -> JSON {
    let problem = record.failure.map { Problem($0.status, $0.detail, hint: $0.hint).json }
    return .members([
      "id": .string(record.id), "kind": .string(record.kind), "state": .string(record.state.rawValue), "place": .optional(place),
      "created": .string(Self.text(record.created)), "started": record.started.map { .string(Self.text($0)) },
      "ended": record.ended.map { .string(Self.text($0)) }, "share": .number(record.share), "seconds_left": .optional(secondsLeft),
      "rate": .optional(rate), "message": .string(record.message), "problem": problem, "settings": record.settings,
      "preview": .optional(currentPreview), "results": .array(record.results.map { $0.json(job: record.id) }),
      "can_resume": .boolean(record.canResume), "run": .optional(record.run),
    ])
  }

  var progress: JSON {
    .members([
      "share": .number(record.share), "seconds_left": .optional(secondsLeft), "rate": .optional(rate), "message": .string(record.message),
    ])
  }

  static func text(_ date: Date) -> String { date.formatted(.iso8601) }
}
