import Foundation
import Training

/// Where a run stands, by its folder alone: it may be in training in another process, or be a copy from another machine.
public struct RunStatus: Codable, Sendable, Equatable {
  public enum State: String, Codable, Sendable {
    /// It has no line in its log yet.
    case starting
    case training
    /// It has not written to its log for long: it ended, was stopped or hangs.
    case silent
    case finished
  }

  public var run: String
  public var state: State
  public var step: Int, images: Int
  /// The share of the duration that is over, 0 to 1; nil in logs of version 0.1.0.
  public var progress: Double?
  /// The value in the last line that has one.
  public var loss: Double?, validationLoss: Double?
  /// A classifier's accuracies.
  public var accuracy: Double?, validationAccuracy: Double?
  public var learningRate: Double?, imagesPerSecond: Double?
  /// Seconds of training, and how many more are to be expected.
  public var seconds: Double, secondsLeft: Double?
  /// Seconds since the log changed, by the clock of this machine.
  public var age: Double?
  /// What was found last of the samples, and the path of the best checkpoint by that; nil for a run without `evaluation`.
  public var lastEvaluation: EvaluationLogLine?, bestCheckpoint: String?
  public var lastPreview: String?, lastCheckpoint: String?
  public var warnings: [String]
}

/// What there is to see of a run at one moment.
public struct RunWatch {
  public let status: RunStatus
  private let log: RunLog

  /// - Parameter run: a run folder.
  /// - Throws: `CheckpointError` when it is none.
  public init(_ run: String, now: Date = Date()) throws {
    let folder = try RunFolder(existing: run)
    let log = RunLog(path: folder.logPath)
    let changed = try? FileManager.default.attributesOfItem(atPath: folder.logPath)[.modificationDate] as? Date
    self.init(folder, log, age: changed.map { max(0, now.timeIntervalSince($0)) })
  }

  init(_ folder: RunFolder, _ log: RunLog, age: Double?) {
    self.log = log
    let last = log.lines.last
    status = RunStatus(
      run: folder.path, state: Self.state(of: log, age: age), step: last?.step ?? 0, images: last?.images ?? 0, progress: last?.progress,
      loss: log.lines.last { $0.loss != nil }?.loss, validationLoss: log.lines.last { $0.validationLoss != nil }?.validationLoss,
      accuracy: log.lines.last { $0.accuracy != nil }?.accuracy,
      validationAccuracy: log.lines.last { $0.validationAccuracy != nil }?.validationAccuracy, learningRate: last?.learningRate,
      imagesPerSecond: last?.imagesPerSecond, seconds: last?.seconds ?? 0,
      secondsLeft: Self.secondsLeft(log), age: age, lastEvaluation: log.evaluations.last, bestCheckpoint: try? folder.bestCheckpointPath(),
      lastPreview: folder.previews.last?.path,
      lastCheckpoint: folder.checkpointNames.last.map { "\(folder.path)/checkpoints/\($0)" }, warnings: Array(log.warnings.suffix(20)))
  }

  /// The curve of the loss in characters.
  public func curve(columns: Int, rows: Int) -> [String] {
    CharacterPlot(columns: columns, rows: rows).lines(log.points(\.loss))
  }

  /// The time left by the speed of the last lines; nil where it is unknown.
  private static func secondsLeft(_ log: RunLog) -> Double? {
    let recent = log.lines.suffix(20)
    guard let last = recent.last, let done = last.progress else { return nil }
    guard done < 1, last.stoppedEarly != true else { return 0 }
    let first = recent.count > 1 ? recent.first : nil
    let (seconds, progress) = (last.seconds - (first?.seconds ?? 0), done - (first?.progress ?? 0))
    return seconds > 0 && progress > 0 ? seconds / progress * (1 - done) : nil
  }

  /// So many times the usual time between lines of the log, and at least ten minutes, is long.
  private static let longTimes = 5.0, longSeconds = 600.0

  private static func state(of log: RunLog, age: Double?) -> RunStatus.State {
    guard let last = log.lines.last else { return .starting }
    if last.stoppedEarly == true || last.progress.map({ $0 >= 1 }) ?? false { return .finished }
    let usual = last.seconds / Double(max(1, log.lines.count))
    return age.map { $0 > max(longTimes * usual, longSeconds) } ?? false ? .silent : .training
  }
}
