import ArgumentParser
import Failures
import Training
import Workflows

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model by a recipe.",
    discussion: """
      A new folder under runs/, printed first, gets the recipe, checkpoints, a log and previews. Control-C finishes the step,
      saves and stops; 'sfumato resume' goes on. Example:

        sfumato train recipes/glyphs.yaml --set training.duration=10m
      """)

  @Argument(help: "The recipe, a YAML file; 'sfumato recipe show' prints it with every default.")
  var recipe: String

  @Option(help: ArgumentHelp("Lay a value over the recipe; may be repeated.", valueName: "key.path=value"))
  var set: [String] = []

  @Option(
    name: .customLong("run"), help: ArgumentHelp("The folder to train in; by default a new one under runs/.", valueName: "folder"))
  var folder: String?

  @OptionGroup var device: DeviceOptions
  @OptionGroup var output: OutputOptions

  mutating func run() throws {
    let plan = try TrainingPlan(recipe: recipe, set: set, device: device.device())
    if !output.quiet { TrainingView.warn(of: plan.memory) }
    try TrainingView.follow(TrainingJob(plan, folder: folder), plan.memory, output)
  }
}

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Go on with a training from its newest checkpoint.",
    discussion: """
      The steps are those that an uninterrupted training would have taken. To train for longer than the recipe says:

        sfumato resume runs/glyphs --set training.duration=1h
      """)

  @Argument(help: "The folder of the training.")
  var folder: String

  @Option(help: ArgumentHelp("Override a value of the training's recipe for good; may be repeated.", valueName: "key.path=value"))
  var set: [String] = []

  @Option(help: ArgumentHelp("Resume from this checkpoint instead of the newest, as 000004000.", valueName: "checkpoint"))
  var from: String?

  @Flag(help: "Resume although the data are not those that the training began with.")
  var acceptNewData = false

  @OptionGroup var device: DeviceOptions
  @OptionGroup var output: OutputOptions

  mutating func run() throws {
    let plan = try TrainingPlan(resuming: folder, set: set, acceptsNewData: acceptNewData, checkpoint: from, device: device.device())
    if !output.quiet { TrainingView.warn(of: plan.memory) }
    try TrainingView.follow(TrainingJob(resuming: plan), plan.memory, output)
  }
}

/// Shows a training until it ends or somebody stops it.
enum TrainingView {
  /// Said before memory is taken: what is too much for the machine ends the program without a word.
  static func warn(of memory: TrainingMemory?) {
    guard let memory, let fitting = memory.fittingBatch, let available = memory.available else { return }
    let advice =
      fitting > 0
      ? "--set training.batch_size=\(fitting) would fit" : "not even one image at a time fits; take a smaller network or smaller images"
    Console.note(
      "warning: batches of \(memory.estimate.images) need about \(Console.bytes(memory.estimate.bytes)) of memory, and "
        + "\(Console.bytes(available)) are free; \(advice)")
  }

  static func follow(_ job: TrainingJob, _ memory: TrainingMemory?, _ output: OutputOptions) throws {
    if !output.quiet { introduce(job, memory) }
    var view = Progress(job, quiet: output.quiet)
    try LongWork(title: "training", quiet: output.quiet, stage: .writing).run {
      try view.take(job.next())
    } detail: {
      view.detail
    } afterStep: { bar in
      view.tell(&bar)
      if Signals.takeSaveRequest() { try view.save(&bar) }
    } onStop: {
      try job.finish()
      view.reports.sum(job.unusable)
      if !output.quiet { Console.note("stopped and saved at step \(job.position.step); resume with: sfumato resume \(job.folder.path)") }
    }
    view.reports.sum(job.unusable)
    try report(job, output)
  }

  /// `  20000 images: loss 0.0312, by quarters of the noise 0.11, 0.012, 0.0021, 0.0008`, the least noisy first.
  private static func summary(of line: TrainingLogLine) -> String {
    let number = { (value: Double?) in value.map(Console.number) ?? "-" }
    let quarters = line.quartiles.map(number).joined(separator: ", ")
    let validation = line.validationLoss.map { ", of held-out pictures \(Console.number($0))" } ?? ""
    let unusable = line.unusablePictures.map { ", \($0) pictures unusable" } ?? ""
    return "  \(line.images) images: loss \(number(line.loss)), by quarters of the noise \(quarters)\(validation)\(unusable)"
  }

  /// What is shown from step to step.
  private struct Progress {
    let job: TrainingJob, quiet: Bool
    var reports: UnusableReports
    private let start = ContinuousClock.now, before: TrainingPosition
    private var step: TrainingStep?, smoothLoss: Double?, problem: String?

    init(_ job: TrainingJob, quiet: Bool) {
      (self.job, self.quiet) = (job, quiet)
      before = job.position
      reports = UnusableReports(quiet: quiet)
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

    /// Lines above the bar: pictures that cannot be used, what was logged, a preview that failed.
    mutating func tell(_ bar: inout ProgressBar) {
      reports.show(job.unusable, &bar)
      if !quiet, let line = job.lastLogLine, line.step == step?.step {
        bar.makeRoom()
        Console.note(TrainingView.summary(of: line))
      }
      guard let new = job.previewProblem, new != problem else { return }
      problem = new
      bar.finish()
      Console.note("a preview could not be made: \(new)")
    }

    func save(_ bar: inout ProgressBar) throws {
      try job.save()
      guard !quiet else { return }
      bar.makeRoom()
      Console.note("saved at step \(job.position.step), as SIGUSR1 asks")
    }
  }

  private static func introduce(_ job: TrainingJob, _ memory: TrainingMemory?) {
    let data = job.modelRecipe.data
    let classes = data.classNames.isEmpty ? "no classes" : "\(data.classNames.count) classes"
    Console.note("training in \(job.folder.path)")
    let heldOut = job.data.split.validation.count
    let validation = heldOut > 0 ? ", \(heldOut) of them held out" : ""
    Console.note("  data     \(job.dataset.count) images, \(data.height) x \(data.width) x \(data.channels), \(classes)\(validation)")
    Console.note("  network  \(job.modelRecipe.networkType), \(Console.count(Double(job.parameterCount))) parameters")
    if let given = job.modelRecipe.restoration {
      let names = given.corruptionNames.isEmpty ? "" : ", told the strengths of \(given.corruptionNames.joined(separator: ", "))"
      Console.note("  given    bad pictures of \(given.image[1]) x \(given.image[2])\(names)")
    }
    Console.note("  on       \(job.device), \(job.recipe.training.precision.rawValue), for \(job.recipe.training.duration)")
    if let memory { Console.note("  memory   about \(Console.bytes(memory.estimate.bytes)), in batches of \(memory.estimate.images)") }
    if job.position.step > 0 { Console.note("  goes on after step \(job.position.step), \(job.position.images) images") }
  }

  private static func report(_ job: TrainingJob, _ output: OutputOptions) throws {
    let model = try job.folder.latestModelPath()
    if output.json {
      try Console.result(
        try JSONText.of(Result(model: model, step: job.position.step, images: job.position.images, seconds: job.position.seconds)))
    } else {
      try Console.result(model)
      let advice = job.modelRecipe.restoration == nil ? "sample from it with: sfumato sample" : "what it restores says: sfumato inspect"
      if !output.quiet { Console.note("done: \(advice) \(job.folder.path)") }
    }
  }

  private struct Result: Encodable {
    let model: String, step: Int, images: Int, seconds: Double
  }
}
