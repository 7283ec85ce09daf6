import Foundation
import Imaging
import Training

/// Writes a run's event files and its report. Neither ever stops a training: what fails is a warning, and event files end there.
final class RunReporting {
  private let folder: RunFolder
  private var events: EventFile?
  private var isOn: Bool
  /// What failed since it was last asked for.
  private var problems: [String] = []

  /// - Parameter hasEvents: whether event files are written at all.
  init(_ folder: RunFolder, hasEvents: Bool) {
    self.folder = folder
    isOn = hasEvents
  }

  func takeProblems() -> [String] {
    defer { problems = [] }
    return problems
  }

  /// A training begins or goes back: what was written of steps after `step` is no longer shown.
  func begin(at step: Int, recipe: String) {
    guard isOn else { return }
    attempt {
      events = try EventFile(in: folder.eventsPath, step: step)
      try add(step, .text(tag: "recipe", "```yaml\n\(recipe)\n```"))
    }
  }

  func add(_ line: TrainingLogLine) {
    attempt { try add(line.step, .scalars(line.scalars)) }
  }

  func add(_ line: EvaluationLogLine) {
    attempt { try add(line.step, .scalars(line.scalars)) }
  }

  func add(preview: Image, step: Int) {
    attempt { try add(step, .image(tag: "preview", preview)) }
  }

  private func add(_ step: Int, _ content: TensorBoardEvent.Content) throws {
    try events?.add(TensorBoardEvent(wallTime: Date().timeIntervalSince1970, step: step, content: content))
  }

  private func attempt(_ body: () throws -> Void) {
    guard isOn else { return }
    do { try body() } catch {
      (events, isOn) = (nil, false)
      problems.append("event files for TensorBoard end here: \(error)")
    }
  }

  func write(_ report: TrainingReport) {
    do { try report.write() } catch { problems.append("the report was not written: \(error)") }
  }
}

extension TrainingLogLine {
  /// Tags and values for TensorBoard.
  var scalars: [(tag: String, value: Double)] {
    let single: [(String, Double?)] = [
      ("accuracy/training", accuracy), ("accuracy/held_out", validationAccuracy), ("loss/training", loss),
      ("loss/held_out", validationLoss), ("loss/last_timestep", lossLast), ("gradient/norm", gradientNorm),
      ("gradient/noise_scale", gradientNoiseScale), ("gradient/skipped_steps", Double(skippedSteps)), ("parameters/norm", parameterNorm),
      ("learning_rate", learningRate), ("speed/images_per_second", imagesPerSecond), ("speed/images", Double(images)),
      ("memory/resident_bytes", memoryBytes.map { Double($0) }),
    ]
    let quarters = zip(quartiles, validationQuartiles).enumerated().flatMap { quarter, values in
      [("loss_by_noise/training_q\(quarter)", values.0), ("loss_by_noise/held_out_q\(quarter)", values.1)]
    }
    let accuracies = validationAccuracies.enumerated().map { quarter, value in ("accuracy_by_noise/held_out_q\(quarter)", value) }
    return (single + quarters + accuracies).compactMap { tag, value in value.map { (tag, $0) } }
  }
}
