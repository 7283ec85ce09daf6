import ArgumentParser
import Workflows

struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw images from a model.",
    discussion: """
      Examples:
        sfumato sample digits -o digits.png
        sfumato sample digits --class 7 --guidance 3 -o sevens.png
        sfumato sample runs/glyphs --count 72 --animation glyphs.gif -o glyphs.png
      """)

  @Argument(help: "A model file, the folder of a training, or the name of a model that comes along, such as digits.")
  var model: String

  @Option(help: "How many images in all.")
  var count = 16

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      "Classes by name or number, dealt out in turn: 7 or 3,7; 'all' for every class, 'none' for the model's own choice.",
      valueName: "classes"))
  var classes = "all"

  @Option(help: "Steps of the sampler; more are slower and, up to a point, better.")
  var steps: Int?

  @Option(help: "The sampler: \(SampleChoices.samplers). The model's recipe says which by default.")
  var sampler: String?

  @Option(help: "Noise that DDIM adds: 0 none, 1 as much as DDPM.")
  var eta: Double?

  @Option(help: "How strongly the class is followed: 1 as trained, 0 not at all, 2 to 4 more than natural.")
  var guidance: Double?

  @Option(help: "Which timesteps are visited: trailing, leading, linspace, quadratic, karras, or as 10,15,20, ddim50 or at:999,500,0.")
  var spacing: String?

  @Option(help: "The seed; the same one gives the same images.")
  var seed: UInt64 = 0

  @Option(
    help: "per-image: noise of its own for each image; batch: drawn as the reference programs do, so that their seeds give their images.")
  var noiseOrder = SampleRequest.NoiseOrder.perImage

  @Option(help: "float32, or bfloat16, which is faster on processors that have it.")
  var precision = SampleChoices.Precision.float32

  @Option(help: "Images computed together: more are faster until memory runs out.")
  var batch = 50

  @Option(name: .shortAndLong, help: "The picture of all images in a grid: PNG, JPEG or WebP by its name.")
  var output = "samples.png"

  @Option(help: "Columns of the grid; by default square, or one for each class.")
  var columns: Int?

  @Option(help: "Also an animation of the denoising, GIF or WebP, of the first 100 images.")
  var animation: String?

  @Option(help: "Also the images as numbers for other programs: arr_0 uint8 [N, H, W, C], arr_1 the class numbers.")
  var npz: String?

  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  mutating func run() throws {
    let job = try SamplingJob(request())
    let pictures = SamplePictures(grid: output, animation: animation, npz: npz, columns: columns)
    try pictures.check(job)
    let start = ContinuousClock.now
    var bar = ProgressBar("sampling", quiet: shown.quiet)
    while let share = try job.next() {
      bar.show(share, "\(job.images.count) of \(count) images")
      if Interruption.isWanted {
        bar.finish()
        throw Failure.interrupted
      }
    }
    bar.finish()
    try report(pictures.write(job), start.duration(to: .now) / .seconds(1))
  }

  private func request() -> SampleRequest {
    var request = SampleRequest(model: model)
    request.count = count
    request.classes =
      switch classes {
      case "all": .all
      case "none": .none
      default: .these(classes.split(separator: ",").map { $0.trimmingPrefix(" ") }.map(String.init))
      }
    request.seed = seed
    request.noiseOrder = noiseOrder
    request.device = device.device
    request.precision = precision
    request.batchSize = batch
    request.tracedCount = animation == nil ? 0 : min(count, SamplePictures.animationLimit)
    request.settings = settings
    return request
  }

  /// The flags as what they are: other names of recipe keys.
  private var settings: [String] {
    var settings: [String] = []
    if let sampler { settings.append("sampler.type=\(sampler)") }
    if let eta { settings.append("sampler.eta=\(eta)") }
    if let steps { settings.append("sampling.steps=\(steps)") }
    if let spacing { settings.append("sampling.spacing='\(spacing)'") }
    if let guidance { settings.append("sampling.guidance_scale=\(guidance)") }
    return settings
  }

  private func report(_ files: [String], _ seconds: Double) throws {
    if shown.json {
      Console.result(try JSONText.of(Result(files: files, images: count, seconds: seconds)))
    } else {
      for file in files { Console.result(file) }
      if !shown.quiet { Console.note("\(count) images in \(Console.number(seconds)) s") }
    }
  }

  private struct Result: Encodable {
    let files: [String], images: Int, seconds: Double
  }
}

extension SampleRequest.NoiseOrder: ExpressibleByArgument {}
extension SampleChoices.Precision: ExpressibleByArgument {}
