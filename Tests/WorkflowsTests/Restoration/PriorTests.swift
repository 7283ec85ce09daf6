import Diffusion
import Foundation
import Imaging
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@testable import Workflows

/// Restoration by models that were never trained to, held against distributions whose posterior is known.
@Suite("Restoration by a prior") struct PriorTests {
  /// Pictures of independent pixels N(mean, variance), for which the ideal denoiser is known.
  private func restorer(
    mean: Double = 0, variance: Double = 0.04, scale: Double = 1, set: [String] = [], noise: Double = 0, colorize: Bool = false,
    mask: Bool = false,
    _ change: (inout Restorer.Settings) -> Void = { _ in }
  ) throws -> Restorer {
    let recipe = try ModelRecipe(
      yaml: "data: { channels: 3, height: 32, width: 32 }\nprocess: { schedule: { type: linear, steps: 1000 } }",
      set: ["sampling.clip=false", "sampling.steps=50", "sampler={ type: ddim, eta: 1 }"] + set
    ).adapted()
    let diffusion = try recipe.process.makeDiffusion()
    let oracle = GaussianOracle(mean: mean, variance: variance).network(of: diffusion.process, predicting: diffusion.parameterization)
    var request = PriorRequest()
    (request.noise, request.colorize, request.mask) = (noise, colorize, mask ? "mask.png" : nil)
    var settings = Restorer.Settings(seed: Seed(5))
    settings.color = false
    change(&settings)
    let network = TestNetwork(reach: 0) { x, _, timesteps in oracle(x, timesteps) }
    return try Restorer(PriorRestoration(recipe, network, request, scale: scale, on: .cpu), settings)
  }

  private func restored(_ restorer: Restorer, _ picture: Tensor, known: Tensor? = nil) throws -> Tensor {
    let bench = try RestorationBench(picture, factor: restorer.factor), result = try bench.result()
    let run = try RestorationRun(
      bench.degraded, known: known.map { try mapped($0, in: bench.folder) }, strengths: [], by: restorer, into: result,
      scratch: bench.folder.path, identity: "test")
    while try run.next() != nil {}
    return try bench.read(result)
  }

  private func mapped(_ known: Tensor, in folder: ScratchFolder) throws -> MappedPicture {
    let picture = try MappedPicture(at: folder.file("known"), width: known.size(3), height: known.size(2), channels: 1, samples: .uint8)
    try picture.write(known, row: 0)
    return picture
  }

  /// Around the middle, so that nothing is clamped.
  private func picture(_ height: Int, _ width: Int, deviation: Double = 0.05) -> Tensor {
    0.5 + deviation * Tensor.randn([1, 3, height, width], using: Generator(seed: 3))
  }

  private func variance(_ x: Tensor) throws -> Double { try x.contiguous().reshape(-1).variance(0).item() }

  /// A sample without anything known, of the same noise, from 0 to 1.
  private func sample(_ restorer: Restorer, mean: Double = 0, _ height: Int, _ width: Int) throws -> Tensor {
    let method = restorer.method, process = method.diffusion.process
    let oracle = GaussianOracle(mean: mean, variance: 0.04).network(of: process, predicting: method.diffusion.parameterization)
    let run = SamplingRun(
      method.recipe.sampler.member, denoiser: method.diffusion.denoiser(oracle), levels: restorer.replay.levels,
      shape: [1, 3, height, width],
      noise: PositionalNoise(seed: Seed(5), rows: 0..<height, columns: 0..<width))
    return try (run.finish() + 1) / 2
  }

  /// Without the means over boxes.
  private func free(_ x: Tensor) -> Tensor { x - x.avgPool2d(2).repeatInterleave(2, dim: 2).repeatInterleave(2, dim: 3) }

  // MARK: Without noise

  @Test(arguments: ["ddim", "{ type: ddim, eta: 1 }", "dpmpp_2m", "heun", "ddpm"])
  func whatIsKnownStaysAndTheRestIsSampled(sampler: String) throws {
    let y = picture(16, 16), restorer = try restorer(scale: 2, set: ["sampler=\(sampler)", "sampling.steps=100"])
    let x = try restored(restorer, y)
    // Rounding of float32.
    #expect(try (x.avgPool2d(2) - y).abs().max().item() < 1e-6)
    // The pixels of this prior are independent, and so is what is not known. The smooth finish changes it by a part of what the last
    // estimate lacks, which is a twentieth of y: 0.0025.
    let expected = try free(sample(restorer, 32, 32))
    #expect(try (free(x) - expected).square().mean().item().squareRoot() < 0.005 && variance(expected) > 0.005)
  }

