import Diffusion
import Failures
import Foundation
import Imaging
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Testing
import Training

@testable import Workflows

@Suite("Sampling") struct SamplingTests {
  let model: Model

  init() throws { model = try Tiny.model() }

  private func sample(_ request: SamplingRequest) throws -> [Image] { try SamplingJob(request, model: model).finish() }

  /// The unrounded images, `[N, C, H, W]`.
  private func numbers(_ request: SamplingRequest) throws -> Tensor {
    let job = try SamplingJob(request, model: model)
    var batches: [Tensor] = [], done = 0
    while try job.next() != nil {
      guard job.images.count > done, let x = job.x else { continue }
      done = job.images.count
      batches.append(x)
    }
    return .cat(batches, dim: 0)
  }

  // MARK: Seeds and batches

  @Test(arguments: SamplerRegistry.names) func sameSeedGivesTheSameBytes(sampler: String) throws {
    let first = request { $0.settings = ["sampler.type=\(sampler)"] }
    var other = first
    other.seed = 1
    #expect(try sample(first) == sample(first))
    #expect(try sample(first) != sample(other))
  }

  /// The order of sums in kernels depends on the batch size: differences of 1e-6 per operation were observed, over about a hundred
  /// operations here.
  @Test(arguments: SamplerRegistry.names) func imagesSampledAloneAndInBatchesAgree(sampler: String) throws {
    let alone = request(16) {
      $0.batchSize = 1
      $0.settings = ["sampler.type=\(sampler)"]
    }
    let expected = try numbers(alone)
    #expect(try expected.abs().max().item() > 0.1)
    for size in [3, 5, 16] {
      var batches = alone
      batches.batchSize = size
      #expect(try (numbers(batches) - expected).abs().max().item() < 1e-4, "batches of \(size)")
    }
  }

  @Test func imageStartsFromTheSameNoiseInAnyBatch() throws {
    func start(_ batchSize: Int) throws -> [Image] {
      let job = try SamplingJob(
        request(7) {
          $0.batchSize = batchSize
          $0.tracedCount = 7
        }, model: model)
      _ = try job.finish()
      return job.frames[0]
    }
    let alone = try start(1)
    #expect(alone.count == 7)
    #expect(try start(3) == alone)
    #expect(try start(7) == alone)
  }

  @Test func batchNoiseOrderUsesOneStreamOncePerStep() throws {
    let job = try SamplingJob(
      request(4) {
        $0.noiseOrder = .batch
        $0.batchSize = 2
        $0.seed = 9
        $0.tracedCount = 4
      }, model: model)
    _ = try job.finish()
    let stream = Generator(seed: 9)
    let noise = (0..<6).map { _ in Tensor.randn([2, 1, 8, 8], using: stream) }
    // The first batch takes x_T and one tensor per step, even if its sampler adds no noise; then comes the second batch's x_T.
    #expect(try job.frames[0] == noise[0].images() + noise[5].images())
  }

  @Test(arguments: SamplerRegistry.names) func oneStepIsEnough(sampler: String) throws {
    let images = try sample(request(2) { $0.settings = ["sampler.type=\(sampler)", "sampling.steps=1"] })
    #expect(images.count == 2)
    #expect(images[0] != images[1])
  }

