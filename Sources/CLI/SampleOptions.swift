import ArgumentParser
import Diffusion
import Training
import Workflows

/// What is drawn, and by which way.
struct ImageOptions: ParsableArguments {
  @Option(help: "How many images in all.")
  var count = 16

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      "Classes by name or number, dealt out in turn: 7 or 3,7; 'all', which it is by default, for every class, 'none' for the model's own choice.",
      valueName: "classes"))
  var classes: String?

  @Option(
    help: ArgumentHelp(
      "Vectors to follow, dealt out in turn, of a model that takes such in place of classes: float [K, D] or [D], in an .npy file.",
      valueName: "file"))
  var context: String?

  @Option(help: "Steps of the sampler; more are slower and, up to a point, better.")
  var steps: Int?

  @Option(help: "The sampler: \(SamplerRegistry.names.joined(separator: ", ")). The model's recipe says which by default.")
  var sampler: String?

  @Option(help: "Which timesteps are visited: trailing, leading, linspace, quadratic, karras, or as 10,15,20, ddim50 or at:999,500,0.")
  var spacing: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Any other setting of the sampler or of sampling: sampler.solver_type=heun; docs/samplers.md lists them.", valueName: "key=value"))
  var set: [String] = []

  @Option(help: "float32, or bfloat16, which is faster on processors that have it.")
  var precision = Precision.float32

  @Option(help: "Images computed together: more are faster until memory runs out.")
  var batch = 50

  func apply(to request: inout SamplingRequest) {
    request.count = count
    request.contexts = context.map { .file($0) }
    request.classes =
      switch classes {
      case nil, "all"?: .all
      case "none"?: .none
      case let classes?: .only(classes.split(separator: ",").map { $0.trimmingPrefix(" ") }.map(String.init))
      }
    request.precision = precision
    request.batchSize = batch
  }

  /// The flags as what they are: other names of recipe keys.
  var settings: [String] {
    [sampler.map { "sampler.type=\($0)" }, steps.map { "sampling.steps=\($0)" }, spacing.map { "sampling.spacing='\($0)'" }]
      .compactMap { $0 }
  }
}

/// What becomes of the images.
struct ResultOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "The picture of all images in a grid: PNG, JPEG or WebP by its name.")
  var output = "samples.png"

  @Option(help: "Columns of the grid; by default square, or one for each class.")
  var columns: Int?

  @Option(
    help: ArgumentHelp(
      "What stands below each image of the grid: class, number, score (with --best-of), or several of them as class,score.",
      valueName: "words"))
  var captions: Captions?

  @Option(help: "Also an animation of the denoising, GIF or WebP, of the first 100 images.")
  var animation: String?

  @Option(
    help: ArgumentHelp(
      "Which moments the animation shows: all, so many (20), or those after certain steps (0,5,10).", valueName: "schedule"))
  var frames = FrameSchedule.all

  @Option(
    help: ArgumentHelp("How long each of its frames is shown, in milliseconds, and by a second number the last one.", valueName: "ms"))
  var frameTime = FrameTime(delay: 80, hold: 2000)

  @Option(help: "Also a sheet of the denoising: a row for each of the first 12 images, nine moments from left to right.")
  var denoising: String?

  @Option(help: "What animation and sheet show: the image with the noise that is left, or the model's estimate without it.")
  var show = SamplingRequest.TraceContent.image

  @Option(help: "Also the images as numbers for other programs: arr_0 uint8 [N, H, W, C], arr_1 the class numbers.")
  var npz: String?

  @Option(
    help: ArgumentHelp(
      "Also each image as a file of its own: a folder, or a pattern such as out/{class}-{index}.png, with {seed} too.",
      valueName: "folder|pattern"))
  var images: String?

  @Option(
    help: ArgumentHelp(
      "Make the images larger before they are written, by an upscaler as of 'sfumato upscale'; an animation stays as drawn.",
      valueName: "model"))
  var upscale: String?

  @Flag(help: "Leave out of PNG files what they otherwise say of themselves: the command, the model, seed and settings.")
  var noNotes = false

  func files() throws -> SamplePictures {
    var files = SamplePictures(grid: output, animation: animation, npz: npz, columns: columns)
    files.captions = captions?.parts ?? []
    files.timing.frames = frames
    (files.timing.delay, files.timing.hold) = (frameTime.delay, frameTime.hold)
    files.denoising = denoising
    files.single = try images.map(ImagePattern.init)
    return files
  }

  /// Lays over a request what is kept on the way.
  func apply(to request: inout SamplingRequest) throws {
    try files().trace(&request)
    request.traced = show
  }
}

