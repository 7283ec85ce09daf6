import Diffusion
import Failures
import Foundation
import Tensors

/// Restores one picture, pulled batch by batch.
///
/// Each evaluation of the network is computed in tiles on the whole picture, blended as estimates x̂₀ in bands of rows, and each band takes the
/// sampler's step as soon as it is blended (`StepReplay`). Noisy pictures, the sampler's memory and evaluations within a step lie on canvases,
/// mapped files; noise is a function of its position. So the anonymous memory depends on the tile and the picture's width alone, or its height
/// where it is very wide, tiles leave no seams, and what was interrupted is continued from the last band, to the same bytes. A single
/// evaluation needs no canvas.
public final class RestorationRun {
  private let restorer: Restorer
  private let source: RestorationSourceRows, result: OrientedPicture
  /// Whether it goes through the picture by columns.
  private let isTurned: Bool
  private let scratch: String
  private let plan: CanvasPlan, canvases: CanvasStore
  private let lastStage: any RowFinish
  private var journal: RestorationJournal
  private var sums: TileSums?
  private var finished: FinishedRows?
  /// The canvases that the band at hand is written to.
  private var written: Set<CanvasPlan.Role> = []

  /// - Parameters:
  ///   - degraded: of the model's channels, at the size of the result divided by `restorer.factor`.
  ///   - known: of one channel and the same size, 0 where the degraded picture is to be made up; nil where all of it is known, and always but for
  ///     priors.
  ///   - strengths: one for each of `restorer.strengthNames`, 0 to 1.
  ///   - result: of the same channels, written row by row; the one that an interrupted run wrote to is opened with `keeping`.
  ///   - scratch: an existing folder for canvases and the journal, used by one run at a time. What an interrupted run of the same identity and
  ///     settings left there is continued.
  ///   - identity: decides whether it is the same work: picture and model, say, by their contents.
  /// - Throws: `SfumatoError` for pictures and strengths that do not fit the model, and when the disk is too full.
  public convenience init(
    _ degraded: MappedPicture, known: MappedPicture? = nil, strengths: [Double], by restorer: Restorer, into result: MappedPicture,
    scratch: String, identity: String
  ) throws {
    try self.init(
      degraded, known: known, strengths: strengths, by: restorer, into: result, scratch: scratch, identity: identity,
      isTurned: Restorer.isTurned(width: result.width, height: result.height))
  }

  init(
    _ degraded: MappedPicture, known: MappedPicture? = nil, strengths: [Double], by restorer: Restorer, into result: MappedPicture,
    scratch: String, identity: String, isTurned: Bool
  ) throws {
    try Self.check(degraded, strengths, restorer, result, scratch)
    (self.restorer, self.scratch, self.isTurned) = (restorer, scratch, isTurned)
    source = RestorationSourceRows(
      degraded: OrientedPicture(degraded, isTurned: isTurned), known: known.map { OrientedPicture($0, isTurned: isTurned) },
      strengths: strengths, factor: restorer.factor)
    self.result = OrientedPicture(result, isTurned: isTurned)
    plan = CanvasPlan(restorer)
    lastStage = restorer.method.finish(strengths: strengths, color: restorer.settings.color)
    let whole = "\(identity), \(result.width) x \(result.height), \(strengths), \(restorer.settings), \(restorer.evaluations)"
    let kept = RestorationJournal(at: Self.journal(scratch), identity: whole)
    canvases = try CanvasStore(plan, in: scratch, width: self.result.width, height: self.result.height, keeping: kept != nil)
    journal = RestorationJournal(identity: whole, tile: restorer.tile)
    if let kept, canvases.wasKept { journal = kept }
    if journal == RestorationJournal(identity: whole, tile: restorer.tile) { journal.evaluation = firstEvaluation(of: 0) }
    if !result.wasKept { forgetResult() }
  }

  /// Goes back to the beginning of the last evaluation, the only one that writes to the result: its canvases are there still.
  private func forgetResult() {
    guard isLast || journal.step == needs.count else { return }
    (journal.step, journal.evaluation) = (needs.count - 1, needs[needs.count - 1].levels.count)
    (journal.rows, journal.drift) = (0, ColourDrift())
  }

  private static func journal(_ scratch: String) -> String { "\(scratch)/journal.json" }

  /// How far the low frequencies of the restored picture were from those of the degraded one.
  public var colourDrift: ColourDrift { journal.drift }

  /// Computes a batch of tiles, and steps the band that it completes. The run may be dropped between two calls, and begun again.
  /// - Returns: the completed fraction; nil when the result is complete.
  /// - Throws: `SfumatoError` when files cannot be written; `TorchFault` when even the smallest tile does not fit into memory.
  public func next() throws -> Double? {
    guard journal.step < needs.count else { return nil }
    do { try advance() } catch let fault as TorchFault where fault.kind == .outOfMemory {
      journal.tile = try restorer.halved(journal.tile, after: fault)
      (sums, finished) = (nil, nil)
    }
    return completed
  }

