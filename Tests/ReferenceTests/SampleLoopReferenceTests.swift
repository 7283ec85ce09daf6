import Diffusion
import NN
import Networks
import Tensors
import Testing

/// Set 5: whole sampling loops with the tiny networks of set 4, as scripts of the references run them: from a seed, with labels
/// and noise from one generator in the order that `draws` says.
struct SampleLoopReferenceSet: ReferenceSet {
  let number = 5
  /// Whether the run gets the noise that was recorded, instead of what the seed gives here.
  var replaysNoise = false

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([
      "weights", "network_arguments", "seed", "procedure", "draws", "atol_of_redrawn_normals", "float64_twin_max_abs_difference",
      "change_over_second_half",
    ])
    let loop = try SampleLoop(manifest, replaysNoise: replaysNoise)
    return try manifest.entries.contains { $0.name == "x_0" } ? loop.invertAndSample() : loop.sample()
  }
}

/// One loop of the reference.
struct SampleLoop {
  let manifest: Manifest
  let settings: SampleLoopSettings
  let random: SampleLoopRandomness
  private let network: SampleLoopNetwork

  init(_ manifest: Manifest, replaysNoise: Bool) throws {
    self.manifest = manifest
    settings = try SampleLoopSettings(manifest)
    random = try SampleLoopRandomness(manifest, shape: settings.shape, replaysNoise: replaysNoise)
    network = try SampleLoopNetwork(manifest)
  }

  /// From noise to images.
  func sample() throws -> Reproduction {
    let noise = random.makeNoise()
    let (start, labels) = try random.drawPrelude(noise, classes: network.classes)
    let run = try makeRun(start: start ?? manifest.tensor("x_T"), labels: labels, noise: noise)
    var images: [Tensor] = []
    while let step = try run.next() { images.append(step.x) }
    return try reproduction(images, final: run.x)
  }

  /// From images to noise and back.
  func invertAndSample() throws -> Reproduction {
    let noise = random.makeNoise()
    let (start, labels) = try random.drawPrelude(noise, classes: network.classes)
    guard start == nil, labels == nil else { throw ReferenceError("something is drawn before the inversion") }
    var images: [Tensor] = []
    let image = try manifest.tensor("x_0"), denoiser = try settings.denoiser(network.told(labels: nil, manifest))
    let levels = settings.process.samplingLevels
    let inversion =
      settings.clips
      ? InversionRun(denoiser: denoiser.clipped(), levels: levels.inverted, image: image)
      : InversionRun(denoiser: denoiser, levels: levels.inverted, image: image)
    while let step = try inversion.next() { images.append(step.x) }
    let run = try makeRun(start: inversion.x, labels: nil, noise: noise)
    while let step = try run.next() { images.append(step.x) }
    return try reproduction(images, final: run.x)
  }

  private func makeRun(start: Tensor, labels: Tensor?, noise: any NoiseSource) throws -> SamplingRun {
    let denoiser = try settings.denoiser(network.told(labels: labels, manifest))
    return settings.clips ? makeRun(start, denoiser.clipped(), noise) : makeRun(start, denoiser, noise)
  }

  private func makeRun(_ start: Tensor, _ denoiser: some Denoiser, _ noise: some NoiseSource) -> SamplingRun {
    makeRun(settings.sampler, start, denoiser, noise)
  }

  private func makeRun(_ sampler: some Sampler, _ start: Tensor, _ denoiser: some Denoiser, _ noise: some NoiseSource) -> SamplingRun {
    SamplingRun(
      sampler, denoiser: denoiser, levels: settings.process.samplingLevels, start: start, noise: noise, window: settings.window)
  }

  /// What the manifest wants of the images after each step.
  private func reproduction(_ images: [Tensor], final: Tensor) throws -> Reproduction {
    var reproduction = Reproduction()
    for entry in manifest.entries where entry.isWanted {
      switch entry.name {
      case "final": reproduction.tensors["final"] = final
      case "final_uint8":
        reproduction.tensors["final_uint8"] = ((final + 1) * 127.5).clamp(0...255).permute(0, 2, 3, 1).to(.uint8)
      case "rng_probe": reproduction.tensors["rng_probe"] = .rand(entry.shape, using: random.generator)
      default:
        guard let match = entry.name.wholeMatch(of: /x_after_([0-9]+)_steps/), let count = Int(match.1), (1...images.count).contains(count)
        else { throw ReferenceError("'\(entry.name)' is not understood") }
        reproduction.tensors[entry.name] = images[count - 1]
      }
    }
    return reproduction
  }
}

@Suite("Reference sampling loops (set 5)") struct ReferenceSampleLoopTests {
  @Test func aSeedGivesTheImagesOfTheReference() throws { try Examination.check(SampleLoopReferenceSet()) }
  @Test func theRecordedNoiseGivesTheImagesOfTheReference() throws { try Examination.check(SampleLoopReferenceSet(replaysNoise: true)) }
}
