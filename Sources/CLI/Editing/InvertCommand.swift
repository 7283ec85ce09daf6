import ArgumentParser
import Failures
import Workflows

struct Invert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the noise that a model makes given pictures from.",
    usage: "sfumato invert [<options>] <model> <picture|folder> ... -o <latents>",
    discussion: """
      DDIM's inversion. The noise is written as float32 [N, C, H, W], in the order of the pictures, and how well each picture comes back \
      is printed. Pictures are cropped to the model's aspect ratio and resized.

      An unreadable picture is reported and left out, and the exit code is 65.

      Examples:
        sfumato invert digits seven.png -o latent.npz --class 7
        sfumato invert digits scans -o latents.npz --reconstruction back.png
        sfumato sample digits --start-noise latent.npz --count 1 --class 3 -o three.png
      """)

  @Argument(help: "A model: a file, a run or one of its checkpoints, a diffusers folder, or the name of a bundled model such as digits.")
  var model: String

  @Argument(help: ArgumentHelp("Pictures and folders of pictures.", valueName: "picture|folder"))
  var pictures: [String]

  @Option(name: .shortAndLong, help: ArgumentHelp("The latents: .npz with the array arr_0.", valueName: "file.npz"))
  var output: String

  @Option(help: ArgumentHelp("Also a sheet of the first 100 pictures and what came back of them.", valueName: "file"))
  var reconstruction: String?

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("Classes by name or number, taken by the pictures in turn. Default: none.", valueName: "classes"))
  var classes: ClassNames?

  @Option(help: "Steps of DDIM in each direction.")
  var steps = 50

  @OptionGroup var editing: EditingOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  mutating func run() throws {
    var request = InversionRequest(model: model, pictures: pictures, latents: output)
    request.reconstruction = reconstruction
    request.classes = classes?.names ?? []
    request.settings = try editing.settings(steps: steps, on: device)
    let job = try InversionJob(request)
    shown.introduce(request.settings.device, request.settings.precision)
    try LongWork.run("inverting", pulling: job, quiet: shown.quiet)
    let report = job.report()
    try Console.result(shown.json ? JSONText.of(report) : InversionText(report: report).text)
    for failure in report.failures { Console.error(failure.problem) }
    if !report.failures.isEmpty { throw ExitCode(Failure.data.exitCode) }
  }
}
