import ArgumentParser
import Failures
import Tensors
import Workflows

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Judge a set of pictures against real ones, or pictures against originals.",
    usage: "sfumato evaluate [<options>] <samples> --against <data>",
    discussion: """
      Sets: Frechet distance, kernel distance, precision, recall, density and coverage on pixels or, with --features, on the \
      features of a classifier or of InceptionV3, then also inception score and, with classes, their accuracy. Beside every figure \
      stands that of as many real pictures against the same reference. Both sets are what 'sfumato data' reads: folders, archives, \
      .npz, IDX files, recipes. A model in place of samples is sampled; several samplers or numbers of steps give a table.

      Pairs (--pairs): PSNR, SSIM and MS-SSIM of pictures and their originals, matched by name.

      An unreadable picture is reported and left out, and the exit code is 65.

      Examples:
        sfumato evaluate digits.npz --against data/mnist
        sfumato evaluate digits.npz --against data/mnist --features runs/classifier
        sfumato evaluate digits --against data/mnist --steps 5,20 --plot quality.svg
        sfumato evaluate samples --against photos --size 32 --statistics photos32.npz
        sfumato evaluate samples --against photos --features pt_inception-2015-12-05-6726825d.pth
        sfumato evaluate restored --against originals --pairs --crop 2
      """)

  @Argument(help: "The pictures to judge, or a model to judge the samples of.")
  var samples: String

  @Option(
    help: ArgumentHelp("Real pictures, or an .npz with their statistics mu and sigma; with --pairs the originals.", valueName: "data"))
  var against: String

  @OptionGroup var sets: SetOptions
  @OptionGroup var pair: PairOptions
  @OptionGroup var processes: ProcessOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  /// How sets are judged.
  struct SetOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Features to compare: a classifier's (a file or a run), or InceptionV3's, of its published .pth. Default: pixels.",
        valueName: "model"))
    var features: String?

    @Option(
      help: ArgumentHelp(
        "How pictures are resized for InceptionV3: pytorch-fid or clean-fid. Default: pytorch-fid.", valueName: "program"))
    var resize: PictureResizing?

    @Option(help: "Pictures of each set. Default: all samples, 1000 of a model, at most half as many as real ones.")
    var count: Int?

    @Option(help: "Height and width in pixels: the largest central square of each picture, resized. Default: the samples'.")
    var size: Int?

    @Option(help: "Decides which pictures of larger sets are taken, and what a model samples. Default: 0.")
    var seed: UInt64?

    @Option(help: "Pictures that are evaluated at a time. Default: 64.")
    var batch: Int?

    @Option(
      help: ArgumentHelp(
        "Statistics of all real pictures, for the Frechet distance: read if the file exists, else written.", valueName: "file.npz"))
    var statistics: String?

    @Option(help: ArgumentHelp("Of a model: its sampling steps, or several numbers of them as 5,10,20.", valueName: "steps"))
    var steps: StepCounts?

    @Option(help: ArgumentHelp("Of a model: its sampler, or several as ddim,dpmpp_2m.", valueName: "names"))
    var samplers: ClassNames?

    @Option(help: "Of a model: scale of classifier-free guidance. Default: that of its recipe.")
    var guidance: Double?

    @Option(help: ArgumentHelp("Of a model: also a plot of the Frechet distance over evaluations, .svg or .png.", valueName: "file"))
    var plot: String?

    var areGiven: Bool {
      steps != nil || samplers != nil || guidance != nil || plot != nil || features != nil || resize != nil || count != nil
        || size != nil || seed != nil || batch != nil || statistics != nil
    }
  }

  /// How pairs are judged.
  struct PairOptions: ParsableArguments {
    @Flag(help: "Judge each picture against the original of its name.")
    var pairs = false

    @Option(help: "With --pairs: y, luma as restoration is judged on, or rgb. Default: y.")
    var channel: PairChannel?

    @Option(help: "With --pairs: pixels left out at each side. Default: 0.")
    var crop: Int?
  }

  func validate() throws {
    guard !pair.pairs || !sets.areGiven else {
      throw ValidationError("--pairs takes --channel and --crop alone; leave out the options of sets, such as --count")
    }
    guard !pair.pairs || processes.count == nil else { throw ValidationError("--pairs is done by one process; leave --processes out") }
    guard pair.pairs || pair.channel == nil && pair.crop == nil else {
      throw ValidationError("--channel and --crop go with --pairs; add it, or leave them out")
    }
  }

  mutating func run() throws {
    if pair.pairs { try judgePairs() } else { try processes.run { try judgeSets(in: $0) } }
  }

  private func request(in group: ProcessGroup?) throws -> EvaluationRequest {
    var request = EvaluationRequest(samples: samples, reference: against)
    (request.features, request.count, request.size, request.statistics) = (sets.features, sets.count, sets.size, sets.statistics)
    request.resizing = sets.resize
    if let seed = sets.seed { request.seed = seed }
    if let batch = sets.batch { request.batch = batch }
    request.sampling.guidanceScale = sets.guidance
    request.device = try device.device(in: group)
    return request
  }

  private func judgeSets(in group: ProcessGroup?) throws {
    var comparison = SamplerComparisonRequest(try request(in: group))
    (comparison.steps, comparison.samplers, comparison.plot) = (sets.steps?.counts ?? [], sets.samplers?.names ?? [], sets.plot)
    guard sets.steps == nil, sets.samplers == nil, sets.plot == nil else { return try compare(comparison, in: group) }
    let job = try EvaluationJob(EvaluationPlan(comparison.evaluation), in: group)
    try LongWork.run("evaluating", pulling: job, quiet: shown.shown(in: group).quiet)
    guard group.isFirst else { return }
    let report = try job.report()
    try Console.result(shown.json ? JSONText.of(report) : EvaluationText(report: report).text)
    try show(report)
  }

  private func compare(_ request: SamplerComparisonRequest, in group: ProcessGroup?) throws {
    let job = try SamplerComparisonJob(request, in: group)
    try LongWork.run("evaluating", pulling: job, quiet: shown.shown(in: group).quiet, detail: { "\(job.done) of \(job.count) settings" })
    guard group.isFirst else { return }
    let report = try job.report()
    try Console.result(shown.json ? JSONText.of(report) : SamplerComparisonText(report: report).text)
    try show(report.first)
  }

  /// Warnings, and pictures that could not be read.
  private func show(_ report: EvaluationReport) throws {
    for failure in report.unreadable { Console.error(failure.reason) }
    if !shown.quiet { for warning in report.warnings { Console.note("warning: \(warning)") } }
    if !report.unreadable.isEmpty { throw ExitCode(Failure.data.exitCode) }
  }

  private func judgePairs() throws {
    var request = PairEvaluation.Request(pictures: samples, originals: against)
    if let channel = pair.channel { request.channel = channel }
    if let crop = pair.crop { request.crop = crop }
    _ = try device.device()
    let evaluation = try PairEvaluation(request)
    try LongWork(title: "comparing", quiet: shown.quiet).run(evaluation.next)
    for failure in evaluation.failures { Console.error(failure.problem) }
    let report = try evaluation.report()
    try Console.result(shown.json ? JSONText.of(report) : PairText(report: report).text)
    for path in report.withoutOriginal { Console.error("\(path): there is no original of this name in \(against)") }
    if !shown.quiet, !report.withoutPicture.isEmpty {
      Console.note("\(report.withoutPicture.count) of the originals are not among the pictures, such as \(report.withoutPicture[0])")
    }
    if !report.failures.isEmpty || !report.withoutOriginal.isEmpty { throw ExitCode(Failure.data.exitCode) }
  }
}

extension PairChannel: ExpressibleByArgument {}
extension PictureResizing: ExpressibleByArgument {}

/// `20`, or several as `5,10,20`.
struct StepCounts: ExpressibleByArgument {
  let counts: [Int]

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    counts = numbers.compactMap { $0 }
    guard counts.count == numbers.count else { return nil }
  }
}
