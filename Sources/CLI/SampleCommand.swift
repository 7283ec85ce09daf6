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
        sfumato sample digits --class 3 --init seven.png --strength 0.6 -o three.png
        sfumato sample digits --init torn.png --mask hole.png -o mended.png
      """)

  @Argument(help: "A model file, the folder of a training, a diffusers folder, or the name of a model that comes along, such as digits.")
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

  @Option(help: "Which timesteps are visited: trailing, leading, linspace, quadratic, karras, or as 10,15,20, ddim50 or at:999,500,0.")
  var spacing: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Any other setting of the sampler or of sampling: sampler.order=3; 'sfumato recipe show' lists them.", valueName: "key=value"))
  var set: [String] = []

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

  @Option(
    help: ArgumentHelp(
      "Make the images larger before they are written, by an upscaler as of 'sfumato upscale'; an animation stays as drawn.",
      valueName: "model"))
  var upscale: String?

  @OptionGroup(title: "Guidance") var guidance: GuidanceOptions
  @OptionGroup(title: "Noise") var noise: NoiseOptions
  @OptionGroup(title: "Pictures, and second tries") var pictures: PictureOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  mutating func run() throws {
    let job = try SamplingJob(request())
    let files = SamplePictures(grid: output, animation: animation, npz: npz, columns: columns)
    let upscaler = try upscaler()
    try files.check(job, enlargement: upscaler?.scale ?? 1)
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
    let enlarged = try upscaler.map { try enlarge(job, by: $0) }
    try report(job, files.write(job, enlarged: enlarged), start.duration(to: .now) / .seconds(1))
  }

  private func upscaler() throws -> Upscaler? {
    var settings = Upscaler.Settings()
    (settings.device, settings.precision) = (device.device, precision)
    return try upscale.map { try Upscaler($0, settings: settings) }
  }

  private func enlarge(_ job: SamplingJob, by upscaler: Upscaler) throws -> [Upscaler.Picture] {
    var bar = ProgressBar("upscaling", quiet: shown.quiet)
    var enlarged: [Upscaler.Picture] = []
    for image in job.images {
      enlarged += try upscaler.upscale([image])
      bar.show(Double(enlarged.count) / Double(count), "\(enlarged.count) of \(count) images")
      if Interruption.isWanted {
        bar.finish()
        throw Failure.interrupted
      }
    }
    bar.finish()
    return enlarged
  }

  private func request() throws -> SampleRequest {
    var request = SampleRequest(model: model)
    request.count = count
    request.classes =
      switch classes {
      case "all": .all
      case "none": .none
      default: .these(classes.split(separator: ",").map { $0.trimmingPrefix(" ") }.map(String.init))
      }
    request.seed = noise.seed
    request.noiseOrder = noise.noiseOrder
    try pictures.apply(to: &request)
    try guidance.apply(to: &request)
    if let file = noise.startNoise {
      guard request.start == .noise else { throw ValidationError("--start-noise and --init are two starts; leave one of them out") }
      request.start = .array(file: file)
    }
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
    if let steps { settings.append("sampling.steps=\(steps)") }
    if let spacing { settings.append("sampling.spacing='\(spacing)'") }
    return settings + guidance.settings + noise.settings + set
  }

  private func report(_ job: SamplingJob, _ files: [String], _ seconds: Double) throws {
    if shown.json {
      let candidates = job.choices.isEmpty ? nil : job.choices.map { Candidates(kept: $0.winner, scores: $0.scores) }
      Console.result(try JSONText.of(Result(files: files, images: count, seconds: seconds, candidates: candidates)))
    } else {
      for file in files { Console.result(file) }
      if !shown.quiet { Console.note("\(count) images in \(Console.number(seconds)) s") }
    }
  }

  private struct Result: Encodable {
    let files: [String], images: Int, seconds: Double
    /// For each image, where it was the best of several.
    let candidates: [Candidates]?
  }

  private struct Candidates: Encodable {
    /// The number of the one that was kept, from 0, and what each scored, higher for the better.
    let kept: Int, scores: [Double]
  }
}

extension SampleChoices.Precision: ExpressibleByArgument {}
