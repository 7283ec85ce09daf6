import Diffusion
import Failures
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@testable import Workflows

@Suite("Restoration of pictures") struct RestorationRunTests {
  private let wholeTile: (inout Restorer.Settings) -> Void = { ($0.tile, $0.overlap) = (64, 16) }

  // MARK: One tile

  /// Every sampler, and options that evaluate more often or at other levels.
  static let samplers: [String] =
    SamplerRegistry.all.map { $0.name }
    + ["{ type: euler, s_churn: 2 }", "{ type: edm, s_churn: 2 }", "{ type: pndm, skip_prk_steps: false }", "{ type: ddim, eta: 1 }"]

  @Test(arguments: samplers) func oneTileIsTheWholeRunWithTheSameNoise(sampler: String) throws {
    let restorer = try TinyRestoring.restorer(["sampler=\(sampler)", "sampling.steps=4"], wholeTile)
    let bench = try RestorationBench(TinyRestoring.picture(24, 19)), network = try TinyRestoring.network(restorer.recipe)
    // Rounding of float32 where ε is derived from x₀, a hundredth of a level.
    #expect(try levels(bench.restore(restorer), bench.whole(restorer, network)) < 0.01)
  }

  @Test(arguments: [
    TinyRestoring.plain + ["process.variance=learned_range", "sampler=ddpm", "sampling.steps=5"],
    TinyRestoring.plain + ["sampling.use_clipped_model_output=false", "sampling.clip_sample_range=0.5", "sampler=ddim"],
    TinyRestoring.plain + ["process.parameterization=x0", "sampling.noise_until=2", "sampler=euler_ancestral"],
    TinyRestoring.plain
      + ["process.parameterization=previous_x", "process.schedule.steps=20", "sampler=ddpm", "sampling.steps=20"],
    ["process.parameterization=v", "sampling.spacing=karras"],
  ]) func whateverTheNetworkPredicts(set: [String]) throws {
    let restorer = try TinyRestoring.restorer(set, wholeTile)
    let bench = try RestorationBench(TinyRestoring.picture(11, 16)), network = try TinyRestoring.network(restorer.recipe)
    #expect(!restorer.detailApplies || set.contains { $0.contains("karras") })
    #expect(try levels(bench.restore(restorer), bench.whole(restorer, network)) < 0.02)
  }

  /// A network that enlarges, and whose sides are multiples of 4.
  @Test func smallPicturesAreEnlargedByNetworksThatDo() throws {
    let set =
      TinyRestoring.plain + [
        "small_height=32", "small_width=32", "corruption_names=[]",
        "super_resolution={ type: super_resolution_unet, unet: { model_channels: 32, channel_mult: [1, 1, 1], num_res_blocks: 1, attention_resolutions: [] } }",
      ]
    let restorer = try TinyRestoring.restorer(set) { ($0.tile, $0.overlap) = (nil, nil) }
    #expect(restorer.factor == 2 && restorer.tile == 64 && restorer.overlap == 16 && restorer.step == 4)
    let bench = try RestorationBench(TinyRestoring.picture(32, 32), factor: 2), network = try TinyRestoring.network(restorer.recipe)
    #expect(try levels(bench.restore(restorer), bench.whole(restorer, network)) < 0.02)
    let odd = try RestorationBench(TinyRestoring.picture(35, 1), factor: 2)
    #expect(try odd.restore(restorer).isFinite().all().item() == 1)
  }

  @Test(arguments: [(1, 1), (1, 70), (70, 1), (2, 3), (63, 65), (33, 40)]) func anySideFromOnePixelOn(height: Int, width: Int) throws {
    let restorer = try TinyRestoring.restorer { $0.color = true }
    let result = try RestorationBench(TinyRestoring.picture(height, width)).restore(restorer)
    #expect(result.shape == [1, 3, height, width])
    #expect(try result.isFinite().all().item() == 1 && result.min().item() >= 0 && result.max().item() <= 1)
  }

