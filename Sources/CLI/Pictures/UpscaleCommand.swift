import ArgumentParser
import Failures
import Training
import Workflows

struct Upscale: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Enlarge pictures with an upscaler such as Real-ESRGAN.",
    usage: "sfumato upscale [<options>] <model> <picture|folder> ... -o <output>",
    discussion: """
      Pictures are processed in tiles, so that memory does not grow with their size. Grey stays grey; alpha is resampled.
      From a folder, the pictures directly in it are taken. An unreadable picture is reported, the others are processed, and the exit \
      code is 65.

      Examples:
        sfumato upscale RealESRGAN_x4plus.pth photo.jpg -o large.png
        sfumato upscale RealESRGAN_x2plus.pth holidays -o holidays-large
      """)

  @Argument(help: "A .pth or .safetensors file of an upscaler (RRDBNet or SRVGGNetCompact); scale and size are recognised.")
  var model: String

  @Argument(help: ArgumentHelp("Pictures and folders of pictures.", valueName: "picture|folder"))
  var pictures: [String]

  @Option(
    name: .shortAndLong,
    help: "For one picture a file: PNG, JPEG, WebP or GIF by its name; else a folder, in which results keep their names.")
  var output: String

  @Option(help: ArgumentHelp("Also a sheet of details before and after, side by side, of the first 12 pictures.", valueName: "file"))
  var compare: String?

  @Option(
    help: ArgumentHelp(
      "The state dict to use, where a PyTorch file has several. Default: an average (params_ema) before the weights.",
      valueName: "name"))
  var member: String?

  @Option(help: "Height and width of a tile; 0 for the whole picture at once. Halved when memory runs out.")
  var tile = 256

  @Option(help: "Pixels around a tile that the network sees too, to avoid seams.")
  var overlap = 16

  @Option(help: "float32, bfloat16, which takes less memory, or auto: the faster one of the device.")
  var precision = PrecisionChoice.auto

  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  mutating func run() throws {
    let plan = try UpscalingPlan(pictures, output: output)
    var settings = Upscaler.Settings()
    (settings.tile, settings.overlap) = (tile, overlap)
    settings.device = try device.device()
    settings.precision = precision.resolved(on: settings.device)
    let job = try UpscalingJob(plan, by: Upscaler(model, member: member, settings: settings), comparison: compare)
    shown.introduce(settings.device, settings.precision)
    let start = ContinuousClock.now
    try LongWork.run("upscaling", job, quiet: shown.quiet)
    try Signals.enter(.writing)
    try report(job, comparison: job.writeComparison(), start.duration(to: .now) / .seconds(1))
    if !job.failures.isEmpty { throw ExitCode(Failure.data.exitCode) }
  }

  private func report(_ job: UpscalingJob, comparison: String?, _ seconds: Double) throws {
    if shown.json {
      let result = Result(
        files: job.written, failures: job.failures, leftOut: job.plan.leftOut, scale: job.upscaler.scale, tile: job.upscaler.tile,
        comparison: comparison, seconds: seconds)
      return try Console.result(JSONText.of(result))
    }
    for file in job.written + [comparison].compactMap({ $0 }) { try Console.result(file) }
    guard !shown.quiet else { return }
    let count = job.written.count
    var facts = ["\(Console.counted(count, "picture")) enlarged by \(job.upscaler.scale) in \(Console.number(seconds)) s"]
    if !job.failures.isEmpty { facts.append("\(job.failures.count) failed") }
    if job.plan.leftOut > 0 { facts.append("\(job.plan.leftOut) left out, not pictures") }
    Console.note(facts.joined(separator: "; "))
  }

  private struct Result: Encodable {
    let files: [String], failures: [FailedPicture]
    /// The number of files in the folders that are not pictures.
    let leftOut: Int
    /// `tile`: the final tile size, smaller than requested if memory ran out.
    let scale: Int, tile: Int
    let comparison: String?
    let seconds: Double
  }
}