  /// Deletes the canvases and the journal: once the result is safe.
  public func removeScratch() {
    for name in plan.pictures.map({ "\($0.name).canvas" }) { try? FileManager.default.removeItem(atPath: "\(scratch)/\(name)") }
    try? FileManager.default.removeItem(atPath: Self.journal(scratch))
  }

  // MARK: Where it stands

  private var needs: [StepReplay.Needs] { restorer.replay.needs }
  private var level: NoiseLevel { needs[journal.step].levels[journal.evaluation - 1] }
  private var endsStep: Bool { journal.evaluation == needs[journal.step].levels.count }
  private var isLast: Bool { journal.step == needs.count - 1 && endsStep }

  private func firstEvaluation(of step: Int) -> Int { needs.indices.contains(step) && !needs[step].startsAtImages ? 0 : 1 }

  /// The share of all evaluations.
  private var completed: Double {
    guard journal.step < needs.count else { return 1 }
    let before = needs[..<journal.step].map(\.levels.count).reduce(0, +) + max(journal.evaluation - 1, 0)
    let part = sums?.completed ?? (journal.evaluation > 0 ? Double(journal.rows) / Double(result.height) : 0)
    return (Double(before) + part) / Double(restorer.evaluations)
  }
}

// MARK: Evaluations

extension RestorationRun {
  private func advance() throws {
    guard journal.evaluation > 0 else {
      return try finish(journal.rows..<min(journal.rows + bandRows, result.height), nil)
    }
    var sums = try self.sums ?? makeSums()
    let cells = sums.cells
    let x = Tensor.cat(cells.map { noisy($0.row.range, $0.column.range) }, dim: 0)
    let input = RestorationInput.batch(cells.map { source.part($0.row.range, $0.column.range) })
    let rows = try sums.add(upright(restorer.evaluate(upright(x), isTurned ? input.transposed : input, at: level)))
    self.sums = sums
    if let rows { try finish(rows.rows, rows.means) }
  }

  /// Turns from the run's orientation to the picture's, and back.
  private func upright(_ x: Tensor) -> Tensor { isTurned ? x.transpose(2, 3) : x }

  private func makeSums() throws -> TileSums {
    let geometry = restorer.geometry(side: journal.tile)
    let position = needs[..<journal.step].map(\.levels.count).reduce(0, +) + journal.evaluation
    // Multiples of powers of the plastic number's inverse, which fill the square evenly (Roberts 2018). The last grid is the plain one.
    func axis(_ length: Int, _ ratio: Double) -> TileAxis {
      let shift = isLast ? 0 : (Double(position) * ratio).truncatingRemainder(dividingBy: 1)
      return TileAxis(geometry.extent(of: length), geometry, shift: shift, ramp: restorer.blending.ramp)
    }
    if isLast {
      finished = FinishedRows(
        lastStage, source: source, result: result, alignment: restorer.method.tiles.alignment, written: journal.rows)
    }
    return TileSums(
      rows: axis(result.height, 0.7549), columns: axis(result.width, 0.5698), width: result.width, height: result.height,
      planes: result.channels * restorer.planes.count, batch: Restorer.batch(side: geometry.side),
      from: isLast ? FinishedRows.start(lastStage, written: journal.rows) : journal.rows)
  }

  /// What the network is to see of the noisy picture, `[1, C, rows, columns]`.
  private func noisy(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
    if journal.evaluation > 1 || !needs[journal.step].startsAtImages {
      return canvases[.state(evaluation: journal.evaluation)].readMirrored(rows: rows, columns: columns)
    }
    guard journal.step == 0 else { return canvases[.images(step: journal.step)].readMirrored(rows: rows, columns: columns) }
    let origin = restorer.blending.noiseOrigin(rows.lowerBound, columns.lowerBound)
    let down = Mirroring(origin.y..<(origin.y + rows.count), length: result.height)
    let across = Mirroring(origin.x..<(origin.x + columns.count), length: result.width)
    return across.applied(to: down.applied(to: start(down.source, across.source), axis: 2), axis: 3)
  }

  /// Pure noise, taken as images at the first level.
  private func start(_ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
    var noise = PositionalNoise(seed: restorer.settings.seed, rows: rows, columns: columns, isTurned: isTurned)
    let drawn = noise.normal([1, result.channels, rows.count, columns.count]), first = restorer.replay.levels[0]
    // 1 but for levels that do not preserve variance.
    let scale = (first.alpha * first.alpha + first.sigma * first.sigma).squareRoot()
    return scale == 1 ? drawn : scale * drawn
  }
}

// MARK: Steps

extension RestorationRun {
  private var bandRows: Int { max(1, Restorer.bandPixels / result.width).rounded(upTo: restorer.method.tiles.alignment) }