  @Test func throughTheColumnsItIsTheSame() throws {
    let bench = try RestorationBench(TinyRestoring.picture(101, 150))
    let restorer = try TinyRestoring.restorer(["sampler={ type: ddim, eta: 1 }"]) { ($0.tile, $0.overlap, $0.color) = (96, 40, true) }
    let results = try [false, true].map { isTurned in
      let result = try bench.result()
      let run = try RestorationRun(
        bench.degraded, strengths: TinyRestoring.strengths, by: restorer, into: result, scratch: bench.folder.path, identity: "\(isTurned)",
        isTurned: isTurned)
      while try run.next() != nil {}
      return try bench.read(result)
    }
    // Tiles that overlap as far as the network reaches are exact, however they are ordered.
    #expect(try levels(results[0], results[1]) < 0.01)
    #expect(Restorer.isTurned(width: 40_000, height: 100) && !Restorer.isTurned(width: 32_768, height: 100))
    #expect(!Restorer.isTurned(width: 40_000, height: 50_000))
    let memory = restorer.memoryBytes(width: 40_000, height: 1000)
    #expect(memory == restorer.memoryBytes(width: 1000, height: 40_000))
  }

  // MARK: Evaluations and detail

  @Test func detailLeadsFromTheMeanToASample() throws {
    func restored(_ detail: Double, _ evaluations: Int? = 3) throws -> Tensor {
      let restorer = try TinyRestoring.restorer { ($0.detail, $0.evaluations, $0.tile) = (detail, evaluations, 64) }
      #expect(restorer.detailApplies && restorer.evaluations == (detail == 0 ? 1 : evaluations))
      // Far from black and white, where results are clamped.
      return try RestorationBench(0.3 + 0.4 * TinyRestoring.picture(40, 50)).restore(restorer)
    }
    let mean = try restored(0), sample = try restored(1)
    #expect(try levels(mean, sample) > 1)
    #expect(try levels(restored(0.25), mean + 0.25 * (sample - mean)) < 0.01)
    #expect(try levels(restored(1, 1), mean) == 0)
  }

  @Test func modelsWithoutAMeanGiveASample() throws {
    let results = try [0, 1].map { detail in
      let restorer = try TinyRestoring.restorer(TinyRestoring.plain) { $0.detail = detail }
      #expect(!restorer.detailApplies && restorer.evaluations == 3)
      return try RestorationBench(TinyRestoring.picture(20, 30)).restore(restorer)
    }
    #expect(try levels(results[0], results[1]) == 0)
  }

  @Test func theMeanDoesNotDependOnTheSeed() throws {
    let results = try [Seed(1), Seed(2)].map { seed in
      let restorer = try TinyRestoring.restorer { ($0.detail, $0.seed) = (0, seed) }
      return try RestorationBench(TinyRestoring.picture(40, 50)).restore(restorer)
    }
    #expect(try levels(results[0], results[1]) == 0)
  }

