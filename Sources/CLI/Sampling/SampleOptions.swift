import ArgumentParser
import Diffusion
import Training
import Workflows

/// The number of images, their conditioning and the sampler.
struct ImageOptions: ParsableArguments {
  @Option(help: "Number of images.")
  var count = 16

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      "Classes by name or number, assigned to the images in turn: 7 or 3,7; 'all' (the default) for every class, 'none' for unconditional samples.",
      valueName: "classes"))
  var classes: String?

  @Option(
    help: ArgumentHelp(
      "Context vectors, assigned to the images in turn, for a model that is conditioned on them instead of classes: .npy, float [K, D] or [D].",
      valueName: "file"))
  var context: String?

  @Option(
    help: ArgumentHelp(
      "A text that says what to show, for a model that was trained on captions; of several, each by a --text of its own, images take turns.",
      valueName: "words"))
  var text: [String] = []

  @Option(help: "Sampling steps; more are slower and, up to a point, better. Default: those of the model's recipe.")
  var steps: Int?

  @Option(help: "The sampler: \(SamplerRegistry.names.joined(separator: ", ")). Default: that of the model's recipe.")
  var sampler: String?

  @Option(help: "Spacing of the timesteps: trailing, leading, linspace, quadratic, karras, or as in 10,15,20, ddim50 or at:999,500,0.")
  var spacing: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Override another recipe value of sampler or sampling, as sampler.solver_type=heun; docs/samplers.md lists them.",
      valueName: "key=value"))
  var set: [String] = []

  @Option(help: "float32, bfloat16, which takes less memory, or auto: the faster one of the device.")
  var precision = PrecisionChoice.auto

  @Option(help: "Batch size: larger is faster until memory runs out.")
  var batch = 50

  func apply(to request: inout SamplingRequest) {
    request.count = count
    request.contexts = context.map { .file($0) } ?? (text.isEmpty ? nil : .texts(text))
    request.classes =
      switch classes {
      case nil, "all"?: .all
      case "none"?: .none
      case let classes?: .only(classes.split(separator: ",").map { $0.trimmingPrefix(" ") }.map(String.init))
      }
    request.batchSize = batch
  }

  /// The flags that are recipe keys, as settings.
  var settings: [String] {
    [sampler.map { "sampler.type=\($0)" }, steps.map { "sampling.steps=\($0)" }, spacing.map { "sampling.spacing='\($0)'" }]
      .compactMap { $0 }
  }
}

/// The files to write.
struct ResultOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: "The grid of all images: PNG, JPEG or WebP by its name.")
  var output = "samples.png"

  @Option(help: "Columns of the grid. Default: one for each class, or square.")
  var columns: Int?

  @Option(
    help: ArgumentHelp(
      "Captions below the images of the grid: class (or text), number, score (with --best-of), or several as class,score.",
      valueName: "captions"))
  var captions: Captions?

  @Option(help: "Also an animation of the denoising, GIF or WebP, of the first 100 images.")
  var animation: String?

  @Option(
    help: ArgumentHelp(
      "Frames of the animation: all, a number of them (20), or those after the given steps (0,5,10).", valueName: "schedule"))
  var frames = FrameSchedule.all

  @Option(
    help: ArgumentHelp("Milliseconds for each frame and, as a second number, for the last one.", valueName: "ms"))
  var frameTime = FrameTime(delay: 80, hold: 2000)

  @Option(help: "Also a sheet of the denoising: a row for each of the first 12 images, nine steps from left to right.")
  var denoising: String?

  @Option(help: "Contents of animation and sheet: image, the noisy image, or estimate, the model's estimate of the clean one.")
  var show = SamplingRequest.TraceContent.image

  @Option(help: "Also the images as numpy arrays: arr_0 uint8 [N, H, W, C], arr_1 the class numbers.")
  var npz: String?

  @Option(
    help: ArgumentHelp(
      "Also each image as a file of its own: a folder, or a pattern such as out/{class}-{index}.png; {seed} exists too.",
      valueName: "folder|pattern"))
  var images: String?

  @Option(
    help: ArgumentHelp(
      "Enlarge the images before they are written, with an upscaler as in 'sfumato upscale'; animations keep their size.",
      valueName: "model"))
  var upscale: String?

  @Flag(help: "Do not store command, model, seed and settings in PNG files.")
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

  /// Adds to a request what the files need of the denoising.
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

/// Guidance by the conditioning or by a classifier.
struct GuidanceOptions: ParsableArguments {
  @Option(help: "Scale of classifier-free guidance: 0 ignores the conditioning, 1 is as trained, 2 to 4 exaggerate it.")
  var guidance: Double?

  @Option(
    help: ArgumentHelp(
      "Against overexposure by strong guidance: 0 none, 1 restores the contrast without guidance; 0.7 is usual.", valueName: "phi"))
  var guidanceRescale: Double?

  @Option(
    help: ArgumentHelp(
      "Guide only within these noise levels (noise over signal): 0.2,5 leaves out the noisiest and the last steps.", valueName: "min,max"))
  var guidanceInterval: Range?

  @Option(
    help: ArgumentHelp(
      "Guide by a weaker version of the model in place of the null class, with --guidance as its scale: an earlier checkpoint, or a smaller network of the same data and process.",
      valueName: "model"))
  var autoguidance: String?

  @Option(
    help: ArgumentHelp("A classifier of noisy images whose gradient guides the samples towards their classes.", valueName: "model"))
  var classifier: String?

  @Option(help: ArgumentHelp("Scale of that gradient: 0 none, 1 as it is, more exaggerates.", valueName: "scale"))
  var classifierScale: Double?