/// `class`, or several as `class,score`.
struct Captions: ExpressibleByArgument {
  let parts: [SamplePictures.Caption]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { SamplePictures.Caption(rawValue: String($0)) }
    guard parts.allSatisfy({ $0 != nil }) else { return nil }
    self.parts = parts.map { $0! }
  }
}

/// Milliseconds: `80`, or `80,2000` with another time for the last frame.
struct FrameTime: ExpressibleByArgument, CustomStringConvertible {
  let delay: Int, hold: Int

  init(delay: Int, hold: Int) {
    self.delay = delay
    self.hold = hold
  }

  init?(argument: String) {
    let times = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(times.count), let delay = times[0], let hold = times.last ?? nil else { return nil }
    self.init(delay: delay, hold: times.count == 1 ? max(delay, 2000) : hold)
  }

  var description: String { "\(delay),\(hold)" }
}

/// How strongly images follow what is asked.
struct GuidanceOptions: ParsableArguments {
  @Option(help: "How strongly the class is followed: 1 as trained, 0 not at all, 2 to 4 more than natural.")
  var guidance: Double?

  @Option(
    help: ArgumentHelp(
      "Against the glare of strong guidance: 0 leaves it, 1 brings the contrast of unguided images back; 0.7 is usual.", valueName: "phi"))
  var guidanceRescale: Double?

  @Option(
    help: ArgumentHelp(
      "Guide only at these noise levels, given as noise over signal: 0.2,5 spares the noisiest and the last steps.", valueName: "least,most"
    ))
  var guidanceInterval: Range?

  @Option(
    help: ArgumentHelp("A classifier of noisy images, a model file, draws the images towards their classes.", valueName: "model"))
  var classifier: String?

  @Option(help: ArgumentHelp("How strongly it does: 0 not at all, 1 as it is, more exaggerates.", valueName: "scale"))
  var classifierScale: Double?

  /// Lays the classifier over a request.
  func apply(to request: inout SamplingRequest) throws {
    request.classifier = classifier
    guard let classifierScale else { return }
    guard classifier != nil else { throw ValidationError("--classifier-scale is that of a classifier; give one by --classifier") }
    request.classifierScale = classifierScale
  }

  var settings: [String] {
    [
      guidance.map { "sampling.guidance_scale=\($0)" }, guidanceRescale.map { "sampling.guidance_rescale=\($0)" },
      guidanceInterval.map { "sampling.guidance_interval=\($0)" },
    ].compactMap { $0 }
  }
}

/// Where noise comes from and in which steps it is added.
struct NoiseOptions: ParsableArguments {
  @Option(help: "The seed; the same one gives the same images.")
  var seed: UInt64 = 0

  @Option(
    help: "per-image: noise of its own for each image; batch: drawn as the reference programs do, so that their seeds give their images.")
  var noiseOrder = SamplingRequest.NoiseOrder.perImage

  @Option(
    help: ArgumentHelp(
      "Start from these numbers instead of drawing some: standard normal, float [N, C, H, W], in an .npz or .npy file.", valueName: "file"))
  var startNoise: String?

  @Option(help: "Noise that DDIM adds: 0 none, 1 as much as DDPM.")
  var eta: Double?

