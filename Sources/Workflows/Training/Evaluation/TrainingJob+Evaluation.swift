import Failures
import Training

/// What the evaluations of a run have found so far, by its log.
struct EvaluationHistory {
  /// The last one of all, and the best of those that can be compared with the next.
  var last: EvaluationLogLine?, best: EvaluationLogLine?
}

// Judging with every checkpoint: `evaluation`.
extension TrainingJob {
  /// Judges the checkpoint that was just written, or that a session resumes from, where that is due and the log does not have it: its lines
  /// are the only state. Of several processes the first does. When a stop is requested meanwhile, it stays due for the session that
  /// resumes the run; a failure is a warning and stops nothing.
  func evaluateIfDue() throws {
    guard let evaluation, isWriter, trainer.step > 0, savedStep == trainer.step, evaluations.last?.step != trainer.step,
      isDue(recipe.training.checkpointEvery) || progress >= 1 || isStoppedEarly, failedEvaluation != trainer.step
    else { return }
    let line: EvaluationLogLine
    do { line = try evaluation.judge(trainer.average.stateDict(), at: trainer.position) } catch Failure.interrupted { return } catch {
      failedEvaluation = trainer.step
      warnings.append("the samples of step \(trainer.step) were not judged: \(error)")
      return
    }
    // First the log, from which the best one is found again.
    try folder.log(line)
    try note(line)
    reporting.add(line)
  }

  private func note(_ line: EvaluationLogLine) throws {
    evaluations.last = line
    guard let figure = recipe.evaluation?.best, evaluations.best.map({ line.isBetter(than: $0, by: figure) }) ?? true else { return }
    evaluations.best = line
    try folder.write(best: line.step)
  }

  /// Finds in the log what earlier sessions have judged, as far as the run has come, and which of the checkpoints that are there is the best.
  func recallEvaluations() throws {
    guard isWriter, evaluation != nil || folder.bestStep != nil else { return }
    let lines = RunLog(path: folder.logPath).evaluations.filter { $0.step <= trainer.step }
    // Without a section the best one stays what it was.
    let settings = evaluation?.settings ?? lines.last { $0.step == folder.bestStep }?.settings
    let names = Set(folder.checkpointNames.compactMap { Int($0) })
    let comparable = lines.filter { $0.settings == settings && names.contains($0.step) }
    evaluations.last = lines.last { $0.settings == settings }
    evaluations.best = comparable.best(by: recipe.evaluation?.best ?? .frechetDistance)
    if evaluation != nil || !comparable.contains(where: { $0.step == folder.bestStep }) { try folder.write(best: evaluations.best?.step) }
  }
}