  /// Sets the classifier and the weaker model of a request.
  func apply(to request: inout SamplingRequest) throws {
    (request.classifier, request.autoguidance) = (classifier, autoguidance)
    guard let classifierScale else { return }
    guard classifier != nil else { throw ValidationError("--classifier-scale needs a classifier; add --classifier MODEL") }
    request.classifierScale = classifierScale
  }

  var settings: [String] {
    [
      guidance.map { "sampling.guidance_scale=\($0)" }, guidanceRescale.map { "sampling.guidance_rescale=\($0)" },
      guidanceInterval.map { "sampling.guidance_interval=\($0)" },
    ].compactMap { $0 }
  }
}

/// The source of the noise, and the steps in which samplers add it.
struct NoiseOptions: ParsableArguments {
  @Option(help: "Random seed; the same seed gives the same images.")
  var seed: UInt64 = 0

  @Option(
    help: "per-image: each image has its own random stream; batch: the order of the reference programs, whose seeds give the same images.")
  var noiseOrder = SamplingRequest.NoiseOrder.perImage

  @Option(
    help: ArgumentHelp(
      "Start from this noise instead of generating it: standard normal, float [N, C, H, W], in an .npz or .npy file.", valueName: "file"))
  var startNoise: String?

  @Option(help: "Noise that ddim adds: 0 none, 1 as much as ddpm.")
  var eta: Double?

  @Option(
    help: ArgumentHelp(
      "Samplers that add noise, such as ddpm, add none once fewer than this many steps remain; images become crisper.", valueName: "steps"))
  var noiseUntil: Int?

  @Option(
    help: ArgumentHelp("Samplers add noise only within these noise levels (noise over signal), as 0.05,50.", valueName: "min,max"))
  var noiseWindow: Range?

  /// Call after `PictureOptions.apply`, which may have set another start.
  /// - Throws: `ValidationError` for two starts.
  func apply(to request: inout SamplingRequest) throws {
    request.seed = seed
    request.noiseOrder = noiseOrder
    guard let startNoise else { return }
    guard request.start == .noise else { throw ValidationError("--start-noise and --init both set the start; leave one of them out") }
    request.start = .array(file: startNoise)
  }

  var settings: [String] {
    [
      eta.map { "sampler.eta=\($0)" }, noiseUntil.map { "sampling.noise_until=\($0)" }, noiseWindow.map { "sampling.noise_window=\($0)" },
    ].compactMap { $0 }
  }
}

/// Pictures to start from or to inpaint, second passes, and candidates to choose from.
struct PictureOptions: ParsableArguments {
  @Option(name: .customLong("init"), help: ArgumentHelp("A picture to start from or, with --mask, to inpaint.", valueName: "image"))
  var picture: String?

  @Option(help: "How much of the picture changes: near 0 hardly anything, 1 all of it. Default: 0.75; with --mask the start is noise.")
  var strength: Double?

  @Option(
    help: ArgumentHelp("Replace the picture where this mask is white; where it is black, it stays as it is.", valueName: "image"))
  var mask: String?

  @Option(
    help: "Inpainting method: repaint goes back and forth until both parts fit (slower; see sampling.jump_length), mask denoises once.")
  var inpainting = SamplingRequest.Inpainting.Method.repaint

  @Option(help: ArgumentHelp("Skip this many of the first, noisiest steps: use pure noise in place of their result.", valueName: "steps"))
  var skipSteps = 0

  @Option(
    help: ArgumentHelp(
      "Then add noise of this strength (0 to 1) to the images and denoise them again: 0.3 changes details, 0.7 also shapes.",
      valueName: "strength"))
  var secondPass: Double?

  @Option(help: ArgumentHelp("Sample this many candidates for each image and keep the best.", valueName: "n"))
  var bestOf = 1

  @Option(help: "What scores the candidates: model, by how well it denoises them, or classifier, by the probability of the class.")
  var bestBy = SamplingRequest.CandidateScorer.model

  /// Sets the start, the inpainting and the candidates of a request.
  /// - Throws: `ValidationError` for a mask or strength without a picture.
  func apply(to request: inout SamplingRequest) throws {
    request.skippedSteps = skipSteps
    request.secondPass = secondPass
    request.candidates = bestOf
    request.scorer = bestBy
    guard let picture else {
      if mask != nil { throw ValidationError("--mask needs a picture to inpaint; add --init PICTURE") }
      if strength != nil { throw ValidationError("--strength needs a picture to start from; add --init PICTURE") }
      return
    }
    if let mask { request.inpainting = SamplingRequest.Inpainting(picture: picture, mask: mask, method: inpainting) }
    if mask == nil || strength != nil { request.start = .picture(file: picture, strength: strength ?? 0.75) }
  }
}

/// Two numbers, the smaller and the larger one.
struct Range: ExpressibleByArgument, CustomStringConvertible {
  let least: Double, most: Double

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard parts.count == 2, let least = parts[0], let most = parts[1], least.isFinite, most.isFinite else { return nil }
    self.least = least
    self.most = most
  }

  /// The interval as a YAML list.
  var description: String { "[\(least), \(most)]" }
}

extension FrameSchedule: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
  public var defaultValueDescription: String { description }
}

extension SamplingRequest.TraceContent: ExpressibleByArgument {}
extension PrecisionChoice: ExpressibleByArgument {}
extension SamplingRequest.NoiseOrder: ExpressibleByArgument {}
extension SamplingRequest.CandidateScorer: ExpressibleByArgument {}
extension SamplingRequest.Inpainting.Method: ExpressibleByArgument {}
