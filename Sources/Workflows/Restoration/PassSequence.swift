import Checkpoints
import Failures
import Foundation
import Imaging

/// Restores planes through the passes of a picture, pulled. What was finished by an earlier, interrupted run is taken over.
final class PassSequence {
  private let restorer: Restorer
  private let passes: RestorationPasses
  /// The strengths of the first pass, without the reduction.
  private let strengths: [Double]
  /// The folder of unfinished work, and the name of these planes in it.
  private let folder: String, name: String
  private let identity: String
  /// What is known of the first pass's picture; nil for all of it.
  private let known: MappedPicture?
  /// What the next pass starts from.
  private var current: MappedPicture
  private var index = 0
  private var underWay: Work?
  /// That of the last pass that was run here.
  private(set) var drift: ColourDrift?

  private struct Work {
    let run: RestorationRun, result: MappedPicture
  }

  init(
    _ source: MappedPicture, known: MappedPicture? = nil, name: String, strengths: [Double], passes: RestorationPasses,
    by restorer: Restorer, in folder: String, identity: String
  ) throws {
    (current, self.known, self.name, self.strengths, self.passes) = (source, known, name, strengths, passes)
    (self.restorer, self.folder, self.identity) = (restorer, folder, "\(identity)-\(name)")
    // Only the last pass that was finished is still there.
    guard let last = passes.passes.indices.last(where: { FileManager.default.fileExists(atPath: path($0, Self.mark)) }) else { return }
    current = try restored(last)
    index = last + 1
  }

  /// - Returns: the completed fraction; nil when all passes are done.
  func next() throws -> Double? {
    guard index < passes.passes.count else { return nil }
    let work = try underWay ?? begin()
    underWay = work
    if let share = try work.run.next() { return fraction(share) }
    drift = work.run.colourDrift
    underWay = nil
    try finish(work.result)
    for used in [path(index, "degraded"), path(index, "canvas")] { try? FileManager.default.removeItem(atPath: used) }
    index += 1
    return fraction(0)
  }

  /// The restored planes, at the size of the last pass.
  var result: MappedPicture { current }

  /// The fraction of the work by areas: each pass is four times as large as the one before.
  private func fraction(_ share: Double) -> Double {
    let areas = passes.passes.map { Double($0.width) * Double($0.height) }
    let done = areas.prefix(index).reduce(0, +) + (index < areas.count ? share * areas[index] : 0)
    return min(done / areas.reduce(0, +), 1)
  }

  private static let mark = "finished"
  private func path(_ pass: Int, _ what: String) -> String { "\(folder)/\(name)-\(pass)-\(what)" }

  /// The result of a pass, or what an interrupted run has of it.
  private func restored(_ pass: Int) throws -> MappedPicture {
    let size = passes.size(after: passes.passes[pass])
    return try MappedPicture(
      at: path(pass, "restored"), width: size.width, height: size.height, channels: current.channels, samples: current.samples,
      keeping: true)
  }

  private func begin() throws -> Work {
    let pass = passes.passes[index], result = try restored(index)
    var degraded = current
    if (pass.width, pass.height) != (current.width, current.height) {
      degraded = try MappedPicture(
        at: path(index, "degraded"), width: pass.width, height: pass.height, channels: current.channels, samples: current.samples)
      // As in training, where the picture is enlarged like this.
      current.resample(into: degraded, .bicubic)
    }
    try RestorationScratch.make(path(index, "canvas"))
    let run = try RestorationRun(
      degraded, known: index == 0 ? known : nil, strengths: passes.strengths(strengths, names: restorer.strengthNames, pass: index),
      by: restorer, into: result,
      scratch: path(index, "canvas"),
      identity: "\(identity)-\(index)")
    return Work(run: run, result: result)
  }

  /// The mark comes after the pixels are on the disk.
  private func finish(_ result: MappedPicture) throws {
    for rows in result.bands() { try result.synchronize(rows: rows) }
    try AtomicFile.write("", to: path(index, Self.mark))
    if index > 0 { try? FileManager.default.removeItem(atPath: path(index - 1, "restored")) }
    current = result
  }
}
