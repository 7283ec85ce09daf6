import Diffusion
import Failures
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

@Suite("Training of classifiers") struct ClassifierTrainingTests {
  let folder: ScratchFolder
  let recipe: String, guided: String

  static let yaml = """
    data: { type: glyphs, size: 8, classes: digits, count: 100 }
    classifier: { type: encoder_classifier, model_channels: 32, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [], num_head_channels: 16, dropout: 0.1 }
    training: { batch_size: 4, warmup_images: 8, duration: 24, log_every: 8, preview_every: 8, checkpoint_every: 1000 }

    """

  init() throws {
    folder = try ScratchFolder()
    guided = try folder.file("guided.safetensors")
    try Tiny.write(Tiny.model(), to: guided)
    recipe = try folder.write(Self.yaml, to: "tiny.yaml")
  }

  private func begin(_ name: String = "run", noisy: Bool = true, _ set: [String] = []) throws -> TrainingJob {
    try TrainingJob(recipe: recipe, set: (noisy ? ["guides=\(guided)"] : []) + set, folder: "\(folder.path)/\(name)")
  }

  private func finish(_ job: TrainingJob) throws { while try job.next() != nil {} }

  private func content(_ state: StateDict) throws -> [String: [UInt8]] {
    try Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, try $0.tensor.bytes()) })
  }

  private func lines(_ job: TrainingJob) -> [TrainingLogLine] { RunLog(path: job.folder.logPath).lines }

  // MARK: Models

  @Test func theModelGuidesTheOneThatItWasTrainedFor() throws {
    let job = try begin()
    try finish(job)
    #expect(job.position.step == 6 && job.previewProblem == nil && job.folder.previews.isEmpty)
    let classifier = try ClassifierModel(job.folder.path), model = try Model(guided)
    #expect(try content(classifier.network.stateDict()) == content(job.trainer.average.stateDict()))
    #expect(classifier.recipe.data.classNames == (0..<10).map(String.init))
    #expect(classifier.recipe.process.yaml() == NoisingProcess(of: model.recipe.process).yaml())
    #expect(classifier.provenance == Provenance(step: 6, images: 24))
    let images = try [0, 30].map { scale in
      try SamplingJob(request(2) { ($0.classifier, $0.classifierScale) = (job.folder.path, scale) }, model: model).finish()
    }
    #expect(images[0] != images[1])
    let found = try Inspection(of: job.folder.path)
    #expect(found.kind == .classifier && found.recipeProblem == nil)
  }

  @Test func theModelOfCleanImagesJudgesAndDoesNotGuide() throws {
    let job = try begin(noisy: false)
    try finish(job)
    let model = try Model(guided)
    func problem(_ scale: Double) -> SfumatoError? {
      refusal {
        try SamplingJob(
          request(2) {
            ($0.classifier, $0.classifierScale, $0.scorer, $0.candidates) = (job.folder.path, scale, .classifier, 2)
          }, model: model)
      }
    }
    #expect(problem(0) == nil)
    #expect(problem(1)?.failure == .data)
    #expect(problem(1)?.description.contains("it was trained on images without noise") == true)
  }

  /// Ten classes of ten pictures each, seen six times.
  @Test func tellsClassesApart() throws {
    let job = try begin(
      noisy: false, ["training.batch_size=20", "training.duration=1200", "training.learning_rate=0.01", "training.log_every=200"])
    try finish(job)
    let accuracies = lines(job).compactMap(\.accuracy)
    // By chance it would be 0.1, with a standard deviation of 0.02 over the 200 images of a line.
    #expect(accuracies.count == 6 && accuracies[5] > 0.5 && accuracies[5] > accuracies[0], "\(accuracies)")
  }

  @Test(arguments: [true, false]) func resumesBitExactly(noisy: Bool) throws {
    let whole = try begin("whole", noisy: noisy), half = try begin("half", noisy: noisy)
    try finish(whole)
    for _ in 0..<3 { _ = try half.next() }
    try half.finish()
    let path = half.folder.path
    let resumed = try TrainingJob(resuming: path)
    #expect(resumed.position.step == 3)
    try finish(resumed)
    let (first, second) = (try whole.folder.latestCheckpoint(), try resumed.folder.latestCheckpoint())
    #expect(try content(first.weights) == content(second.weights))
    #expect(try content(first.average) == content(second.average))
    #expect(try content(first.optimizer) == content(second.optimizer))
    #expect(try content(first.weights) != content(begin("other", noisy: !noisy).trainer.weights()))
  }

  // MARK: Losses

  @Test func imagesHaveTheNoiseOfTheirTimesteps() throws {
    let setting = try Setting(["guides=\(guided)"]), batch = try setting.loader.batch(at: 0, on: .cpu)
    let step = try setting.loss(batch, Seed(7), 3)
    _ = try step.mean(0..<4)
    let seen = try #require(setting.recorder.seen.first)
    let process = try Model(guided).recipe.process.makeDiffusion().process
    let timesteps = try seen.timesteps.doubles().map { Int($0) }
    let noise = Tensor.randn(batch.images.shape, using: Seed(7).generator(for: .noise, step: 3))
    let expected = qSample(batch.images, at: process.levels(timesteps), noise: noise)
    #expect(try seen.images.floats() == expected.floats())
    // Stratified: one in each quarter.
    #expect(Set(timesteps.map { $0 / 250 }) == [0, 1, 2, 3])
    #expect(step.report(step.figures()).quartiles.means.allSatisfy { $0 != nil })
  }

  @Test func cleanImagesStayAsTheyAreAtTimestepZero() throws {
    let setting = try Setting([]), batch = try setting.loader.batch(at: 0, on: .cpu)
    let step = try setting.loss(batch, Seed(7), 3)
    _ = try step.mean(0..<4)
    let seen = try #require(setting.recorder.seen.first)
    #expect(try seen.images.floats() == batch.images.floats())
    #expect(try seen.timesteps.doubles() == [0, 0, 0, 0])
    #expect(step.report(step.figures()).quartiles == LossQuartiles())
  }

  /// A network that always gives the logits 2, 0, 0 … has a loss and an accuracy in closed form.
  @Test func lossAndAccuracyAreThoseOfTheLogits() throws {
    let setting = try Setting(["guides=\(guided)", "loading={ workers: 0, validation: 20 }"])
    let total = Foundation.log(Foundation.exp(2.0) + 9)
    func expected(_ labels: [Int]) -> (loss: Double, accuracy: Double) {
      let zeros = labels.count { $0 == 0 }
      return (total - 2 * Double(zeros) / Double(labels.count), Double(zeros) / Double(labels.count))
    }
    let batch = try setting.loader.batch(at: 0, on: .cpu), step = try setting.loss(batch, Seed(0), 0)
    let parts = try [0..<1, 1..<4].map { try step.mean($0).item() * Double($0.count) }
    let wanted = try expected(#require(batch.labels).ints())
    // Rounding of float32.
    #expect(abs(parts.reduce(0, +) / 4 - wanted.loss) < 1e-5)
    #expect(step.report(step.figures()).accuracy == wanted.accuracy)
    let held = try (0..<5).map { try setting.loader.validationBatch($0, on: .cpu) }
    let found = try setting.loss.validation(of: 5) { held[$0] }
    let heldOut = try expected(held.flatMap { try #require($0.labels).ints() })
    #expect(abs(found.mean - heldOut.loss) < 1e-5)
    #expect(try abs(#require(found.accuracy) - heldOut.accuracy) < 1e-9 && heldOut.accuracy > 0)
    // As many images in each quarter.
    #expect(abs(found.accuracies.means.compactMap { $0 }.reduce(0, +) / 4 - heldOut.accuracy) < 1e-9)
  }

  @Test(arguments: [true, false]) func theLogHasAccuracies(noisy: Bool) throws {
    let job = try begin(noisy: noisy, ["loading.validation=0.2"])
    try finish(job)
    let found = lines(job)
    #expect(found.count == 3 && found.allSatisfy { $0.accuracy != nil && $0.validationAccuracy != nil && $0.validationLoss != nil })
    #expect(found.allSatisfy { $0.validationAccuracies.allSatisfy { ($0 != nil) == noisy } })
    let status = try RunWatch(job.folder.path).status
    #expect(status.accuracy == found.last?.accuracy && status.validationAccuracy == found.last?.validationAccuracy)
    let page = try String(contentsOfFile: job.folder.reportPath, encoding: .utf8)
    #expect(page.contains("Held-out accuracy by noise") == noisy && page.contains("Accuracy"))
    #expect(found[0].scalars.contains { $0.tag == "accuracy_by_noise/held_out_q3" } == noisy)
  }

  // MARK: Plans

  @Test func imagesAreThoseOfTheGuidedModel() throws {
    let plan = try TrainingPlan(recipe: recipe, set: ["guides=\(guided)", "data.size=12"])
    #expect(plan.modelRecipe.data.height == 8 && plan.modelRecipe.data.channels == 1)
    #expect(plan.memory != nil)
    #expect(try RecipeInspection.check(recipe, set: ["data.size=12"]).parameters > 1000)
    #expect(plan.storedRecipe.guides == guided)
  }

  @Test(arguments: [
    ("guides=\"\"", "guides: expected a model"), ("network.model_channels=64", "network: a classifier does not use it"),
    ("process.parameterization=epsilon", "process: a classifier does not use it"), ("sampling.steps=3", "sampling: a classifier"),
    ("sampler=ddim", "sampler: a classifier"), ("training.class_dropout=0.2", "training.class_dropout: a classifier"),
    ("training.loss=l1", "training.loss: a classifier"), ("training.loss_weighting=min_snr", "training.loss_weighting: a classifier"),
    ("training.timestep_sampling=uniform", "training.timestep_sampling: a classifier"),
    ("corruptions={ fixed: [jpeg] }", "corruptions: a classifier takes no degraded pictures"),
    ("classifier.num_res_blocks=0", "classifier.num_res_blocks: expected 1"),
  ]) func refusesSettingsThatItWouldNotUse(setting: String, words: String) throws {
    let error = try #require(throws: RecipeError.self) { try begin(noisy: false, [setting]) }
    #expect("\(error)".contains(words), "\(error)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
  }

  @Test func aDiffusionModelGuidesNone() throws {
    let error = try #require(throws: RecipeError.self) { try TrainRecipe(yaml: "guides: digits") }
    #expect("\(error)".contains("guides: names the model that a classifier is to guide; expected a section classifier"), "\(error)")
  }

  @Test(arguments: [
    ("images.size=12", "makes images of 8 x 8 x 1, and the recipe asks for 12 x 12 x 1"), ("images.channels=3", "asks for 8 x 8 x 3"),
    ("data.classes=letters", "has 10 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), and the data have 26 classes (A, B"),
    ("guides=nowhere", "there is no model 'nowhere'"), ("classifier.num_classes=4", "has 4 classes, and the recipe names 10"),
  ]) func refusesWhatCouldNotGuideTheModel(setting: String, words: String) throws {
    let error = refusal { try begin("run", [setting]) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
  }

  @Test func guidesOnlyADiffusionModel() throws {
    let classifier = try folder.file("classifier.safetensors")
    try Tiny.write(Tiny.classifier(), to: classifier)
    let error = refusal { try begin("run", ["guides=\(classifier)"]) }
    #expect(error?.failure == .data && error?.description.contains("expected a diffusion model") == true, "\(String(describing: error))")
  }

  @Test(arguments: [("none", "the data have no classes"), ("folder", "the data have a single class")])
  func refusesDataWithNothingToTellApart(classes: String, words: String) throws {
    let pictures = "\(folder.path)/pictures"
    for index in 0..<4 { try Image(width: 8, height: 8, color: [UInt8(index)]).write(to: folder.file("pictures/one/\(index).png")) }
    let error = refusal {
      try begin(noisy: false, ["data={ type: folder, path: \(pictures), class_from: \(classes) }", "images={ size: 8, channels: 1 }"])
    }
    #expect(error?.failure == .data && error?.description.contains(words) == true, "\(String(describing: error))")
  }

  // MARK: Resuming

  @Test func refusesToResumeWithOtherNoise() throws {
    let job = try begin(), run = job.folder.path
    try finish(job)
    func problem(_ set: [String]) -> SfumatoError? { refusal { try TrainingPlan(resuming: run, set: set) } }
    #expect(problem([]) == nil)
    #expect(problem(["guides=null"])?.description.contains("guides cannot change") == true)
    #expect(problem(["classifier.model_channels=64"])?.description.contains("model_channels: 32 before, model_channels: 64 now") == true)
    try Tiny.write(Tiny.model(set: ["process.schedule={ type: cosine, steps: 500 }"]), to: guided)
    #expect(problem([])?.description.contains("the process of the guided model cannot change") == true)
    try FileManager.default.removeItem(atPath: guided)
    #expect(problem([])?.failure == .missing)
  }

  @Test func cannotBeBenchmarkedAsADiffusionModel() throws {
    let error = refusal { try BenchmarkSubject(recipe) }
    #expect(error?.description.contains("a classifier of noisy images; expected a diffusion model") == true, "\(String(describing: error))")
  }

  @Test func bundledRecipeIsValid() throws {
    let root = Fixture.clone.path
    let set = ["data={ type: glyphs, size: 28, classes: digits, count: 40 }", "guides=\(root)/models/digits.safetensors"]
    #expect(try RecipeInspection.check("\(root)/recipes/digits-classifier.yaml", set: set).parameters > 100_000)
    #expect(throws: (any Error).self) { try RecipeInspection.check("\(root)/recipes/digits-classifier.yaml", set: ["data.images=nowhere"]) }
  }
}

/// Records what a classifier is given, and returns the logits 2, 0, 0 …
private final class Recorder: NoisyClassifier {
  private(set) var seen: [(images: Tensor, timesteps: Tensor)] = []

  func callAsFunction(_ x: Tensor, timesteps: Tensor, mode: Mode) -> Tensor {
    seen.append((x, timesteps))
    let first = Tensor([Float(2)] + [Float](repeating: 0, count: 9), [1, 10])
    return .cat([Tensor](repeating: first, count: x.size(0)), dim: 0)
  }

  func features(_ x: Tensor, timesteps: Tensor, mode: Mode) -> (features: Tensor, logits: Tensor) {
    let logits = callAsFunction(x, timesteps: timesteps, mode: mode)
    return (logits, logits)
  }

  func prepared(for dtype: DType) throws -> Recorder { self }
}

/// A recorded loss with the examples of a recipe.
private struct Setting {
  let loss: ClassificationLoss, loader: BatchLoader
  let recorder = Recorder()

  init(_ set: [String]) throws {
    let recipe = try TrainRecipe(yaml: ClassifierTrainingTests.yaml, set: set), dataset = try recipe.data.member.open()
    loader = try BatchLoader(recipe.trainingData(of: dataset), batchSize: 4, recipe.loading)
    loss = try ClassificationLoss(recipe, recipe.classifierRecipe(for: dataset), recorder, on: .cpu)
  }
}