  @Option(
    help: ArgumentHelp(
      "Samplers that add noise (ddpm, say) stop when fewer than this many steps remain, which makes images crisper.", valueName: "steps"))
  var noiseUntil: Int?

  @Option(
    help: ArgumentHelp("They add noise only at these noise levels, given as noise over signal: 0.05,50.", valueName: "least,most"))
  var noiseWindow: Range?

  /// Lays these over a request whose start is set, unless it is noise.
  func apply(to request: inout SamplingRequest) throws {
    request.seed = seed
    request.noiseOrder = noiseOrder
    guard let startNoise else { return }
    guard request.start == .noise else { throw ValidationError("--start-noise and --init are two starts; leave one of them out") }
    request.start = .array(file: startNoise)
  }

  var settings: [String] {
    [
      eta.map { "sampler.eta=\($0)" }, noiseUntil.map { "sampling.noise_until=\($0)" }, noiseWindow.map { "sampling.noise_window=\($0)" },
    ].compactMap { $0 }
  }
}

/// Pictures to start from, to fill in, and tries to choose from.
struct PictureOptions: ParsableArguments {
  @Option(name: .customLong("init"), help: ArgumentHelp("A picture to start from, or with --mask to fill in.", valueName: "image"))
  var picture: String?

  @Option(help: "How much of the picture is given up: near 0 hardly anything, 1 all of it. 0.75 unless there is a mask.")
  var strength: Double?

  @Option(
    help: ArgumentHelp("Paint the picture anew where this one is white; where it is black, it stays as it is.", valueName: "image"))
  var mask: String?

  @Option(
    help: "How: repaint goes back and forth until both parts fit (slower; see sampling.jump_length); mask goes straight through.")
  var inpainting = SamplingRequest.Inpainting.Method.repaint

  @Option(help: ArgumentHelp("Leave out the first, noisiest steps and take pure noise for what they would give.", valueName: "steps"))
  var skipSteps = 0

  @Option(
    help: ArgumentHelp(
      "Then diffuse the images again, so far (0 to 1), and denoise them once more: 0.3 mends details, 0.7 also shapes.",
      valueName: "strength"))
  var secondPass: Double?

  @Option(help: ArgumentHelp("Draw this many candidates for each image, and keep the best one.", valueName: "n"))
  var bestOf = 1

  @Option(help: "Who says which is best: model, by how well it denoises them, or classifier, by how surely it sees the class.")
  var bestBy = SamplingRequest.CandidateScorer.model

  /// Lays these over a request.
  func apply(to request: inout SamplingRequest) throws {
    request.skippedSteps = skipSteps
    request.secondPass = secondPass
    request.candidates = bestOf
    request.scorer = bestBy
    guard let picture else {
      if mask != nil { throw ValidationError("--mask says where a picture is painted anew; give the picture by --init") }
      if strength != nil { throw ValidationError("--strength says how much of a picture is given up; give the picture by --init") }
      return
    }
    if let mask { request.inpainting = SamplingRequest.Inpainting(picture: picture, mask: mask, method: inpainting) }
    if mask == nil || strength != nil { request.start = .picture(file: picture, strength: strength ?? 0.75) }
  }
}

/// Two numbers, the least and the most.
struct Range: ExpressibleByArgument, CustomStringConvertible {
  let least: Double, most: Double

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard parts.count == 2, let least = parts[0], let most = parts[1], least.isFinite, most.isFinite else { return nil }
    self.least = least
    self.most = most
  }

  /// As a recipe's list.
  var description: String { "[\(least), \(most)]" }
}

extension FrameSchedule: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
  public var defaultValueDescription: String { description }
}

extension SamplingRequest.TraceContent: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension SamplingRequest.NoiseOrder: ExpressibleByArgument {}
extension SamplingRequest.CandidateScorer: ExpressibleByArgument {}
extension SamplingRequest.Inpainting.Method: ExpressibleByArgument {}
