import ArgumentParser
import Failures
import Models
import Tensors
import Training
import Workflows

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model from a recipe.",
    usage: "sfumato train [<options>] <recipe>",
    discussion: """
      The run folder, which is printed first, gets the recipe, checkpoints, previews and a log. Control-C, SIGTERM and SIGHUP save \
      and stop; SIGUSR1 saves without stopping. 'sfumato resume' resumes a run. To start from the weights of another model, set \
      training.initial_weights.

      Started by torchrun --no-python, srun or Kubernetes' PyTorchJob, the processes train together: each computes a part of every \
      batch, and the first writes the run.

      Examples:
        sfumato train recipes/glyphs.yaml --set training.duration=10m
        sfumato train recipes/glyphs.yaml --processes 2
        torchrun --no-python --nproc-per-node 2 -- sfumato train recipes/glyphs.yaml --run runs/glyphs
        sfumato train recipes/pictures.yaml --set data.path=photos --device cuda
        sfumato train mine.yaml --set training.initial_weights=runs/pictures
      """)

  @Argument(help: "The recipe: a YAML file, or the name of a bundled one such as glyphs. 'sfumato recipe show' adds every default.")
  var recipe: String

  @Option(help: ArgumentHelp("Override a recipe value; may be repeated.", valueName: "key.path=value"))
  var set: [String] = []

  @Option(
    name: .customLong("run"), help: ArgumentHelp("The run folder. Default: a new one under runs/.", valueName: "folder"))
  var folder: String?

  @OptionGroup var processes: ProcessOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var output: OutputOptions

  mutating func run() throws {
    try processes.run { group in
      let plan = try TrainingPlan(
        recipe: recipe, set: set + device.settings, device: device.device(in: group), processes: group?.size ?? 1)
      let output = output.shown(in: group)
      if !output.quiet { TrainingView.warn(of: plan.memory) }
      // From here on there is a folder to take back, and then something to save.
      try Signals.enter(.writing)
      try TrainingView.follow(TrainingJob(plan, folder: folder, in: group), plan.memory, output)
    }
  }
}

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Resume a training from its newest checkpoint.",
    usage: "sfumato resume [<options>] <folder>",
    discussion: """
      The steps are those that an uninterrupted training would have taken.

      Examples:
        sfumato resume runs/glyphs
        sfumato resume runs/glyphs --set training.duration=1h
        sfumato resume runs/glyphs --from best
        sfumato resume runs/pictures --set data.path=others --accept-new-data
      """)

  @Argument(help: "The run folder.")
  var folder: String

  @Option(help: ArgumentHelp("Override a value of the run's recipe permanently; may be repeated.", valueName: "key.path=value"))
  var set: [String] = []

  @Option(help: ArgumentHelp("Resume from this checkpoint instead of the newest, such as 000004000 or best.", valueName: "checkpoint"))
  var from: String?

  @Flag(help: "Resume even if the data differ from those of the run.")
  var acceptNewData = false

  @OptionGroup var processes: ProcessOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var output: OutputOptions

  mutating func run() throws {
    try processes.run { group in
      let plan = try TrainingPlan(
        resuming: folder, set: set + device.settings, acceptsNewData: acceptNewData, checkpoint: from, device: device.device(in: group),
        processes: group?.size ?? 1)
      let output = output.shown(in: group)
      if !output.quiet { TrainingView.warn(of: plan.memory) }
      try Signals.enter(.writing)
      try TrainingView.follow(TrainingJob(resuming: plan, in: group), plan.memory, output)
    }
  }
}

/// Shows a training until it ends or is stopped.
enum TrainingView {
  /// Called before memory is allocated: the system kills a program that needs too much without a message.
  static func warn(of memory: TrainingMemory?) {
    guard let memory, let fitting = memory.fittingBatch, let available = memory.available else { return }
    let advice =
      fitting > 0
      ? "--set training.microbatch=\(fitting) would fit" : "not even one image fits; use a smaller network or smaller images"
    Console.note(
      "warning: batches of \(memory.estimate.images) need about \(Console.bytes(memory.estimate.bytes)) of memory, and "
        + "\(Console.bytes(available)) are free; \(advice)")
  }

