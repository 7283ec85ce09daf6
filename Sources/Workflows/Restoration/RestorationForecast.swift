import Failures
import Foundation
import Imaging

/// What a restoration will take, found from the headers of the pictures before anything is computed.
public struct RestorationForecast: Sendable, Encodable {
  public struct Picture: Sendable, Encodable, Equatable {
    public let input: String, output: String
    /// Sizes in pixels.
    public let width: Int, height: Int, resultWidth: Int, resultHeight: Int
    /// Tiles of all passes, each of which takes the evaluations.
    public let tiles: Int, evaluations: Int
    public let memoryBytes: Int
    /// The most bytes of unfinished work and of the result.
    public let scratchBytes: Int, resultBytes: Int
    public let strengths: [String: Double]
    /// Nil where no tile was measured.
    public internal(set) var seconds: Double?
    /// The result exists and says that it was made from this picture, with this model and these settings.
    public let isFinished: Bool
  }
  public internal(set) var pictures: [Picture] = []
  public private(set) var failures: [FailedPicture] = []
  public let leftOut: Int
  /// The folder of the first result, and the one for unfinished work where it is another.
  private let output: String, scratch: String?

  private enum CodingKeys: CodingKey { case pictures, failures, leftOut }

  /// - Throws: `SfumatoError` for a file that exists and is not the result that would be written, unless it may be overwritten.
  init(_ plan: RestorationPlan, _ context: RestorationContext) throws {
    leftOut = plan.leftOut
    (output, scratch) = (plan.items[0].target.parentFolder, plan.request.scratch)
    for item in plan.items {
      try Interruption.check()
      do {
        let task = try RestorationTask(item, context)
        pictures.append(Picture(task, context, isFinished: try Self.isFinished(task, plan.request)))
      } catch {
        guard let failed = FailedPicture(item.source, error) else { throw error }
        failures.append(failed)
      }
    }
  }

  /// - Throws: where a file is in the way.
  private static func isFinished(_ task: RestorationTask, _ request: RestorationRequest) throws -> Bool {
    guard !request.overwrite, FileManager.default.fileExists(atPath: task.item.target) else { return false }
    guard task.record.isMade(task.item.target) else {
      throw SfumatoError(
        .usage,
        "\(task.item.target) exists and does not say that it was made from the same picture, model and settings; name another output or "
          + "set --overwrite")
    }
    return true
  }

  var pending: [Picture] { pictures.filter { !$0.isFinished } }

  /// Refuses what would not fit, before any work.
  /// - Throws: `SfumatoError` of the classes `memory` and `io`.
  func check() throws {
    if let largest = pending.max(by: { $0.memoryBytes < $1.memoryBytes }), largest.memoryBytes > AvailableMemory.bytes {
      throw SfumatoError(
        .memory,
        "\(largest.input) takes about \(Magnitude.bytes(largest.memoryBytes)) of memory and \(Magnitude.bytes(AvailableMemory.bytes)) are free; "
          + "choose smaller tiles by --tile")
    }
    let results = pending.reduce(0) { $0 + $1.resultBytes }, unfinished = pending.map(\.scratchBytes).max() ?? 0
    if let scratch {
      try Self.check(scratch, has: unfinished, for: "unfinished work")
      try Self.check(output, has: results, for: "the results")
    } else {
      try Self.check(output, has: unfinished + results, for: "unfinished work and the results")
    }
  }

  private static func check(_ folder: String, has bytes: Int, for purpose: String) throws {
    guard let free = freeBytes(folder), bytes > free else { return }
    throw SfumatoError(
      .io,
      "\(folder.isEmpty ? "." : folder) has \(Magnitude.bytes(free)) free and \(purpose) may take \(Magnitude.bytes(bytes)); make room, or name a folder of "
        + "another disk")
  }

  /// The free bytes on the disk of a folder, or of the nearest folder above it that exists; nil where the system does not say.
  private static func freeBytes(_ folder: String) -> Int? {
    var folder = folder
    while !folder.isEmpty, PicturePath.isFolder(folder) == nil { folder = folder.parentFolder }
    var facts = statvfs()
    guard statvfs(folder.isEmpty ? "." : folder, &facts) == 0 else { return nil }
    return Int(clamping: UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize)).partialValue)
  }
}

extension RestorationForecast.Picture {
  init(_ task: RestorationTask, _ context: RestorationContext, isFinished: Bool) {
    let (source, passes, restorer) = (task.source, task.passes, context.restorer)
    (input, output, self.isFinished) = (task.item.source, task.item.target, isFinished)
    (width, height, resultWidth, resultHeight) = (source.width, source.height, passes.width, passes.height)
    tiles = passes.passes.reduce(0) { $0 + restorer.tileCount(width: $1.width, height: $1.height) }
    evaluations = restorer.evaluations
    memoryBytes = passes.passes.map { restorer.memoryBytes(width: $0.width, height: $0.height) }.max() ?? 0
    strengths = Dictionary(uniqueKeysWithValues: task.namedStrengths.map { ($0.name, $0.value) })
    let sample = source.samples.bytes, planes = restorer.data.channels * (source.hasAlpha ? 2 : 1)
    let unfinished = passes.passes.map { pass in
      let after = passes.size(after: pass)
      return restorer.scratchBytes(width: pass.width, height: pass.height)
        + (pass.width * pass.height + 2 * after.width * after.height) * planes * sample
    }
    let result = passes.width * passes.height * source.channels * sample
    scratchBytes = source.width * source.height * (source.channels + planes + 1) * sample + (unfinished.max() ?? 0) + 2 * result
    // What compresses with losses takes less than a quarter.
    resultBytes = task.format.holdsDeepSamples ? result : result / 4
  }
}

extension RestorationForecast {
  /// Fills in the seconds, from a tile of noise that is restored once before and once for the clock.
  mutating func measure(by restorer: Restorer) throws {
    guard !pending.isEmpty else { return }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-measure-\(UUID().uuidString)").path
    try RestorationScratch.make(folder)
    defer { RestorationScratch.remove(folder) }
    let side = max(1, min(restorer.tile / restorer.factor, pending.map { max($0.resultWidth, $0.resultHeight) }.max() ?? 1)),
      factor = restorer.factor
    let channels = restorer.data.channels
    let tile = try MappedPicture(at: "\(folder)/tile", width: side, height: side, channels: channels, samples: .uint8)
    let result = try MappedPicture(
      at: "\(folder)/result", width: side * factor, height: side * factor, channels: channels, samples: .uint8)
    var seconds = 0.0
    for round in 0..<2 {
      let start = ContinuousClock.now
      try RestorationScratch.make("\(folder)/\(round)")
      let run = try RestorationRun(
        tile, strengths: restorer.strengthNames.map { _ in 0 }, by: restorer, into: result, scratch: "\(folder)/\(round)",
        identity: "measure-\(round)")
      while try run.next() != nil { try Interruption.check() }
      seconds = start.duration(to: .now) / .seconds(1)
    }
    for index in pictures.indices {
      let small = Double(pictures[index].resultWidth) * Double(pictures[index].resultHeight) / Double(side * side * factor * factor)
      pictures[index].seconds = seconds * (pictures[index].tiles == 1 ? min(small, 1) : Double(pictures[index].tiles))
    }
  }
}
