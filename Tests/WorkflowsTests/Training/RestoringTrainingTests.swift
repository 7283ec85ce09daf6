import Diffusion
import Foundation
import Imaging
import Models
import NN
import Networks
import RecipeKit
import Tensors
import TestSupport
import Testing
@testable import Training

@testable import Workflows

/// Records the conditioning of a network and returns zeros.
private final class Recorder: DiffusionNetwork {
  private(set) var conditionings: [Conditioning] = []

  func callAsFunction(_ x: Tensor, timesteps: Tensor, conditioning: Conditioning, mode: Mode) -> Tensor {
    conditionings.append(conditioning)
    return .zeros(like: x)
  }

  func prepared(for dtype: DType) throws -> Recorder { self }
}

@Suite("Training of restoration models") struct RestoringTrainingTests {
  let folder: ScratchFolder
  let recipe: String

  private static let yaml = """
    data: { type: glyphs, size: 8, classes: digits, count: 100 }
    corruptions: { fixed: [gaussian_blur], random: [noise, saturation], scale: 2 }
    network:
      type: super_resolution_unet
      unet: { model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }
    sampling: { steps: 2 }
    training: { batch_size: 4, warmup_images: 8, duration: 24, log_every: 8, preview_every: 1000, checkpoint_every: 1000 }

    """

  init() throws {
    folder = try ScratchFolder()
    recipe = try folder.write(Self.yaml, to: "tiny.yaml")
  }

  private func begin(_ name: String = "run", _ set: [String] = []) throws -> TrainingJob {
    try TrainingJob(recipe: recipe, set: ["training.precision=float32"] + set, folder: "\(folder.path)/\(name)")
  }

  private func finish(_ job: TrainingJob) throws { while try job.next() != nil {} }