  static func follow(_ job: TrainingJob, _ memory: TrainingMemory?, _ output: OutputOptions) throws {
    if !output.quiet { introduce(job, memory) }
    var view = Progress(job, quiet: output.quiet)
    try LongWork(title: "training", quiet: output.quiet, stage: .writing, isStopping: { job.isStopping }).run {
      try view.take(job.next())
    } detail: {
      view.detail
    } afterStep: { bar in
      view.report(&bar)
      if Signals.takeSaveRequest() { try view.save(&bar) }
    } onStop: {
      try job.finish()
      view.reports.sum(job.unusable)
      if !output.quiet {
        let saved = job.isSaved ? "stopped and saved at step \(job.position.step)" : "stopped; \(unsaved(job))"
        Console.note("\(saved); resume with: \(ShellCommand("sfumato", "resume", job.folder.path))")
      }
      try job.leave()
    }
    view.reports.sum(job.unusable)
    if job.isWriter { try report(job, output) }
    try job.leave()
  }

  /// What to type next.
  private static func use(of job: TrainingJob) -> String {
    let run = job.folder.path
    if let classifier = job.modelRecipe as? ClassifierModelRecipe {
      guard !classifier.cleanImages else { return "describe it with: \(ShellCommand("sfumato", "inspect", run))" }
      return "guide samples with: \(ShellCommand("sfumato", "sample", job.recipe.guides ?? "MODEL", "--classifier", run))"
    }
    if job.modelRecipe.textLength != nil { return "sample from it with: \(ShellCommand("sfumato", "sample", run, "--text", "WORDS"))" }
    guard job.modelRecipe.restoration != nil else { return "sample from it with: \(ShellCommand("sfumato", "sample", run))" }
    return "restore a picture with: \(ShellCommand("sfumato", "restore", "PICTURE", "-o", "restored.png", "--model", run))"
  }

  /// Why the last steps are not in a checkpoint.
  fileprivate static func unsaved(_ job: TrainingJob) -> String {
    "nothing was saved since step \(job.savedStep ?? 0), because every step since was skipped"
  }

  /// `  20000 images: loss 0.0312, by quarters of the noise levels 0.11, 0.012, 0.0021, 0.0008`, the least noisy first.
  private static func summary(of line: TrainingLogLine) -> String {
    let number = { (value: Double?) in value.map(Console.number) ?? "-" }
    let quarters =
      line.quartiles.contains { $0 != nil }
      ? ", by quarters of the noise levels \(line.quartiles.map(number).joined(separator: ", "))" : ""
    let validation = line.validationLoss.map { ", held-out loss \(Console.number($0))" } ?? ""
    let unusable = line.unusablePictures.map { ", \($0) pictures unusable" } ?? ""
    return "  \(line.images) images: loss \(number(line.loss))\(quarters)\(validation)\(accuracy(of: line))\(unusable)"
  }

  /// The accuracies of a classifier's line: `, accuracy 0.91, held out 0.93, by quarters of the noise levels 0.99, 0.98, 0.93, 0.8`.
  private static func accuracy(of line: TrainingLogLine) -> String {
    guard let accuracy = line.accuracy else { return "" }
    let heldOut = line.validationAccuracy.map { ", held out \(Console.number($0))" } ?? ""
    let quarters = line.validationAccuracies.compactMap { $0.map(Console.number) }.joined(separator: ", ")
    return ", accuracy \(Console.number(accuracy))\(heldOut)" + (quarters.isEmpty ? "" : ", by quarters of the noise levels \(quarters)")
  }

  /// `  20000 images: Frechet distance of 1000 samples 2.31, class accuracy 0.97; the best so far`.
  fileprivate static func text(of line: EvaluationLogLine, isBest: Bool) -> String {
    let accuracy = line.classAccuracy.map { ", class accuracy \(Console.number($0))" } ?? ""
    let best = isBest ? "; the best so far" : ""
    return
      "  \(line.images) images: Frechet distance of \(line.evaluatedImages) samples \(Console.number(line.frechetDistance))\(accuracy)\(best)"
  }

  /// What is shown from step to step.
  private struct Progress {
    let job: TrainingJob, quiet: Bool
    var reports: UnusableReports
    private let start = ContinuousClock.now, before: TrainingPosition
    private var step: TrainingStep?, smoothLoss: Double?, problem: String?, warnings = 0, judged: EvaluationLogLine?

    init(_ job: TrainingJob, quiet: Bool) {
      (self.job, self.quiet) = (job, quiet)
      before = job.position
      reports = UnusableReports(quiet: quiet)
      judged = job.lastEvaluation
    }

    mutating func take(_ step: TrainingStep?) -> Double? {
      guard let step else { return nil }
      self.step = step
      if step.loss.isFinite { smoothLoss = smoothLoss.map { 0.98 * $0 + 0.02 * step.loss } ?? step.loss }
      return step.progress
    }

    var detail: String {
      guard let step else { return "" }
      let rate = Double(step.images - before.images) / (start.duration(to: .now) / .seconds(1))
      return "\(step.images) images, loss \(Console.number(smoothLoss ?? .nan)), \(Console.number(rate)) images/s"
    }

