import ArgumentParser
import Workflows

struct Interpolate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make images between two pictures, seeds or classes.",
    usage: "sfumato interpolate [<options>] <model> <from> <to>",
    discussion: """
      Pictures become latents by DDIM's inversion, the images between them are on the arc between both latents. A seed is the first image \
      that 'sfumato sample' makes with it, by DDIM. With two classes, the model's estimates for both are mixed.

      Examples:
        sfumato interpolate digits three.png eight.png --class 3,8 -o between.png
        sfumato interpolate digits seed:1 seed:2 --class 5 --animation fives.webp
      """)

  @Argument(help: "A model: a file, a run or one of its checkpoints, a diffusers folder, or the name of a bundled model such as digits.")
  var model: String

  @Argument(help: ArgumentHelp("A picture, or a seed as seed:7.", valueName: "from"))
  var from: String

  @Argument(help: ArgumentHelp("Another picture or seed.", valueName: "to"))
  var to: String

  @Option(name: .shortAndLong, help: "The images in rows of ten: PNG, JPEG or WebP by its name.")
  var output = "interpolation.png"

  @Option(help: "Also an animation, there and back, GIF or WebP.")
  var animation: String?

  @Option(help: ArgumentHelp("Milliseconds for each frame and, as a second number, for both ends.", valueName: "ms"))
  var frameTime = FrameTime(delay: 80, hold: 800)

  @Option(help: "Number of images, both ends among them.")
  var frames = 9

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("The class, or one for each end, by name or number: 3 or 3,8. Default: none.", valueName: "classes"))
  var classes: ClassNames?

  @Option(help: "Scale of classifier-free guidance; with 1, none, the ends are the pictures.")
  var guidance = 1.0

  @Option(help: "Steps of DDIM in each direction.")
  var steps = 50

  @OptionGroup var editing: EditingOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  mutating func run() throws {
    var request = InterpolationRequest(model: model, from: try .init(from), to: try .init(to), sheet: output)
    (request.frames, request.classes, request.guidance) = (frames, classes?.names ?? [], guidance)
    (request.animation, request.delay, request.hold) = (animation, frameTime.delay, frameTime.hold)
    request.settings = try editing.settings(steps: steps, on: device)
    let job = try InterpolationJob(request)
    shown.introduce(request.settings.device, request.settings.precision)
    try LongWork.run("interpolating", pulling: job, quiet: shown.quiet)
    if shown.json { return try Console.result(JSONText.of(Result(files: job.files, frames: job.count))) }
    for file in job.files { try Console.result(file) }
  }

  private struct Result: Encodable {
    let files: [String], frames: Int
  }
}