  private func content(_ state: StateDict) throws -> [String: [UInt8]] {
    try Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, try $0.tensor.bytes()) })
  }

  // MARK: Inputs

  /// The channels of the first convolution: the noisy image, the degraded one, then the strengths.
  @Test func learnsFromTheDegradedPictureAndEveryStrength() throws {
    let job = try begin("run", ["network.unet.dropout=0"])
    #expect(job.modelRecipe.yaml().contains("num_corruptions: 3"))
    let name = "input_blocks.0.0.weight"
    let before = try #require(try job.folder.latestCheckpoint().weights[name])
    #expect(before.shape == [32, 5, 3, 3])
    try finish(job)
    let change = try #require(try job.folder.latestCheckpoint().weights[name]) - before
    for channel in 0..<5 {
      #expect(try change.slice(1, channel..<channel + 1).abs().max().item() > 0, "channel \(channel)")
    }
  }

  @Test func conditionsOnDegradedPicturesAndTheirStrengths() throws {
    let recipe = try TrainRecipe(yaml: Self.yaml, set: ["loading={ workers: 0, validation: 8 }"]), dataset = try recipe.data.member.open()
    let loader = try BatchLoader(recipe.trainingData(of: dataset), batchSize: 4, recipe.loading), recorder = Recorder()
    let loss = try TrainingLoss(recipe, recipe.diffusionModel(for: dataset), recorder, on: .cpu)
    let seen = try loader.batch(at: 0, on: .cpu), held = try loader.validationBatch(0, on: .cpu)
    _ = try loss(seen, Seed(0), 0).mean(0..<4)
    _ = try loss.validation(of: 1) { _ in held }
    #expect(recorder.conditionings.count == 2)
    for (conditioning, batch) in zip(recorder.conditionings, [seen, held]) {
      #expect(conditioning.lowRes?.shape == [4, 1, 4, 4])
      #expect(try conditioning.lowRes?.floats() == batch.degraded?.floats())
      let strengths = try #require(try conditioning.corruptionStrengths?.floats())
      #expect(try strengths == batch.corruptionStrengths?.floats())
      // The fixed corruption always applies; one of the random ones does, the other has strength 0.
      #expect(strengths.count == 12 && strengths.filter { $0 == 0 }.count == 4, "\(strengths)")
    }
  }

  @Test func resumesBitExactly() throws {
    let whole = try begin("whole"), half = try begin("half")
    try finish(whole)
    for _ in 0..<3 { _ = try half.next() }
    try half.finish()
    let rest = try TrainingJob(resuming: half.folder.path)
    try finish(rest)
    let first = try whole.folder.latestCheckpoint(), second = try rest.folder.latestCheckpoint()
    #expect(first.position.step == 6)
    #expect(try content(first.weights) == content(second.weights))
    #expect(try content(first.average) == content(second.average))
  }

  @Test func downscalingAloneNeedsNoStrengths() throws {
    let job = try begin("run", ["corruptions={ fixed: [], random: [], scale: 4 }", "training.preview_every=8", "training.duration=8"])
    try finish(job)
    #expect(job.previewProblem == nil)
    #expect(job.modelRecipe.restoration == RestorationFacts(image: [1, 2, 2], corruptionNames: []))
  }

  // MARK: Residuals

  /// The settings of a training on twelve pictures without classes.
  private func residual() throws -> [String] {
    let pictures = "\(folder.path)/pictures"
    try FileManager.default.createDirectory(atPath: pictures, withIntermediateDirectories: true)
    for index in 0..<12 {
      let bytes = (0..<64).map { UInt8(($0 * 37 + index * 59) % 256) }
      try Image(width: 8, height: 8, channels: 1, bytes: bytes).write(to: "\(pictures)/\(index).png")
    }
    return Self.residual + ["data={ type: folder, path: \(pictures), class_from: none }", "images={ size: 8, channels: 1 }"]
  }

  private static let residual = [
    "corruptions={ fixed: [gaussian_blur], random: [], scale: 1, reduction: {} }", "process.parameterization=v_scaled_input",
    "process.rescale_betas_zero_snr=true", "process.residual_scale=0.25", "sampling.steps=1",
    "network={ type: restoration_unet, model_channels: 8, channel_mult: [1] }",
  ]

  /// A network that gives zero has the loss of v = α ε − σ r, r the scaled residual.
  @Test func theScaledDifferenceFromTheDegradedPictureIsDiffused() throws {
    let recipe = try TrainRecipe(yaml: Self.yaml, set: residual() + ["training.timestep_sampling={ type: last_share, share: 1 }"])
    let dataset = try recipe.data.member.open(), recorder = Recorder()
    let batch = try BatchLoader(recipe.trainingData(of: dataset), batchSize: 4, recipe.loading).batch(at: 0, on: .cpu)
    let loss = try TrainingLoss(recipe, recipe.diffusionModel(for: dataset), recorder, on: .cpu)(batch, Seed(0), 0)
    // At the last timestep α is 0 and v is −r.
    let residual = try (batch.images - #require(batch.degraded)) / 0.25
    let expected = try residual.square().mean().item()
    // Rounding of float32 sums.
    #expect(try abs(loss.mean(0..<4).item() - expected) < 1e-5 * expected)
  }

  @Test func theModelSaysWhatItsStrengthsMean() throws {
    let set = ["corruptions.fixed=[{ type: jpeg, min_quality: 20, max_quality: 80 }]", "corruptions.reduction.factor=3"]
    let model = try #require(try begin("run", residual() + set).modelRecipe as? SuperResolutionModelRecipe)
    #expect(model.strengthScales.jpegQualities == [80, 20] && model.strengthScales.reductionFactor == 3)
  }

  @Test func previewsOfAnUntrainedNetworkAreTheDegradedPictures() throws {
    let job = try begin("run", residual() + ["training.batch_size=8", "training.preview_every=8", "training.duration=8"])
    let recipe = try #require(job.modelRecipe as? any DiffusionModelRecipe),
      network = try recipe.makeNetwork(using: Initializer(Generator(seed: 1)))
    let shown = try job.loader.shownBatch(4, on: .cpu)
    let sheet = try RestorationSheet(recipe: recipe, network: network).draw(shown)
    let cells = [2, 68].map { sheet.cropped(row: sheet.height - 66, column: $0, width: 64, height: 64) }
    #expect(cells[0] == cells[1])
    try finish(job)
    #expect(job.previewProblem == nil)
    #expect(recipe.restoration == RestorationFacts(image: [1, 8, 8], corruptionNames: ["gaussian_blur", "reduction"]))
  }

  @Test(arguments: [
    ("corruptions.scale", ["corruptions={ scale: 2, reduction: null }"]),
    ("process.variance", ["process.variance=learned_range"]),
    ("training.loss", ["training.loss=kl"]),
  ]) func refusesWhatResidualsCannotBe(path: String, set: [String]) throws {
    let error = try #require(throws: RecipeError.self) { try TrainRecipe(yaml: Self.yaml, set: Self.residual + set) }
    #expect("\(error)".contains(path), "\(error)")
  }

  @Test func aResidualNeedsADegradedPicture() throws {
    let error = try #require(throws: RecipeError.self) { try TrainRecipe(yaml: "process: { residual_scale: 0.1 }") }
    #expect("\(error)".contains("expected a restoring network with corruptions"), "\(error)")
  }

  // MARK: Outputs

  @Test(arguments: ["0", "0.1"]) func previewsDegradedRestoredAndOriginalPictures(validation: String) throws {
    let job = try begin(
      "run", ["training.batch_size=8", "training.preview_every=8", "training.duration=8", "loading.validation=\(validation)"])
    try finish(job)
    #expect(job.previewProblem == nil)
    let sheet = try Image(file: job.folder.previewPath(images: 8))
    let shown = try job.loader.shownBatch(8, on: .cpu)
    // Twice three columns and eight rows of 64-pixel cells, 2 pixels apart and 8 around; the last cell is the last picture.
    #expect(sheet.width == 2 * (3 * 66 + 2) + 3 * 8 && sheet.height > 8 * 66)
    let last = try shown.images.images()[7]
    let cell = sheet.cropped(row: sheet.height - 74, column: sheet.width - 74, width: 64, height: 64)
    #expect(cell.withChannels(1) == last.magnified(by: 8))
    let degraded = sheet.cropped(row: sheet.height - 74, column: 10, width: 64, height: 64)
    #expect(try degraded.withChannels(1) == #require(shown.degraded).images()[7].magnified(by: 16))
    let log = try String(contentsOfFile: job.folder.logPath, encoding: .utf8)
    #expect(log.contains("validation_loss") == (validation != "0"))
  }

  @Test func modelDescribesWhatItRestores() throws {
    let job = try begin()
    try finish(job)
    let found = try Inspection(of: job.folder.path)
    #expect(found.kind == .superResolution && found.recipeProblem == nil)
    #expect(
      found.network?.restoration == RestorationFacts(image: [1, 4, 4], corruptionNames: ["gaussian_blur", "noise", "saturation"]))
    let file = try ModelFile(ModelLocator.path(of: job.folder.path), expecting: .superResolution)
    let recipe = try SuperResolutionModelRecipe(yaml: file.recipe), network = try recipe.makeNetwork(using: .shapes)
    try file.fill(network, recipe, on: .cpu)
    #expect(try content(network.stateDict()) == content(job.trainer.average.stateDict()))
    #expect(file.provenance == Provenance(step: 6, images: 24))
  }

  @Test func modelCannotSampleFromNoiseAlone() throws {
    let path = try begin().folder.path
    let words =
      "is a diffusion model that restores or enlarges pictures, and needs one to start from: use 'sfumato restore'; expected a model "
      + "that samples"
    let error = refusal { try SamplingJob(request { $0.model = path }) }
    #expect(error?.failure == .data)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func modelAndRecipeCanBeBenchmarked() throws {
    let path = try begin().folder.path
    for subject in [try BenchmarkSubject(path), try BenchmarkSubject(recipe)] {
      #expect(subject.takesPicture)
      #expect(try subject.count(batch: 3).output == [3, 1, 8, 8])
    }
  }

  // MARK: Invalid recipes

  @Test(arguments: [
    ("corruptions=null", "corruptions: network super_resolution_unet learns to restore pictures; expected corruptions, such as"),
    ("network=adm_unet", "corruptions: network adm_unet takes no degraded pictures; expected network.type super_resolution_unet"),
    (
      "corruptions={ fixed: [], random: [], scale: 1 }",
      "corruptions: expected a corruption, a reduction or a scale above 1, found none"
    ),
    ("network.num_corruptions=2", "network.num_corruptions: expected 3, one per corruption, or no value, found 2"),
    ("network.num_corruptions=0", "network.num_corruptions: expected 3, one per corruption, or no value, found 0"),
    ("network.unet.num_res_blocks=0", "network.unet.num_res_blocks: expected 1 to 64, found 0"),
  ])
  func inconsistentRecipeIsRefused(setting: String, words: String) throws {
    let error = try #require(throws: RecipeError.self) { try begin("run", [setting]) }
    #expect("\(error)".contains(words), "\(error)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
  }

  @Test func scaleThatDoesNotDivideTheImagesIsRefusedBeforeTraining() throws {
    #expect(throws: (any Error).self) { try RecipeInspection.check(recipe, set: ["corruptions.scale=3"]) }
    #expect(try RecipeInspection.check(recipe).images == 100)
  }

  @Test func bundledRecipeIsValid() throws {
    let path = Fixture.clone.appendingPathComponent("recipes/restore.yaml").path
    let pictures = try (folder.file("a.png") as NSString).deletingLastPathComponent
    try Image(width: 80, height: 70, color: [200, 100, 50]).write(to: folder.file("a.png"))
    #expect(try RecipeInspection.check(path, set: ["data.path=\(pictures)"]).parameters > 1_000_000)
    let error = #expect(throws: (any Error).self) { try RecipeInspection.check(path, set: ["data.path=\(folder.path)/nothing"]) }
    #expect("\(error!)".contains("there is no such folder or archive; put the pictures there, or name theirs by `path` in the recipe"))
  }
}