  /// Steps rows of which the evaluation at hand is complete, and notes that.
  /// - Parameter means: the blended estimates; nil before the first evaluation.
  private func finish(_ rows: Range<Int>, _ means: Tensor?) throws {
    for start in stride(from: rows.lowerBound, to: rows.upperBound, by: bandRows) {
      let band = start..<min(start + bandRows, rows.upperBound)
      try step(band, means.map { constrained($0.narrow(2, start - rows.lowerBound, band.count), band) })
    }
    for role in written {
      try canvases[role].synchronize(rows: rows)
      canvases[role].release(rows: rows)
    }
    written = []
    try finished?.write(&journal.drift)
    let done = finished?.written ?? rows.upperBound
    guard done > journal.rows else { return }
    if finished != nil { try result.settle(rows: journal.rows..<done) }
    journal.rows = done
    if done == result.height { proceed() }
    try journal.write(to: Self.journal(scratch))
  }

  private func proceed() {
    if endsStep {
      (journal.step, journal.evaluation) = (journal.step + 1, firstEvaluation(of: journal.step + 1))
    } else {
      journal.evaluation += 1
    }
    (journal.rows, sums, finished) = (0, nil, nil)
  }

  /// Blended estimates as the sampler is to see them.
  private func constrained(_ means: Tensor, _ band: Range<Int>) -> Tensor {
    let channels = result.channels
    let x0 = restorer.method.constrained(
      means.narrow(1, 0, channels), by: source.part(band, 0..<result.width), towards: restorer.replay.levels[journal.step + 1],
      isLast: isLast)
    guard let x0 else { return means }
    return means.size(1) == channels ? x0 : .cat([x0, means.narrow(1, channels, means.size(1) - channels)], dim: 1)
  }

  private func step(_ band: Range<Int>, _ means: Tensor?) throws {
    let step = journal.step, columns = 0..<result.width
    func stored(_ role: CanvasPlan.Role) -> Tensor { canvases[role].read(rows: band, columns: columns) }
    if let means, plan.keepsMean, step == 0, journal.evaluation == 1 { try store(means.narrow(1, 0, result.channels), .mean, band) }
    let noise = PositionalNoise(seed: restorer.settings.seed, rows: band, columns: columns, step: step + 1, isTurned: isTurned)
    let answers = (1..<max(journal.evaluation, 1)).map { stored(.answer(evaluation: $0)) }
    let outcome = restorer.replay.step(
      step, step == 0 ? start(band, columns) : stored(.images(step: step)),
      memory: (0..<needs[step].remembered).map { stored(.memory(step: step, index: $0)) }, answers: answers + (means.map { [$0] } ?? []),
      planes: restorer.planes, noise: noise)
    switch outcome {
    case .asks(let state):
      if let means { try store(means, .answer(evaluation: journal.evaluation), band) }
      try store(state, .state(evaluation: journal.evaluation + 1), band)
    case .ended(let transition, _) where isLast:
      let mean = plan.keepsMean ? stored(.mean) : transition.x
      finished?.take(mean + restorer.detail * (transition.x - mean))
    case .ended(let transition, let memory):
      let levels = restorer.replay.levels
      let x = restorer.method.stepped(transition, by: source.part(band, columns), from: levels[step], to: levels[step + 1])
      try store(x, .images(step: step + 1), band)
      for (index, tensor) in memory.prefix(needs[step + 1].remembered).enumerated() {
        try store(tensor, .memory(step: step + 1, index: index), band)
      }
    }
  }

  private func store(_ tensor: Tensor, _ role: CanvasPlan.Role, _ band: Range<Int>) throws {
    try canvases[role].write(tensor, row: band.lowerBound)
    written.insert(role)
  }

  private static func check(
    _ degraded: MappedPicture, _ strengths: [Double], _ restorer: Restorer, _ result: MappedPicture, _ scratch: String
  ) throws {
    let channels = restorer.data.channels, factor = restorer.factor
    guard degraded.channels == channels, result.channels == channels else {
      throw SfumatoError(.data, "pictures of \(degraded.channels) and \(result.channels) channels; the model restores those of \(channels)")
    }
    guard (result.width, result.height) == (factor * degraded.width, factor * degraded.height) else {
      throw SfumatoError(
        .data,
        "a degraded picture of \(degraded.width) x \(degraded.height) and a result of \(result.width) x \(result.height); expected one "
          + "\(factor) times the other")
    }
    let names = restorer.strengthNames
    guard strengths.count == names.count, strengths.allSatisfy({ (0...1).contains($0) }) else {
      throw SfumatoError(.usage, "strengths \(strengths); expected \(names.count) from 0 to 1: \(names.joined(separator: ", "))")
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: scratch, isDirectory: &isFolder), isFolder.boolValue else {
      throw SfumatoError(.missing, "there is no folder \(scratch) for intermediate results; make it, or name another")
    }
  }
}
