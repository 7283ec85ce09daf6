import Checkpoints
import Failures
import Foundation
import Imaging

/// Restores one picture, pulled: decodes it, takes it through the passes, puts the result together and writes it.
///
/// Unfinished work lies in a folder of its own, from which the same request continues; it is removed with success.
final class PictureRestoration {
  /// What the restoration of several pictures shares.
  struct Tools {
    let restorer: Restorer
    /// Makes the restorer of opacity, with one evaluation; nil where the model has no use of a single one.
    let alphaRestorer: () throws -> Restorer?
    let request: RestorationRequest
    let details: Bool
  }
  private enum Stage { case decoding, colors, alpha, composing, finished }

  let task: RestorationTask
  private let tools: Tools
  private let folder: String
  private let passes: RestorationPasses
  private var stage = Stage.decoding
  private var planes: RestorationPlanes?
  private var colors: PassSequence?, alpha: PassSequence?
  private var known: MappedPicture?
  private var result: MappedPicture?
  private(set) var explained: Double?
  private(set) var detail: RestorationDetail?
  private let start = ContinuousClock.now

  init(_ task: RestorationTask, _ tools: Tools) throws {
    (self.task, self.tools) = (task, tools)
    passes = task.passes
    folder = RestorationScratch.folder(for: task, tools.request)
    try RestorationScratch.make(folder)
  }

  var isComputed: Bool { stage == .finished }
  var drift: ColourDrift? { colors?.drift.flatMap { $0.isEmpty ? nil : $0 } }
  var seconds: Double { start.duration(to: .now) / .seconds(1) }

  /// Takes a step.
  /// - Returns: the completed fraction of the picture.
  func next() throws -> Double {
    switch stage {
    case .decoding: try decode()
    case .colors:
      if let share = try colors?.next() { return share * colorShare }
      stage = alpha == nil ? .composing : .alpha
    case .alpha:
      if let share = try alpha?.next() { return colorShare + share * (0.99 - colorShare) }
      stage = .composing
    case .composing:
      try compose()
      return 1
    case .finished: return 1
    }
    return stage == .colors ? 0 : 0.99
  }

  private var colorShare: Double { alpha == nil ? 0.99 : 0.8 }

  private func decode() throws {
    let decoded = try task.source.decoded(at: "\(folder)/decoded")
    let planes = try RestorationPlanes(decoded, channels: tools.restorer.data.channels, in: folder)
    if let mask = task.mask {
      known = try mask.known(at: "\(folder)/known")
    }
    colors = try PassSequence(
      planes.colors, known: known, name: "color", strengths: task.strengths, passes: passes, by: tools.restorer, in: folder,
      identity: task.identity)
    if let plane = planes.alpha, let restorer = try tools.alphaRestorer() {
      alpha = try PassSequence(
        plane, name: "opacity", strengths: task.strengths.map { _ in 0 }, passes: passes, by: restorer, in: folder, identity: task.identity)
    }
    self.planes = planes
    stage = .colors
  }

  private func compose() throws {
    guard let planes, let colors else { return }
    let final = try projected(sized(colors.result, "final"), onto: planes.colors)
    let opacity = try (alpha?.result ?? planes.alpha).map { try sized($0, "final-opacity") }
    explained = try tools.restorer.method.unexplained(final, input: planes.colors, known: known)
    let format = task.format
    let composition = ResultComposition(
      colors: final, alpha: opacity, constantAlpha: planes.constantAlpha, isGrey: task.resultIsGrey,
      holdsDeepSamples: format.holdsDeepSamples, holdsAlpha: format.holdsAlpha)
    if tools.details { detail = try RestorationDetail(before: planes.colors, after: final, isGrey: task.resultIsGrey) }
    result = try composition.picture(at: "\(folder)/result")
    stage = .finished
  }

  /// A plane at the size of the result.
  private func sized(_ plane: MappedPicture, _ name: String) throws -> MappedPicture {
    if (plane.width, plane.height) == (passes.width, passes.height) { return plane }
    let sized = try MappedPicture(
      at: "\(folder)/\(name)", width: passes.width, height: passes.height, channels: plane.channels, samples: plane.samples)
    plane.resample(into: sized, .lanczos3)
    return sized
  }

  /// What was reduced and nothing else is the reduction of its result, too: what it lacks is added.
  private func projected(_ plane: MappedPicture, onto input: MappedPicture) throws -> MappedPicture {
    guard tools.restorer.settings.color, task.isOnlyReduced, plane.width > input.width, plane.height > input.height else { return plane }
    // On a copy, so that work that is continued starts from the same numbers.
    let copy = try MappedPicture(
      at: "\(folder)/projected", width: plane.width, height: plane.height, channels: plane.channels, samples: plane.samples)
    for rows in plane.bands() { try copy.write(plane.read(rows: rows, columns: 0..<plane.width), row: rows.lowerBound) }
    try InputConsistency(copy, input: input).project(scratch: folder)
    return copy
  }

  /// Writes the result and removes what was unfinished.
  /// - Throws: `ImagingError`.
  func write() throws {
    guard let result else { return }
    try PicturePath.makeFolder(of: task.item.target)
    let facts = PictureMemory.Facts(
      task.source.metadata, keepsProfile: task.keepsProfile, software: task.record.software, notes: task.record.notes)
    try result.withRows(0..<result.height) { bytes in
      let memory = PictureMemory(
        UnsafeRawBufferPointer(bytes), width: result.width, height: result.height, channels: result.channels,
        isDeep: result.samples == .uint16)
      try memory.write(to: task.item.target, as: task.format, facts)
    }
    RestorationScratch.remove(folder)
  }

  /// Removes what is unfinished of a picture that cannot be restored.
  func abandon() { RestorationScratch.remove(folder) }
}

/// The folders of unfinished work.
enum RestorationScratch {
  /// Named by everything that determines the result, so that only the same work continues there.
  static func folder(for task: RestorationTask, _ request: RestorationRequest) -> String {
    if let scratch = request.scratch { return "\(scratch.withoutTrailingSlashes)/\(task.identity)" }
    let parent = task.item.target.parentFolder
    return "\(parent.isEmpty ? "." : parent)/.sfumato-restore-\(task.identity)"
  }

  static func make(_ folder: String) throws {
    if let problem = folder.makeFolder() { throw SfumatoError(.io, "\(folder): cannot be made: \(problem)") }
  }

  /// Only what this program made lies in it.
  static func remove(_ folder: String) { try? FileManager.default.removeItem(atPath: folder) }
}
