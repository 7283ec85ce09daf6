import Sfumato
import Testing

// The Swift code of README.md and of the articles in Sfumato.docc, to check that it compiles: `DocumentTests` looks for each of
// their lines here. The functions are never called; what they do is tested elsewhere.

// MARK: Sampling

private func samples() throws {
  var request = SamplingRequest(model: "models/digits.safetensors")
  request.count = 10
  request.classes = .only(["7"])
  request.seed = 1
  let job = try SamplingJob(request)
  while let share = try job.next() { print("\(Int(share * 100)) %") }
  try Image.grid(job.images).write(to: "sevens.png")
}

private func samplesByParts(_ myNetwork: @escaping DenoisingNetwork) throws -> [Image] {
  let diffusion = try ProcessRecipe().makeDiffusion()
  let denoiser = diffusion.denoiser { x, timesteps in myNetwork(x, timesteps) }
  let levels = try diffusion.process.samplingLevels(.trailing, steps: 20)
  let noise = PerImageNoise(seed: Seed(1), images: 0..<4)
  let run = SamplingRun(DPMSolverPP2M(), denoiser: denoiser.clipped(), levels: levels, shape: [4, 3, 32, 32], noise: noise)
  let images = try run.finish().images()
  return images
}

// MARK: Training

private func trains(_ stopRequested: () -> Bool) throws {
  let job = try TrainingJob(recipe: "recipes/glyphs.yaml", set: ["training.duration=5m"], folder: "runs/glyphs")
  while let step = try job.next() {
    print("step \(step.step): loss \(step.loss)")
    if stopRequested() { break }
  }
  try job.finish()
}

private func resumes() throws -> TrainingJob {
  let job = try TrainingJob(resuming: "runs/glyphs")
  return job
}

// MARK: Upscaling, converting

private func upscales() throws {
  let plan = try UpscalingPlan(["photo.jpg"], output: "large.png")
  let job = try UpscalingJob(plan, by: Upscaler("RealESRGAN_x4plus.pth"))
  while let share = try job.next() { print("\(Int(share * 100)) %") }
  for failure in job.failures { print("\(failure.file): \(failure.problem)") }
}

private func converts() throws {
  var request = ConversionRequest(input: "64x64_diffusion.pt", output: "adm64.safetensors")
  request.preset = "adm-imagenet64"
  let report = try Conversion.run(request)
  print("\(report.tensors) tensors, \(report.parameters) parameters")
}

// MARK: Embedding

private func starts() throws {
  Torch.waitPassively()
  do {
    _ = try Model("models/digits.safetensors")
  } catch {
    print("\(error)", Failure(of: error))
  }
}

private func samplesAsTheReadmeDoes() throws {
  var request = SamplingRequest(model: "models/digits.safetensors")
  request.count = 10
  let job = try SamplingJob(request)
  while let share = try job.next() { print("\(Int(share * 100)) %") }
  try Image.grid(job.images).write(to: "digits.png")
}

// MARK: Extending

struct PlainEuler: SinglestepSampler {
  static let name = "plain_euler"
  var order: Int? { 1 }

  func step(_ x: Tensor, from t: NoiseLevel, to s: NoiseLevel, denoiser: some Denoiser, noise: StepNoise) -> Transition {
    let estimate = denoiser.predict(x, at: t)
    return Transition(x: s.alpha * estimate.x0 + s.sigma * estimate.epsilon, x0: estimate.x0)
  }
}

final class SmallNetwork: DiffusionNetwork {
  let convIn: Conv2d, time: Linear, convOut: Conv2d

  init(channels: Int, using initializer: Initializer) {
    convIn = Conv2d(channels, 64, using: initializer)
    time = Linear(64, 64, using: initializer)
    convOut = Conv2d(64, channels, using: initializer)
  }

  func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    let embedding = time(timestepEmbedding(timesteps, dimension: 64)).unsqueeze(-1).unsqueeze(-1)
    return convOut(silu(convIn(x) + embedding))
  }

  func prepared(for dtype: DType) -> SmallNetwork { self }
}

struct Stripes: Dataset {
  let count = 100, classNames = ["dark", "bright"]
  var shape: ImageShape? { ImageShape(height: 16, width: 16, channels: 1) }
  var channels: Int { 1 }

  subscript(index: Int) -> Picture {
    let level = UInt8(index % 2 == 0 ? 64 : 192)
    let bytes = (0..<256).map { $0 / 16 % 2 == 0 ? level : 0 }
    return Picture(.pixels(Image(width: 16, height: 16, channels: 1, bytes: bytes)), label: index % 2, name: "stripe \(index)")
  }
}

@Suite("Code in the documents") struct DocumentedCodeTests {
  @Test func samplerOfTheArticleEqualsEuler() throws {
    let diffusion = try ProcessRecipe().makeDiffusion(), levels = try diffusion.process.samplingLevels(.trailing, steps: 5)
    func run(_ sampler: some Sampler) throws -> [Float] {
      let denoiser = diffusion.denoiser { x, _ in x * 0.5 }
      let noise = PerImageNoise(seed: Seed(1), images: 0..<2)
      return try SamplingRun(sampler, denoiser: denoiser, levels: levels, shape: [2, 1, 4, 4], noise: noise).finish().floats()
    }
    let (ours, euler) = try (run(PlainEuler()), run(Euler()))
    #expect(zip(ours, euler).allSatisfy { abs($0 - $1) < 1e-5 } && ours.contains { abs($0) > 0.1 })
  }

  @Test func networkOfTheArticleKeepsTheShape() throws {
    let network = SmallNetwork(channels: 3, using: Initializer(Generator(seed: 1)))
    let y = network(.zeros([2, 3, 8, 8]), timesteps: Tensor([1, 500]), conditioning: .none, mode: .inference)
    #expect(try y.validated().shape == [2, 3, 8, 8])
    #expect(network.namedParameters().map(\.name).contains("conv_in.weight"))
  }

  @Test func dataSetOfTheArticleCanBeTrainedOn() throws {
    let data = try TrainingData(ExamplePipeline(Stripes(), seed: 0), seed: 0)
    #expect(data.count == 100)
    #expect(try data.example(at: 3).example.image.height == 16)
  }
}
