import Failures
import Models
import Training

extension TrainingJob {
  /// Takes one step and writes what is due, the checkpoint first; nil when the run's duration is over, or the run is stopped early, and
  /// everything is saved.
  /// - Throws: errors of the data, the network or the system; `SfumatoError` when the loss stays non-finite. Progress is saved first
  ///   if possible.
  public func next() throws -> TrainingStep? {
    do { return try step() } catch {
      try? saveAfter(error)
      report()
      throw error
    }
  }

  private func step() throws -> TrainingStep? {
    // A session may have ended between a checkpoint and the validation after it.
    try validateIfDue()
    try evaluateIfDue()
    guard let step = try nextOfTrainer() else {
      try finish()
      return nil
    }
    last = step
    log.add(step)
    let training = recipe.training
    let (previewsNow, savesNow) = (isDue(training.previewEvery), isDue(training.checkpointEvery))
    if previewsNow || savesNow || progress >= 1 { trainer.requestValidation() }
    if savesNow { try save() }
    try validateIfDue()
    if savesNow { try evaluateIfDue() }
    if isDue(training.snapshotEvery), isWriter { try writeSnapshot() }
    if isDue(training.logEvery) { try writeLog() }
    if previewsNow, isWriter { preview() }
    if savesNow { report() }
    warnings += reporting.takeProblems()
    return step
  }

  /// Whether the last step passed a multiple of so many images.
  func isDue(_ every: Int) -> Bool { Self.isDue(every, at: trainer.images, batchSize: recipe.training.batchSize) }

  private static func isDue(_ every: Int, at images: Int, batchSize: Int) -> Bool { (images - batchSize) / every != images / every }

  /// The next step, after going back to the last good checkpoint where steps stay without finite gradients.
  private func nextOfTrainer() throws -> TrainingStep? {
    while true {
      do { return try trainer.next() } catch let error as TrainingError {
        guard try rollBack(after: error) else {
          throw SfumatoError(.data, "\(error):\n  \(folder.resumeCommand(afterDivergenceAt: trainer.baseLearningRate))")
        }
      }
    }
  }

  /// Writes whatever is still unsaved, at the end and when the user stops training.
  public func finish() throws {
    if savedStep != trainer.step { try save() }
    try writeLog()
    try evaluateIfDue()
    report()
    warnings += reporting.takeProblems()
  }

  private func report() {
    if isWriter { reporting.write(TrainingReport(self)) }
  }

  /// After an error the weights are those of the last complete step. After divergence they are not worth keeping.
  private func saveAfter(_ error: any Error) throws {
    guard savedStep != nil, savedStep != trainer.step, !trainer.isSkipping else { return }
    try save()
    try writeLog()
  }

  /// Writes a checkpoint, unless steps are being skipped; then the last good one remains the newest. Of several processes the first does.
  public func save() throws {
    guard !trainer.isSkipping else { return }
    if isWriter {
      let provenance = Provenance(step: trainer.step, images: trainer.images, seed: recipe.training.seed)
      try folder.save(checkpoint(), metadata: ModelFile.metadata(modelRecipe, provenance), keep: retention)
    }
    savedStep = trainer.step
  }

  /// The training as it stands.
  func checkpoint() -> RunFolder.Checkpoint {
    RunFolder.Checkpoint(
      weights: trainer.weights(), average: trainer.average.stateDict(), averages: trainer.update.further.stateDict(),
      optimizer: trainer.optimizer.stateDict(), timesteps: loss.timesteps.state, position: trainer.position)
  }

  /// The newest checkpoints, those that `keep_every` names, the one whose samples are the best, and where training may stop early that of the
  /// lowest held-out loss.
  private var retention: RunFolder.Retention {
    let training = recipe.training, lowest = training.earlyStopping == nil ? nil : trainer.validation.progress.bestStep
    return RunFolder.Retention(newest: training.keepCheckpoints, steps: Set([lowest, folder.bestStep].compactMap { $0 })) { images in
      training.keepEvery > 0 && images > 0 && Self.isDue(training.checkpointEvery, at: images, batchSize: training.batchSize)
        && (images / training.checkpointEvery) % training.keepEvery == 0
    }
  }

  private func writeSnapshot() throws {
    let averages = trainer.update.further.powerState()
    guard averages.count > 0, !trainer.isSkipping else { return }
    try folder.writeSnapshot(averages, updates: trainer.update.further.updates, step: trainer.step)
  }

  func writeLog() throws {
    guard isWriter, let last, !log.isEmpty else { return }
    let line = log.line(
      to: last, validation: validationLoss, unusable: unusable, parameterNorm: try? trainer.parameterNorm(),
      memoryBytes: AvailableMemory.resident, isStoppedEarly: trainer.isStoppedEarly)
    validationLoss = nil
    try folder.log(line)
    lastLogLine = line
    reporting.add(line)
    log = TrainingLog(from: trainer.position, unusable: unusable.count)
  }

  // MARK: Validation and previews

  /// Measures the loss of the held-out examples, for the next log line and for what depends on it. When a stop is requested meanwhile,
  /// it stays due for the session that resumes the run.
  private func validateIfDue() throws {
    guard trainer.validation.isDue else { return }
    let count = min(loader.validationBatchCount, max(1, type(of: loss).mostHeldOut / recipe.training.batchSize))
    do {
      let found = count > 0 ? try sharedValidation(of: count) : nil
      trainer.observe(validationLoss: found?.mean)
      validationLoss = found
    } catch Failure.interrupted {}
  }

  /// Each of several processes takes some of the batches. When one is asked to stop, all of them leave it.
  private func sharedValidation(of count: Int) throws -> ValidationLoss {
    let batch = { [self] number in try loader.validationBatch(number, on: device) }
    guard let group else { return try loss.validation(of: count, batch) }
    var found: ValidationLoss?
    do { found = try loss.validation(of: count, rank: group.rank, size: group.size, batch) } catch Failure.interrupted {}
    let stops = try group.sum([found == nil ? 1 : 0])[0]
    guard stops == 0, let found else { throw Failure.interrupted }
    return try found.summed(over: group)
  }

  /// Writes a preview from the weights and their average; a classifier has none.
  private func preview() {
    guard let preview = TrainingPreview(self) else { return }
    do {
      let picture = try preview.draw()
      try picture.write(to: folder.previewPath(images: trainer.images))
      reporting.add(preview: picture, step: trainer.step)
      previewProblem = nil
    } catch Failure.interrupted {
    } catch {
      previewProblem = "\(error)"
    }
  }
}
