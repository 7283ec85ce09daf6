import Diffusion
import Tensors
import Testing

/// Set 5: whole sampling loops with the tiny networks of set 4, as scripts of the references run them: from a seed, with labels
/// and noise from one generator in the order that `draws` says.
struct SampleLoopReferenceSet: ReferenceSet {
  let number = 5
  /// Whether the run gets the noise that was recorded, instead of that from the seed.
  var replaysNoise = false

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([
      "weights", "network_arguments", "seed", "procedure", "draws", "atol_of_redrawn_normals", "float64_twin_max_abs_difference",
      "change_over_second_half",
    ])
    let loop = try SampleLoop(manifest, replaysNoise: replaysNoise)
    let given = Set(manifest.entries.map(\.name))
    if given.contains("x_start") { return try loop.bound() }
    return try given.contains("x_0") ? loop.invertAndSample() : loop.sample()
  }
}

/// One loop of the reference.
struct SampleLoop {
  let manifest: Manifest
  let settings: SampleLoopSettings
  let random: SampleLoopRandomness
  let network: SampleLoopNetwork

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
    let run = try makeRun(from: start ?? manifest.tensor("x_T"), labels, noise)
    var images: [Tensor] = []
    while let step = try run.next() { images.append(step.x) }
    return try reproduction(images, final: run.x)
  }

  /// From images to noise and back.
  func invertAndSample() throws -> Reproduction {
    let noise = random.makeNoise()
    let (start, labels) = try random.drawPrelude(noise, classes: network.classes)
    guard start == nil, labels == nil, case .none = settings.guidance else {
      throw ReferenceError("\(manifest.name): an inversion with draws or with guidance is not understood")
    }
    let inversion = try makeInversion(of: manifest.tensor("x_0"))
    var images: [Tensor] = []
    while let step = try inversion.next() { images.append(step.x) }
    let run = try makeRun(from: inversion.x, labels, noise)
    while let step = try run.next() { images.append(step.x) }
    return try reproduction(images, final: run.x)
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

// MARK: Runs

extension SampleLoop {
  private func makeInversion(of image: Tensor) throws -> InversionRun {
    let denoiser = settings.denoiser(network.conditioned(on: nil)), levels = settings.process.samplingLevels.inverted
    return switch settings.clipping {
    case .none: InversionRun(denoiser: denoiser, levels: levels, image: image)
    case .derivingTheNoiseAnew: InversionRun(denoiser: denoiser.clipped(), levels: levels, image: image)
    case .keepingTheNoise: InversionRun(denoiser: denoiser.clipped(useClippedModelOutput: false), levels: levels, image: image)
    }
  }

  private func makeRun(from start: Tensor, _ labels: Tensor?, _ noise: any NoiseSource) throws -> SamplingRun {
    switch (settings.guidance, labels) {
    case (.classifierFree(let scale), let labels?):
      let guided = ClassifierFreeGuidance(scale: scale, condition: labels, null: .zeros(like: labels)) {
        settings.denoiser(network.conditioned(on: $0))
      }
      return try clipped(guided, start, labels, noise)
    case (.classifierFree, nil): throw ReferenceError("\(manifest.name): guidance without labels")
    default: return try clipped(settings.denoiser(network.conditioned(on: settings.passesLabels ? labels : nil)), start, labels, noise)
    }
  }

  private func clipped(
    _ denoiser: some Denoiser, _ start: Tensor, _ labels: Tensor?, _ noise: any NoiseSource
  ) throws -> SamplingRun {
    switch settings.clipping {
    case .none: try guided(denoiser, start, labels, noise)
    case .derivingTheNoiseAnew: try guided(denoiser.clipped(), start, labels, noise)
    case .keepingTheNoise: try guided(denoiser.clipped(useClippedModelOutput: false), start, labels, noise)
    }
  }

  private func guided(
    _ denoiser: some Denoiser, _ start: Tensor, _ labels: Tensor?, _ noise: any NoiseSource
  ) throws -> SamplingRun {
    guard case .classifier(let scale) = settings.guidance else { return run(settings.sampler, denoiser, start, noise) }
    guard let labels else { throw ReferenceError("\(manifest.name): guidance without labels") }
    return run(settings.sampler, denoiser.guided(by: try network.logProbability(of: labels), scale: scale), start, noise)
  }

  private func run(
    _ sampler: some Sampler, _ denoiser: some Denoiser, _ start: Tensor, _ noise: some NoiseSource
  ) -> SamplingRun {
    SamplingRun(
      sampler, denoiser: denoiser, levels: settings.process.samplingLevels, start: start, noise: noise, window: settings.window)
  }
}

@Suite("Reference sampling loops (set 5)") struct ReferenceSampleLoopTests {
  @Test func aSeedGivesTheImagesOfTheReference() throws { try Examination.check(SampleLoopReferenceSet()) }
  @Test func theRecordedNoiseGivesTheImagesOfTheReference() throws { try Examination.check(SampleLoopReferenceSet(replaysNoise: true)) }

  private func settings(_ more: String, process: String = "") throws -> SampleLoopSettings {
    let process = """
      {"class": "SpacedDiffusion", "steps": 100, "schedule": "linear", "respacing": "10", "model_mean_type": "EPSILON",
       "model_var_type": "FIXED_SMALL", "rescale_timesteps": false\(process)}
      """
    let config = #"{"shape": [1, 1, 2, 2], "clip_denoised": true, "process": \#(process)\#(more)}"#
    return try SampleLoopSettings(ReferenceHarnessTests().manifest(#"{"manifest_version": 1, "config": \#(config)}"#))
  }

  @Test(arguments: [#", "sampler": "euler""#, #", "sampler": "ddim""#, #", "sampler": "ddpm", "eta": 1"#, #", "temperature": 2"#])
  func aLoopThatIsNotUnderstoodFails(more: String) throws {
    #expect(throws: ReferenceError.self) { try settings(more) }
    #expect(throws: ReferenceError.self) { try settings("", process: more) }
    #expect(try settings(#", "sampler": "ddpm""#).sampler is DDPM)
  }
}