  @Test func progressRisesToOne() throws {
    let job = try SamplingJob(request(5) { $0.batchSize = 3 }, model: model)
    var shares: [Double] = []
    while let share = try job.next() { shares.append(share) }
    #expect(shares.count == 8)
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 < $1 })
    #expect(shares.last == 1)
  }

  @Test func onlyTheRequestedImagesAreTraced() throws {
    let job = try SamplingJob(
      request(5) {
        $0.batchSize = 2
        $0.tracedCount = 3
      }, model: model)
    let images = try job.finish()
    #expect(job.frames.map(\.count) == [3, 3, 3, 3, 3])
    #expect(job.frames.last == Array(images.prefix(3)))
  }

  // MARK: Classes and guidance

  @Test func imagesTakeClassesInTurn() throws {
    func labels(_ classes: SamplingRequest.Classes) throws -> [Int?] {
      try SamplingJob(request(12) { $0.classes = classes }, model: model).plan.labels
    }
    #expect(try labels(.all) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    #expect(try labels(.only(["7", "3", "0"])) == [7, 3, 0, 7, 3, 0, 7, 3, 0, 7, 3, 0])
    #expect(try labels(.none) == Array(repeating: nil, count: 12))
  }

  /// As in nice-diffusion's models, whose class 0 is the null class.
  @Test func nullClassAmongTheClassesIsOnlyUsedForUnconditionalSamples() throws {
    var recipe = model.recipe
    recipe.data.nullClass = 0
    let nice = Model(recipe: try ModelRecipe(yaml: recipe.yaml()), provenance: model.provenance, network: model.network)
    let job = try SamplingJob(request(12) { $0.classes = .all }, model: nice)
    #expect(job.plan.labels == [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3])
    let none = try SamplingJob(request(1) { $0.classes = .none }, model: nice).finish()
    #expect(try none == sample(request(1) { ($0.classes, $0.settings) = (.only(["0"]), ["sampling.guidance_scale=1"]) }))
    #expect(try none != sample(request(1) { $0.classes = .none }))
  }

  @Test func requestedClassChangesTheImage() throws {
    let images = try ["3", "4"].map { name in try sample(request(1) { $0.classes = .only([name]) }) }
    #expect(images[0] != images[1])
    #expect(try sample(request(1) { $0.classes = .none }) != images[0])
  }

  @Test func unknownClassIsRefusedWithTheKnownOnes() {
    let error = refusal { try SamplingJob(request { $0.classes = .only(["3", "ten"]) }, model: model) }
    #expect(error == SfumatoError(.usage, "there is no class 'ten'; the classes are 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"))
    #expect(refusal { try SamplingJob(request { $0.classes = .only([]) }, model: model) }?.failure == .usage)
  }

  @Test func modelWithoutNullClassNeedsAClassAndRefusesGuidance() throws {
    let conditional = try Tiny.model(set: ["training.class_dropout=0", "sampling.guidance_scale=1"])
    #expect(try SamplingJob(request(2), model: conditional).finish().count == 2)
    let guided = refusal { try SamplingJob(request { $0.settings = ["sampling.guidance_scale=3"] }, model: conditional) }
    #expect(guided?.description.contains("training.class_dropout above 0") == true)
    #expect(refusal { try SamplingJob(request { $0.classes = .none }, model: conditional) }?.failure == .usage)
  }

  @Test func explicitGuidanceWithoutAClassIsRefused() throws {
    let error = refusal {
      try SamplingJob(
        request {
          $0.classes = .none
          $0.settings = ["sampling.guidance_scale=3"]
        }, model: model)
    }
    #expect(error?.description.contains("no class was requested") == true)
  }

  @Test func guidanceOfOneIsTheConditionalModelAlone() throws {
    let plain = request(2) { $0.settings = ["sampling.guidance_scale=1"] }
    #expect(try sample(plain) != sample(request(2)))
  }

  // MARK: Invalid requests

  @Test(arguments: [
    ("sampler.eta=0.5", "unknown key 'eta' in 'sampler'"), ("sampler.type=dimm", "did you mean 'ddim'?"),
    ("sampling.steps=0", "expected 1 or more, found 0"), ("sampling.steps=2000", "2000"), ("sampling.spacing=dim50", "unknown spacing"),
    ("sampling.spacing=ddim999", "the nearest possible is"), ("sampling.spacing='2000'", "section 1"),
    ("sampling.guidance_scale=-1", "expected 0 to 1000"), ("sampling.guidance_scale=nan", "expected a number"),
  ])
  func invalidSettingIsRefusedWithReason(setting: String, words: String) {
    let error = refusal { try SamplingJob(request { $0.settings = [setting] }, model: model) }
    #expect(error?.failure == .usage)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "taken")")
    #expect(error?.description.contains("--set") == false)
  }

  @Test func stepsThatContradictTheSpacingAreRefused() throws {
    let both = ["sampling.spacing='2,3'", "sampling.steps=7"]
    let error = refusal { try SamplingJob(request { $0.settings = both }, model: model) }
    #expect(error?.description.contains("takes 5 steps, not 7") == true)
    #expect(try SamplingJob(request { $0.settings = [both[0]] }, model: model).plan.stepCount == 5)
  }

  @Test func etaAppliesToTheSamplerThatHasIt() throws {
    let settings = ["sampler.type=ddim", "sampler.eta=1"]
    #expect(try sample(request { $0.settings = settings }) != sample(request { $0.settings = [settings[0]] }))
  }

  @Test(arguments: [0, -1, 10_000_001]) func invalidCountIsRefused(count: Int) {
    #expect(refusal { try SamplingJob(request(count), model: model) }?.failure == .usage)
  }

  @Test func invalidBatchOrDeviceIsRefused() {
    #expect(refusal { try SamplingJob(request { $0.batchSize = 0 }, model: model) }?.failure == .usage)
    #expect(refusal { try SamplingJob(request { $0.device = .cuda(77) }, model: model) }?.failure == .usage)
    for name in ["gpu", "cuda:77", "meta"] { #expect(refusal { try Device(named: name) }?.failure == .usage) }
  }

  // MARK: Failures

  @Test func faultInTheNetworkIsThrownAsInternal() throws {
    var recipe = model.recipe
    recipe.data.channels = 3
    let job = try SamplingJob(request(), model: Model(recipe: recipe, provenance: Provenance(), network: model.network))
    let fault = try #require(throws: TorchFault.self) { try job.next() }
    #expect(fault.message.contains("expected images [N, 1, H, W], found [12, 3, 8, 8]"))
    #expect(Failure(of: fault) == .internal)
  }

  @Test func nonFiniteOutputIsRefused() throws {
    let broken = try Tiny.model()
    let (_, last) = try #require(broken.network.namedParameters().last)
    try last.assign(.full(.nan, like: last.value))
    let error = refusal { try SamplingJob(request(), model: broken).finish() }
    #expect(error?.description.contains("not finite") == true)
  }
}