  @Test(arguments: [1, 3, 5]) func tilesAreTheWhole(factor: Int) throws {
    let y = picture(37, 50), set = ["sampling.steps=4", "sampler=ddim"]
    let scale = Double(factor), known = factor == 1 ? Tensor.randn([1, 1, 37, 50], using: Generator(seed: 1)).gt(0).to(.float32) : nil
    let tiled = try restored(restorer(scale: scale, set: set, mask: factor == 1) { ($0.tile, $0.overlap) = (45, 15) }, y, known: known)
    let whole = try restored(restorer(scale: scale, set: set, mask: factor == 1) { ($0.tile, $0.overlap) = (300, 30) }, y, known: known)
    #expect(try levels(tiled, whole) < 0.01)
  }

  @Test func pixelsThatAreKeptAreThoseOfThePicture() throws {
    let y = picture(40, 40), hole = Tensor.cat([.ones([1, 1, 40, 20]), .zeros([1, 1, 40, 20])], dim: 3)
    let restorer = try restorer(mean: 0.2, mask: true), x = try restored(restorer, y, known: hole)
    #expect(try (x - y).narrow(3, 0, 20).abs().max().item() < 1e-6)
    let made = try sample(restorer, mean: 0.2, 40, 40)
    #expect(try (x - made).narrow(3, 20, 20).abs().max().item() < 1e-5)
  }

  @Test func greyPicturesKeepTheirLuma() throws {
    let grey = picture(32, 32).narrow(1, 0, 1), y = grey.expand(1, 3, 32, 32).contiguous()
    let x = try restored(restorer(colorize: true), y)
    let luma = (x * Tensor([0.299, 0.587, 0.114] as [Float], [1, 3, 1, 1])).sum(1, keep: true)
    #expect(try (luma - grey).abs().max().item() < 1e-5)
    #expect(try (x.narrow(1, 0, 1) - x.narrow(1, 2, 1)).abs().mean().item() > 0.05)
  }

  @Test func resultsStayBetweenBlackAndWhiteAndConsistent() throws {
    // Of a prior that is all too wide, and an input with black and white.
    let y = (0.5 + Tensor.randn([1, 3, 20, 20], using: Generator(seed: 3))).clamp(0...1)
    let x = try restored(restorer(variance: 1, scale: 4, set: ["sampling.steps=5"]), y)
    #expect(try x.min().item() >= -1e-6 && x.max().item() <= 1 + 1e-6)
    #expect(try (x.avgPool2d(4) - y).abs().max().item() < 1e-5)
  }

  // MARK: With noise

  /// Prior N(0, s²), observations with noise of as much: the posterior of each mean has half the variance around half the observation. An
  /// ODE carries an observation to y s / √(s² + σ²), with which results are distributed as the prior.
  @Test(arguments: [(1.0, "ddpm", 500), (2.0, "ddpm", 500), (1.0, "dpmpp_2m", 150), (2.0, "dpmpp_2m", 150)])
  func noisyInputsGiveThePosterior(scale: Double, sampler: String, steps: Int) throws {
    let count = 32, sigma = 0.2 / scale
    // A mean over four pixels varies half as much.
    let clean = sigma * Tensor.randn([1, 3, count, count], using: Generator(seed: 7))
    let y = clean + sigma * Tensor.randn([1, 3, count, count], using: Generator(seed: 8))
    let restorer = try restorer(scale: scale, set: ["sampler=\(sampler)", "sampling.steps=\(steps)"], noise: 255 * sigma / 2)
    let x = 2 * (try restored(restorer, (y + 1) / 2)) - 1, means = scale == 1 ? x : x.avgPool2d(2)
    let slope = try ((means * y).mean() / y.square().mean()).item(), expected = sampler == "ddpm" ? 0.5 : 0.5.squareRoot()
    // Three standard errors of 3,072 samples, and for steps in place of a continuum: ddpm's variance is off by 30 / steps.
    #expect(abs(slope - expected) < 0.05, "\(slope)")
    let rest = try variance(means - expected * y) / (sigma * sigma)
    #expect(abs(rest - (sampler == "ddpm" ? 0.5 : 0)) < 0.1, "\(rest)")
  }

