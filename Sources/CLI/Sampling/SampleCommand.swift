import ArgumentParser
import Imaging
import Interop
import Tensors
import Workflows

struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Sample images from a model.",
    discussion: """
      Examples:
        sfumato sample digits -o digits.png
        sfumato sample digits --class 7 --guidance 3 -o sevens.png
        sfumato sample runs/glyphs --count 72 --animation glyphs.gif -o glyphs.png
        sfumato sample digits --count 8 --denoising steps.png --show estimate
        sfumato sample digits --class 3 --init seven.png --strength 0.6 -o three.png
        sfumato sample digits --init torn.png --mask hole.png -o mended.png
        sfumato sample digits --count 100 --images 'out/{class}-{index}.png'
        sfumato sample captioned.safetensors --context vectors.npy -o captioned.png
        sfumato sample runs/sprites --text 'a blue potion' --guidance 3 -o potions.png
      """)

  @Argument(help: "A model: a file, a run or one of its checkpoints, a diffusers folder, or the name of a bundled model such as digits.")
  var model: String

  @OptionGroup(title: "Images") var images: ImageOptions
  @OptionGroup(title: "Guidance") var guidance: GuidanceOptions
  @OptionGroup(title: "Noise") var noise: NoiseOptions
  @OptionGroup(title: "Start pictures, inpainting and candidates") var pictures: PictureOptions
  @OptionGroup(title: "Results") var results: ResultOptions
  @OptionGroup var processes: ProcessOptions
  @OptionGroup var device: DeviceOptions
  @OptionGroup var shown: OutputOptions

  mutating func run() throws { try processes.run { try sample(in: $0) } }

  private func sample(in group: ProcessGroup?) throws {
    let shown = shown.shown(in: group)
    if !shown.quiet, case .diffusers(let folder) = try ModelLocator.locate(model), let note = try DiffusersFolder(folder).note {
      Console.note(note)
    }
    let job = try SamplingJob(SamplingPlan(request(in: group)), in: group)
    var files = try results.files()
    if !results.noNotes { files.notes = try job.notes(command: ["sfumato"] + CommandLine.arguments.dropFirst()) }
    let upscaler = try upscaler()
    try files.check(job, enlargement: upscaler?.scale ?? 1)
    shown.introduce(job.plan.request.device, job.plan.request.precision)
    let start = ContinuousClock.now
    try LongWork(title: "sampling", quiet: shown.quiet).run(job.next) { "\(job.images.count) of \(images.count) images" }
    guard group.isFirst else { return }
    let enlarged = try upscaler.map { try enlarge(job, by: $0) }
    try Signals.enter(.writing)
    try report(job, files.write(job, enlarged: enlarged), start.duration(to: .now) / .seconds(1))
  }

  private func upscaler() throws -> Upscaler? {
    var settings = Upscaler.Settings()
    settings.device = try device.device()
    settings.precision = images.precision.resolved(on: settings.device)
    return try results.upscale.map { try Upscaler($0, settings: settings) }
  }

  private func enlarge(_ job: SamplingJob, by upscaler: Upscaler) throws -> [Image] {
    var enlarged: [Image] = []
    try LongWork(title: "upscaling", quiet: shown.quiet).run {
      guard enlarged.count < job.images.count else { return nil }
      enlarged += try upscaler.upscale([job.images[enlarged.count]])
      return Double(enlarged.count) / Double(images.count)
    } detail: {
      "\(enlarged.count) of \(images.count) images"
    }
    return enlarged
  }

  private func request(in group: ProcessGroup?) throws -> SamplingRequest {
    var request = SamplingRequest(model: model)
    images.apply(to: &request)
    try pictures.apply(to: &request)
    try guidance.apply(to: &request)
    try noise.apply(to: &request)
    if images.context != nil, !images.text.isEmpty {
      throw ValidationError("a model is conditioned on texts or on context vectors; leave one of --text and --context out")
    }
    if !images.text.isEmpty, images.classes != nil, guidance.classifier == nil {
      throw ValidationError("a model is conditioned on classes or on texts; leave one of --class and --text out")
    }
    if images.context != nil, images.classes != nil, guidance.classifier == nil {
      throw ValidationError("a model is conditioned on classes or on context vectors; leave one of --class and --context out")
    }
    request.device = try device.device(in: group)
    request.precision = images.precision.resolved(on: request.device)
    try results.apply(to: &request)
    request.settings = images.settings + guidance.settings + noise.settings
    request.typedSettings = images.set
    return request
  }

  private func report(_ job: SamplingJob, _ files: [String], _ seconds: Double) throws {
    if shown.json {
      let candidates = job.choices.isEmpty ? nil : job.choices.map { Candidates(kept: $0.winner, scores: $0.scores) }
      try Console.result(JSONText.of(Result(files: files, images: images.count, seconds: seconds, candidates: candidates)))
    } else {
      for file in files { try Console.result(file) }
      if !shown.quiet { Console.note("\(Console.counted(images.count, "image")) in \(Console.number(seconds)) s") }
    }
  }

  private struct Result: Encodable {
    let files: [String], images: Int, seconds: Double
    /// For each image, with `--best-of`.
    let candidates: [Candidates]?
  }

  private struct Candidates: Encodable {
    /// The index of the candidate that was kept, from 0, and the score of each; higher is better.
    let kept: Int, scores: [Double]
  }
}
