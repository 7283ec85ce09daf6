import ArgumentParser
import Failures
import Foundation
import Tensors
import Training
import Workflows

struct Restore: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Restore and enlarge pictures with a restoration model.",
    usage: "sfumato restore [<options>] <picture|folder> ... -o <output>",
    discussion: """
      Removes blur, noise and traces of JPEG, and enlarges with --scale. Pictures of any size are restored in tiles that leave no \
      seams; memory grows with the shorter side alone. Grey stays grey, 16 bits stay 16 in PNG and TIFF, and opacity, colour profile, EXIF and XMP \
      are kept.

      The model is given the strength of each defect. By default that is read from the quality of a JPEG file; a JPEG that was saved again as PNG \
      shows nothing any more: set --corruption jpeg=.4. --sweep shows what each strength does.

      Stopped work continues when the same command is given again. An unreadable picture is reported, the others are processed, and the \
      exit code is 65.

      Examples:
        sfumato restore photo.jpg -o restored.png
        sfumato restore holidays -o restored --recursive --scale 2 --plan
        sfumato restore scan.png -o clean.png --corruption noise=.3,blur=.2
        sfumato restore photo.jpg --sweep strengths.png

      --prior restores by a model that samples and was never trained to restore: it enlarges by --scale, makes up what --mask marks, gives grey \
      pictures colours by --colorize and removes --noise, and what is known of a picture stays as it is.

        sfumato restore small.png -o large.png --prior digits --class 7 --scale 2
      """)

  @Argument(help: ArgumentHelp("Pictures and folders of pictures.", valueName: "picture|folder"))
  var pictures: [String]

  @Option(
    name: .shortAndLong,
    help: "For one picture a file: PNG, JPEG, WebP or TIFF by its name; else a folder, in which results keep their names.")
  var output: String?

  @Option(help: "A restoration model: a file, a run, or the name of a bundled model. Default: restore.")
  var model: String?

  @OptionGroup var prior: PriorOptions

  @Option(
    help: ArgumentHelp(
      "How degraded the pictures are: auto, or strengths from 0 to 1 by name, such as jpeg=.2,blur=.5; those not named are 0. Default: auto.",
      valueName: "strengths"))
  var corruption: String?

  @Option(help: ArgumentHelp("Instead: a sheet of the middle of one picture at several strengths of each corruption.", valueName: "sheet"))
  var sweep: String?

  @Option(help: "How many times larger, from 1 to 16; also 1.5.")
  var scale = 1.0

  @Option(help: "Evaluations of the network for each tile; 1 is the fastest and shows no texture. Default: the model's.")
  var evaluations: Int?

  @Option(help: "How much texture is made up, from 0, the mean of all answers, to 1, one of them. Default: 0.5.")
  var detail: Double?

  @Option(help: "The seed of the texture.")
  var seed: UInt64 = 0

  @Option(help: "Height and width of a tile. Default: by memory. Halved when memory runs out.")
  var tile: Int?

  @Option(help: "Pixels that neighbouring tiles share. Default: the model's.")
  var overlap: Int?

  @Option(
    help: ArgumentHelp(
      "correct, the default: large areas keep the colours of the input; keep: as the network gives them.", valueName: "keep|correct"))
  var color: ColorUse?

  @Option(help: ArgumentHelp("keep: RGB colours keep their profile; srgb: they are converted to sRGB.", valueName: "keep|srgb"))
  var profile = RestorationRequest.ProfileUse.keep

  @Flag(help: "Also the folders in folders, which are mirrored in the output.")
  var recursive = false

  @Option(help: ArgumentHelp("The names in the output folder, of {stem}, {ext} and {scale}.", valueName: "pattern"))
  var name = RestorationRequest.defaultName

  @Option(help: ArgumentHelp("The format in the output folder. Default: that of the picture, or PNG.", valueName: "png|jpg|webp|tif"))
  var format: String?

  @Option(help: "The quality of JPEG and WebP, 1 to 100. Default: 90 and 85.")
  var quality: Int?

  @Flag(
    help: "Replace files that exist. Without it a result that was made like this is skipped, and any other file is refused.")
  var overwrite = false

  @Flag(help: "Print sizes, tiles, memory, disk and time, and do nothing.")
  var plan = false

  @Option(
    help: ArgumentHelp(
      "Also a report: figures as .json, a page with details before and after as .html, or these as .png.", valueName: "file"))
  var report: String?

  @Option(help: ArgumentHelp("The folder for unfinished work. Default: a hidden one beside each result.", valueName: "folder"))
  var scratch: String?

  @Option(help: "float32, bfloat16, which takes less memory, or auto: the faster one of the device.")
  var precision = PrecisionChoice.auto

  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  private static let bundled = "restore"

  enum ColorUse: String, ExpressibleByArgument, CaseIterable { case keep, correct }

  mutating func validate() throws {
    if output == nil && sweep == nil { throw ValidationError("Missing expected argument '--output <output>'") }
    if prior.model != nil {
      let others = [
        ("--model", model != nil), ("--corruption", corruption != nil), ("--sweep", sweep != nil), ("--detail", detail != nil),
        ("--color", color != nil),
      ]
      if let flag = others.first(where: \.1)?.0 {
        throw ValidationError("\(flag) is for models that were trained to restore; leave it or --prior out")
      }
    }
    if sweep != nil, pictures.count != 1 { throw ValidationError("--sweep shows one picture, not \(pictures.count)") }
    if sweep != nil, output != nil || plan || report != nil {
      throw ValidationError("--sweep writes its sheet alone; leave out --output, --plan and --report")
    }
  }

  mutating func run() throws {
    if let sweep { return try show(sweep) }
    let settings = try settings()
    let job = try RestorationJob(
      RestorationPlan(pictures, request()), model: prior.model ?? model ?? Self.bundled, settings: settings, report: report)
    if plan {
      try job.measure()
      try RestorationText.show(job, json: shown.json)
      if !job.failures.isEmpty { throw ExitCode(Failure.data.exitCode) }
      return
    }
    try job.checkResources()
    shown.introduce(settings.device, settings.precision)
    let start = ContinuousClock.now
    try LongWork.run("restoring", job, quiet: shown.quiet)
    try Signals.enter(.writing)
    try RestorationText.report(job, report: job.writeReport(), start.duration(to: .now) / .seconds(1), shown)
    if !job.failures.isEmpty { throw ExitCode(Failure.data.exitCode) }
  }

  private func request() throws -> RestorationRequest {
    var request = try RestorationRequest(output: output ?? ".")
    (request.recursive, request.name, request.format, request.quality) = (recursive, name, format, quality)
    (request.overwrite, request.scale, request.profile, request.scratch) = (overwrite, scale, profile, scratch)
    request.corruption = try StrengthRequest(corruption ?? "auto")
    request.prior = prior.request
    return request
  }

  private func settings() throws -> Restorer.Settings {
    var settings = Restorer.Settings()
    (settings.evaluations, settings.detail, settings.seed) = (evaluations, detail ?? 0.5, Seed(seed))
    (settings.tile, settings.overlap, settings.color) = (tile, overlap, color != .keep && prior.model == nil)
    settings.device = try device.device()
    settings.precision = precision.resolved(on: settings.device)
    return settings
  }

  private func show(_ sheet: String) throws {
    let sweep = try StrengthSweep(sheet, of: pictures[0], request(), model: model ?? Self.bundled, settings: settings())
    try LongWork(title: "restoring", quiet: shown.quiet).run { try sweep.next() }
    try Signals.enter(.writing)
    try sweep.write()
    try Console.result(shown.json ? JSONText.of(["sweep": sheet]) : sheet)
  }
}

extension RestorationRequest.ProfileUse: ExpressibleByArgument {}