  @Test func oneEvaluationNeedsNoCanvas() throws {
    let one = try TinyRestoring.restorer { $0.evaluations = 1 }, three = try TinyRestoring.restorer { $0.detail = 0.5 }
    #expect(one.scratchBytes(width: 100, height: 50) == 0)
    // Two of images in turn, two of the second-order sampler's last estimate, and the mean.
    #expect(three.scratchBytes(width: 100, height: 50) == 5 * 100 * 50 * 3 * 4)
    let bench = try RestorationBench(TinyRestoring.picture(40, 50)), run = try bench.run(one, into: bench.result())
    while try run.next() != nil {}
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder.path).sorted() == ["degraded", "journal.json", "result"])
    run.removeScratch()
    #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder.path).sorted() == ["degraded", "result"])
  }

  @Test func evaluationsAreThoseThatWereAsked() throws {
    for (sampler, asked, taken) in [("heun", 7, 6), ("heun", 2, 2), ("dpmpp_2m", 4, 4), ("dpmpp_3s", 1, 1)] {
      let restorer = try TinyRestoring.restorer(["sampler=\(sampler)"]) { $0.evaluations = asked }
      #expect(restorer.evaluations == taken, "\(sampler) \(asked)")
    }
  }

  @Test func memoryIsThatOfTheWidthAndTheTile() throws {
    let restorer = try TinyRestoring.restorer()
    let short = restorer.memoryBytes(width: 1000, height: 1000), long = restorer.memoryBytes(width: 1000, height: 100_000)
    #expect(short == long && restorer.memoryBytes(width: 4000, height: 1000) > short)
    #expect(try TinyRestoring.restorer { $0.tile = 256 }.memoryBytes(width: 1000, height: 1000) > short)
  }

  // MARK: Interruptions

  /// Dropped after each call and begun again.
  @Test(arguments: [
    ["sampling.steps=3"], ["sampler=heun", "sampling.steps=2"], ["sampler={ type: edm, s_churn: 2 }", "sampling.steps=2"],
    ["sampling.steps=1"], ["sampler={ type: unipc, solver_order: 3 }", "sampling.steps=4"],
  ]) func resumesToTheSameBytes(set: [String]) throws {
    let change: (inout Restorer.Settings) -> Void = { ($0.detail, $0.color) = (0.5, true) }
    let bench = try RestorationBench(TinyRestoring.picture(90, 41))
    let first = try bench.result(), run = try bench.run(try TinyRestoring.restorer(set, change), into: first)
    var calls = 0
    while try run.next() != nil { calls += 1 }
    let expected = try bench.read(first).floats(), drift = run.colourDrift
    run.removeScratch()
    #expect(calls > 3 && drift.mean > 0)
    for stop in 1..<calls {
      do {
        let run = try bench.run(try TinyRestoring.restorer(set, change), into: bench.result())
        for _ in 0..<stop { _ = try run.next() }
      }
      let result = try bench.result(keeping: true), rest = try bench.run(try TinyRestoring.restorer(set, change), into: result)
      var left = 0
      while try rest.next() != nil { left += 1 }
      #expect(try bench.read(result).floats() == expected, "after \(stop) of \(calls) calls")
      #expect(rest.colourDrift == drift)
      // Colour waits for more rows than one evaluation of so small a picture is kept in.
      #expect(left < calls || stop < 3 || set == ["sampling.steps=1"], "nothing of \(stop) calls was kept")
      rest.removeScratch()
    }
  }

  @Test func otherWorkBeginsAnew() throws {
    let bench = try RestorationBench(TinyRestoring.picture(64, 40)), restorer = try TinyRestoring.restorer()
    let half = try bench.run(restorer, into: bench.result())
    var last = 0.0
    while last < 0.5 { last = try #require(try half.next()) }
    let same = try bench.run(restorer, into: bench.result(keeping: true))
    #expect(try #require(try same.next()) > 0.4)
    let other = try bench.run(restorer, into: bench.result(keeping: true), identity: "other")
    #expect(try #require(try other.next()) < 0.3)
    let damaged = "\(bench.folder.path)/journal.json"
    try Data("{".utf8).write(to: URL(fileURLWithPath: damaged))
    #expect(try #require(try bench.run(restorer, into: bench.result()).next()) < 0.3)
  }

  @Test(arguments: [["sampling.steps=1"], ["sampler=heun", "sampling.steps=3"]])
  func aResultThatWasLostIsWrittenAgain(set: [String]) throws {
    let bench = try RestorationBench(TinyRestoring.picture(64, 40)), restorer = try TinyRestoring.restorer(set) { $0.detail = 0.5 }
    let first = try bench.result(), run = try bench.run(restorer, into: first)
    while try run.next() != nil {}
    let expected = try bench.read(first).floats()
    // Complete, and kept: there is nothing to do.
    #expect(try bench.run(restorer, into: bench.result(keeping: true)).next() == nil)
    let lost = try bench.result(), again = try bench.run(restorer, into: lost)
    while try again.next() != nil {}
    #expect(try bench.read(lost).floats() == expected)
    #expect(again.colourDrift == run.colourDrift)
  }

  /// A network that fails as a device does on tiles that are too large, and the tiles that it has seen.
  @Test func memoryRunningOutHalvesTheTiles() throws {
    var sides: [Int] = []
    let recipe = try TinyRestoring.recipe(), inner = try TinyRestoring.network(recipe)
    func restorer(limit: Int, tile: Int) throws -> Restorer {
      let network = TestNetwork(reach: 1000) { x, degraded, timesteps in
        sides.append(x.size(2))
        if sides.count > 3, x.size(2) > limit {
          return Tensor(failing: TorchFault(operation: "conv2d", kind: .outOfMemory, message: "no memory"))
        }
        return inner(x, timesteps: timesteps, conditioning: Conditioning(lowRes: degraded), mode: .inference)
      }
      return try TinyRestoring.restorer(network, []) { ($0.tile, $0.overlap) = (tile, 32) }
    }
    let bench = try RestorationBench(TinyRestoring.picture(300, 150)), small = try restorer(limit: 64, tile: 128)
    let result = try bench.restore(small)
    #expect(small.tile == 64 && sides.contains(64) && sides.filter { $0 > 64 }.count == 4)
    sides = []
    // Tiles of other sides differ by what the network knows of their surroundings.
    #expect(try levels(result, bench.restore(restorer(limit: 128, tile: 128))) < 3)
    sides = []
    let stuck = try restorer(limit: 32, tile: 64), run = try bench.run(stuck, into: bench.result(), identity: "stuck")
    let fault = #expect(throws: TorchFault.self) { while try run.next() != nil {} }
    #expect(fault?.kind == .outOfMemory)
  }

  // MARK: Refusals

  @Test func picturesAndStrengthsMustFit() throws {
    let restorer = try TinyRestoring.restorer(), bench = try RestorationBench(TinyRestoring.picture(8, 9)), result = try bench.result()
    let strengths = try #require(refusal { try bench.run(restorer, into: result, strengths: [0.5]) })
    #expect(strengths.failure == .usage && strengths.description == "strengths [0.5]; expected 2 from 0 to 1: jpeg, noise")
    #expect(refusal { try bench.run(restorer, into: result, strengths: [0.5, 1.5]) }?.failure == .usage)
    let other = try MappedPicture(at: bench.folder.file("other"), width: 8, height: 8, channels: 3, samples: .uint8)
    #expect(refusal { try bench.run(restorer, into: other) }?.description.contains("expected one 1 times the other") == true)
    let grey = try MappedPicture(at: bench.folder.file("grey"), width: 9, height: 8, channels: 1, samples: .uint8)
    #expect(refusal { try bench.run(restorer, into: grey) }?.failure == .data)
    let nowhere = refusal {
      try RestorationRun(
        bench.degraded, strengths: [0, 0], by: restorer, into: result, scratch: "\(bench.folder.path)/none", identity: "")
    }
    #expect(nowhere?.failure == .missing)
  }

  @Test func settingsMustMakeSense() throws {
    let wrong: [(String, (inout Restorer.Settings) -> Void)] = [
      ("evaluations must be 1 to 1000", { $0.evaluations = 0 }), ("detail must be 0", { $0.detail = 1.5 }),
      ("tile must be 32", { $0.tile = 8 }), ("overlap must be 0", { $0.overlap = -1 }),
      ("expected half a tile at most", { ($0.tile, $0.overlap) = (64, 40) }),
    ]
    for (words, change) in wrong {
      let error = try #require(refusal { try TinyRestoring.restorer([], change) })
      #expect(error.failure == .usage && error.description.contains(words), "\(error.description)")
    }
  }

  @Test func modelsThatCannotRestoreInTilesAreRefused() throws {
    let thresholded = try #require(refusal { try TinyRestoring.restorer(["sampling.dynamic_thresholding_ratio=0.9"]) })
    #expect(thresholded.failure == .data && thresholded.description.contains("depends on the whole picture"))
    let folder = try ScratchFolder(), path = try folder.file("denoiser.safetensors")
    try Tiny.write(Tiny.denoiser(), to: path)
    let denoiser = try #require(refusal { try Restorer(path, settings: Restorer.Settings()) })
    #expect(denoiser.failure == .data)
    #expect(denoiser.description.contains("is a diffusion model; expected a diffusion model that restores or enlarges pictures"))
    #expect(refusal { try Restorer("no-such-model", settings: Restorer.Settings()) }?.failure == .missing)
  }

  @Test func modelsAreReadFromFiles() throws {
    let recipe = try TinyRestoring.recipe(), network = try TinyRestoring.network(recipe), folder = try ScratchFolder()
    let path = try folder.file("model.safetensors")
    try ModelFile.write(network.stateDict(), recipe, Provenance(step: 1), to: path)
    var settings = Restorer.Settings(seed: Seed(5))
    (settings.tile, settings.overlap, settings.detail, settings.color) = (32, 16, 1, false)
    let bench = try RestorationBench(TinyRestoring.picture(40, 50))
    #expect(try levels(bench.restore(Restorer(path, settings: settings)), bench.restore(TinyRestoring.restorer())) == 0)
    let usual = try Restorer(path, settings: Restorer.Settings())
    #expect(usual.tile == 256 && usual.overlap == 44 && usual.strengthNames == ["jpeg", "noise"] && usual.evaluations == 3)
  }
}