    /// Prints lines above the bar: unusable pictures, a summary of each log line, a failed preview.
    mutating func report(_ bar: inout ProgressBar) {
      reports.show(job.unusable, &bar)
      if !quiet, let line = job.lastLogLine, line.step == step?.step {
        bar.makeRoom()
        Console.note(TrainingView.summary(of: line))
      }
      if let line = job.lastEvaluation, line != judged {
        judged = line
        if !quiet {
          bar.makeRoom()
          Console.note(TrainingView.text(of: line, isBest: line == job.bestEvaluation))
        }
      }
      for warning in job.warnings.dropFirst(warnings) where !quiet {
        bar.makeRoom()
        Console.note("warning: \(warning)")
      }
      warnings = job.warnings.count
      guard let new = job.previewProblem, new != problem else { return }
      problem = new
      bar.finish()
      Console.note("preview failed: \(new)")
    }

    func save(_ bar: inout ProgressBar) throws {
      try job.save()
      guard !quiet else { return }
      bar.makeRoom()
      Console.note(job.isSaved ? "saved at step \(job.position.step) (SIGUSR1)" : "not saved (SIGUSR1): \(TrainingView.unsaved(job))")
    }
  }

  private static func introduce(_ job: TrainingJob, _ memory: TrainingMemory?) {
    let data = job.modelRecipe.data
    let classes =
      job.modelRecipe.textLength != nil ? "captions" : data.classNames.isEmpty ? "no classes" : "\(data.classNames.count) classes"
    Console.note("training in \(job.folder.path)")
    let heldOut = job.data.split.validation.count
    let validation = heldOut > 0 ? ", \(heldOut) images held out" : ""
    Console.note("  data     \(job.dataset.count) images, \(data.height) x \(data.width) x \(data.channels), \(classes)\(validation)")
    Console.note("  network  \(job.modelRecipe.networkType), \(Console.count(Double(job.parameterCount))) parameters")
    if let classifier = job.modelRecipe as? ClassifierModelRecipe {
      Console.note(
        "  given    " + (classifier.cleanImages ? "clean images" : "images with the noise of \(job.recipe.guides ?? "its process")"))
    }
    if let given = job.modelRecipe.restoration {
      let names = given.corruptionNames.isEmpty ? "" : " and the strengths of \(given.corruptionNames.joined(separator: ", "))"
      Console.note("  given    degraded pictures of \(given.image[1]) x \(given.image[2])\(names)")
    }
    let duration = job.recipe.training.duration, length = if case .images = duration { "\(duration) images" } else { "\(duration)" }
    Console.note("  on       \(job.device), \(job.recipe.training.precision.rawValue), for \(length)")
    if job.processCount > 1 {
      Console.note("  by       \(job.processCount) processes, of \(Console.counted(Torch.threadCount, "thread")) here")
    }
    if let memory { Console.note("  memory   about \(Console.bytes(memory.estimate.bytes)), in batches of \(memory.estimate.images)") }
    if job.position.step > 0 { Console.note("  resumed  after step \(job.position.step), \(job.position.images) images") }
  }

  /// - Throws: `SfumatoError` where the last steps changed nothing, so that the run does not hold what was asked for.
  private static func report(_ job: TrainingJob, _ output: OutputOptions) throws {
    guard job.isSaved else {
      throw SfumatoError(
        .data,
        "the training has ended, but \(unsaved(job)): their losses or gradients were not finite; "
          + "lower training.learning_rate, or check the data")
    }
    let model = try job.folder.latestModelPath()
    if output.json {
      try Console.result(
        try JSONText.of(Result(model: model, step: job.position.step, images: job.position.images, seconds: job.position.seconds)))
    } else {
      try Console.result(model)
      guard !output.quiet else { return }
      if job.isStoppedEarly { Console.note(stoppedEarly(job)) }
      if let best = job.bestEvaluation {
        Console.note(text(of: best, isBest: false) + "; the best checkpoint: \(job.folder.path)/best")
      }
      Console.note("done: \(use(of: job))")
    }
  }

  private static func stoppedEarly(_ job: TrainingJob) -> String {
    let best = job.position.validation.progress
    guard let loss = best.best, let step = best.bestStep else { return "stopped early: the held-out loss was never finite" }
    return "stopped early: the held-out loss has not improved since step \(step), where it was \(Console.number(loss)); "
      + "checkpoints are in \(job.folder.path)/checkpoints"
  }

  private struct Result: Encodable {
    let model: String, step: Int, images: Int, seconds: Double
  }
}
