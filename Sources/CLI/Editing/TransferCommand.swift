import ArgumentParser
import Failures
import Workflows

struct Transfer: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Carry pictures from one model, or class, to another.",
    usage: "sfumato transfer <picture> ... --from <model> --to <model> -o <output>",
    discussion: """
      Dual diffusion implicit bridges: a picture becomes noise by one model's inversion and a picture again by another model, or as \
      another class. The models' images must be of one size; pictures are cropped to its aspect ratio and resized. From a folder, the \
      pictures directly in it are taken.

      An unreadable picture is reported, the others are processed, and the exit code is 65.

      Examples:
        sfumato transfer a.png -o b.png --from digits --to digits --to-class 8
        sfumato transfer a.png -o b.png --from runs/one --to runs/other --strength 0.6
      """)

  @Argument(help: ArgumentHelp("Pictures and folders of pictures.", valueName: "picture|folder"))
  var pictures: [String]

  @Option(help: ArgumentHelp("The model of the pictures.", valueName: "model"))
  var from: String

  @Option(help: ArgumentHelp("The model of the results.", valueName: "model"))
  var to: String

  @Option(
    name: .shortAndLong,
    help: "For one picture a file: PNG, JPEG, WebP or GIF by its name; else a folder, in which results keep their names.")
  var output: String

  @Option(help: ArgumentHelp("Also a sheet of the first 100 pictures and their results.", valueName: "file"))
  var compare: String?

  @Option(help: "How far pictures are inverted: near 0 hardly anything changes, 1 all the way to noise.")
  var strength = 1.0

  @Option(help: ArgumentHelp("Classes of the pictures, taken in turn. Default: none.", valueName: "classes"))
  var fromClass: ClassNames?

  @Option(help: ArgumentHelp("Classes of the results, taken in turn. Default: none.", valueName: "classes"))
  var toClass: ClassNames?

  @Option(help: "Scale of classifier-free guidance towards the classes of the results; 1 is none.")
  var guidance = 1.0

  @Option(help: "Steps of DDIM in each direction.")
  var steps = 100

  @OptionGroup var editing: EditingOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  mutating func run() throws {
    var request = TransferRequest(pictures: pictures, from: from, to: to, output: output)
    (request.strength, request.guidance, request.comparison) = (strength, guidance, compare)
    (request.fromClasses, request.toClasses) = (fromClass?.names ?? [], toClass?.names ?? [])
    request.settings = try editing.settings(steps: steps, on: device)
    let job = try TransferJob(request)
    shown.introduce(request.settings.device, request.settings.precision)
    let start = ContinuousClock.now
    try LongWork.run("transferring", job, quiet: shown.quiet)
    try report(job, start.duration(to: .now) / .seconds(1))
    if !job.failures.isEmpty { throw ExitCode(Failure.data.exitCode) }
  }

  private func report(_ job: TransferJob, _ seconds: Double) throws {
    if shown.json {
      return try Console.result(
        JSONText.of(
          Result(files: job.written, comparison: job.comparison, failures: job.failures, leftOut: job.leftOut, seconds: seconds)))
    }
    for file in job.written + [job.comparison].compactMap({ $0 }) { try Console.result(file) }
    guard !shown.quiet else { return }
    var facts = ["\(Console.counted(job.written.count, "picture")) transferred in \(Console.number(seconds)) s"]
    if !job.failures.isEmpty { facts.append("\(job.failures.count) failed") }
    if job.leftOut > 0 { facts.append("\(job.leftOut) left out, not pictures") }
    Console.note(facts.joined(separator: "; "))
  }

  private struct Result: Encodable {
    let files: [String], comparison: String?
    let failures: [FailedPicture]
    /// The number of files in the folders that are not pictures.
    let leftOut: Int
    let seconds: Double
  }
}
