import Failures
import Training

extension TrainingJob {
  /// Goes back to the newest checkpoint that one can train on from, with half the rate.
  ///
  /// The checkpoint is written again with the number of attempts, so that a session that is interrupted right after takes the same
  /// steps, and lines of the log and snapshots of later steps go.
  /// - Returns: false when there is no such checkpoint or the recipe allows no further attempt.
  /// - Throws: errors of the folder.
  func rollBack(after error: TrainingError) throws -> Bool {
    guard let group else { return try rollBackAlone() }
    // All processes skip the same steps, and the first has the checkpoints.
    let isDone = try group.sum([isWriter && rollBackAlone() ? 1 : 0])[0] > 0
    if isDone { try synchronize() }
    return isDone
  }

  private func rollBackAlone() throws -> Bool {
    let attempts = trainer.rollbacks, from = trainer.step + 1, seconds = trainer.seconds
    guard attempts < recipe.training.rollbacks, let name = folder.newestGoodCheckpoint else { return false }
    let checkpoint = try folder.checkpoint(at: name)
    try restoreTimesteps(checkpoint)
    try restore(checkpoint)
    trainer.countRollback(after: attempts, seconds: seconds)
    try folder.cutLog(to: trainer.step)
    folder.removeSnapshots(after: trainer.step)
    try recallEvaluations()
    try save()
    log = TrainingLog(from: trainer.position, unusable: unusable.count)
    (last, validationLoss) = (nil, nil)
    let event = RollbackLogLine(
      step: trainer.step, images: trainer.images, rollback: trainer.rollbacks, divergedAtStep: from, learningRate: trainer.learningRate)
    try folder.log(event)
    warnings.append("\(event)")
    reporting.begin(at: trainer.step, recipe: recipe.yaml())
    return true
  }
}

/// A line of a run's log about going back to an earlier checkpoint.
struct RollbackLogLine: Codable, Sendable, CustomStringConvertible {
  /// The step and images of the checkpoint.
  let step: Int, images: Int
  /// The number of the attempt, from 1.
  let rollback: Int
  let divergedAtStep: Int
  /// The learning rate from now on, at this step of the schedule.
  let learningRate: Double

  enum CodingKeys: String, CodingKey {
    case step, images, rollback, divergedAtStep = "diverged_at_step", learningRate = "learning_rate"
  }

  var description: String {
    "diverged at step \(divergedAtStep): back to the checkpoint of step \(step) with half the learning rate, \(learningRate) "
      + "(attempt \(rollback))"
  }
}