  // MARK: Interruptions, refusals

  @Test func resumesToTheSameBytes() throws {
    let make = { try restorer(scale: 3, set: ["sampling.steps=3"]) { ($0.tile, $0.overlap) = (33, 9) } }
    let bench = try RestorationBench(picture(30, 14), factor: 3)
    func run(_ result: MappedPicture) throws -> RestorationRun {
      try RestorationRun(bench.degraded, strengths: [], by: make(), into: result, scratch: bench.folder.path, identity: "test")
    }
    let first = try bench.result(), whole = try run(first)
    var calls = 0
    while try whole.next() != nil { calls += 1 }
    let expected = try bench.read(first).floats()
    whole.removeScratch()
    for stop in 1..<calls {
      do {
        let run = try run(bench.result())
        for _ in 0..<stop { _ = try run.next() }
      }
      let result = try bench.result(keeping: true), rest = try run(result)
      while try rest.next() != nil {}
      #expect(try bench.read(result).floats() == expected, "after \(stop) of \(calls) calls")
      rest.removeScratch()
    }
  }

  @Test func refusesWhatCannotBeRestored() throws {
    let cases: [([String], (inout PriorRequest) -> Void, Double, String)] = [
      ([], { _ in }, 1, "nothing for a prior to restore"), ([], { $0.noise = 300 }, 1, "noise must be 0 to 255"),
      ([], { $0.colorize = true }, 1, "giving colours needs one of 3"), ([], { $0.className = "x" }, 2, "there is no class 'x'"),
      (["data.null_class=null"], { _ in }, 2, "needs a class for every picture"),
      (["process.parameterization=previous_x", "sampler=ddpm", "sampling.steps=1000"], { _ in }, 2, "previous_x"),
      (["sampling.dynamic_thresholding_ratio=0.9"], { _ in }, 2, "depends on the whole picture"),
      ([], { $0.settings = ["sampling.stepz=1"] }, 2, "stepz"),
    ]
    for (set, change, scale, words) in cases {
      let model = try Tiny.denoiser(set: set)
      var request = PriorRequest()
      change(&request)
      let error = refusal { try Restorer(PriorRestoration(model, request, scale: scale, Restorer.Settings()), Restorer.Settings()) }
      #expect(error?.description.contains(words) == true, "\(words): \(error?.description ?? "none")")
    }
  }

  // MARK: Files

  @Test func aPictureIsRestoredFromFileToFile() throws {
    let shop = try RestorationShop(), model = "\(shop.path)/prior.safetensors"
    try Tiny.write(Tiny.denoiser(), to: model)
    let source = try shop.put(RestorationShop.picture(9, 13, channels: 1), at: "in/small.png")
    func run(_ name: String, _ change: (inout PriorRequest) -> Void = { _ in }) throws -> RestorationJob {
      var request = try RestorationRequest(output: "\(shop.path)/\(name)")
      var prior = PriorRequest()
      (prior.className, request.scale) = ("3", 2)
      change(&prior)
      request.prior = prior
      var settings = Restorer.Settings()
      settings.color = false
      let job = try RestorationJob(RestorationPlan([source], request), model: model, settings: settings)
      while try job.next() != nil {}
      return job
    }
    let job = try run("large.png"), outcome = try #require(job.outcomes.first)
    #expect(outcome.resultWidth == 18 && outcome.resultHeight == 26 && outcome.colorDriftMean == nil)
    // Results are rounded to 8 bits, a third of a level in the mean of squares at most, of means over four.
    #expect(try #require(outcome.inputExplained) < 0.3)
    #expect(try run("large.png").outcomes.first?.skipped == true)
    #expect(refusal { try run("large.png") { $0.className = "4" } }?.failure == .usage)
    let mask = try shop.put(Image(width: 9, height: 13, channels: 1, bytes: (0..<117).map { $0 % 9 > 4 ? 255 : 0 }), at: "mask.png")
    #expect(try run("filled.png") { $0.mask = mask }.failures.isEmpty)
    let other = try shop.put(RestorationShop.picture(8, 13, channels: 1), at: "other.png")
    #expect(try run("none.png") { $0.mask = other }.failures.first?.problem.contains("expected a mask of the picture's size") == true)
    let black = try shop.put(Image(width: 9, height: 13, color: [0]), at: "black.png")
    #expect(refusal { try run("none.png") { $0.mask = black } }?.description.contains("is all black") == true)
  }
}
