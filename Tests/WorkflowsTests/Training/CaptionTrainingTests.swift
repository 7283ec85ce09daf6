import Datasets
import Failures
import Foundation
import Imaging
import Models
import NN
import Networks
import RecipeKit
import Tensors
import Testing

@testable import Training
@testable import Workflows

/// Folders of dark and bright pictures whose captions say which they are.
struct CaptionShop {
  let folder: ScratchFolder
  let recipe: String

  private static let yaml = """
    data: { type: folder, path: PATH, captions: { from: name } }
    images: { size: 4, channels: 1 }
    text_encoder: { width: 16, layers: 1, heads: 2, max_length: 16 }
    network: { type: context_unet, model_channels: 8, channel_mult: [1, 1], num_res_blocks: 1 }
    process: { schedule: { type: cosine, steps: 50 }, parameterization: x0 }
    sampling: { steps: 4 }
    loading: { workers: 0 }
    training: { batch_size: 8, learning_rate: 1.0e-2, warmup_images: 0, duration: 48, log_every: 16, preview_every: 24, checkpoint_every: 1000 }

    """

  init() throws {
    folder = try ScratchFolder()
    for index in 0..<16 {
      let isBright = index % 2 == 1, name = "data/\(isBright ? "day" : "night")/\(isBright ? "a bright" : "a dark") one \(index).png"
      try Image(width: 4, height: 4, color: [UInt8(isBright ? 230 : 25)]).write(to: folder.file(name))
    }
    recipe = try folder.write(Self.yaml.replacing("PATH", with: "\(folder.path)/data"), to: "text.yaml")
  }

  func begin(_ name: String = "run", _ set: [String] = []) throws -> TrainingJob {
    try TrainingJob(recipe: recipe, set: ["training.precision=float32"] + set, folder: "\(folder.path)/\(name)")
  }

  func train(_ name: String = "run", _ set: [String] = []) throws -> TrainingJob {
    let job = try begin(name, set)
    while try job.next() != nil {}
    return job
  }

  func content(_ state: StateDict) throws -> [String: [UInt8]] {
    try Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, try $0.tensor.bytes()) })
  }
}

@Suite("Training on captions") struct CaptionTrainingTests {
  let shop: CaptionShop
  init() throws { shop = try CaptionShop() }

  private func means(_ run: String, _ texts: [String], _ set: [String] = []) throws -> [Int] {
    let job = try SamplingJob(
      request(texts.count) { ($0.model, $0.contexts, $0.settings) = (run, .texts(texts), set) })
    return try job.finish().map { $0.bytes.reduce(0) { $0 + Int($1) } / 16 }
  }

  @Test func samplesAreAsTheirTextsSay() throws {
    let job = try shop.train("run", ["training.duration=480", "training.preview_every=240", "training.ema_rate=0.9"])
    #expect(job.previewProblem == nil && job.folder.previews.count == 2)
    let means = try means(job.folder.path, ["a dark one", "a bright one", "dark"])
    #expect(means[0] < 90 && means[1] > 166 && means[2] < 128, "\(means)")
    let model = try Model(job.folder.path)
    #expect(model.recipe.data.contextSize == 16 && model.recipe.data.nullContext && model.recipe.data.classNames.isEmpty)

    // Judged by what the captions of real pictures ask for.
    var evaluation = EvaluationRequest(samples: job.folder.path, reference: shop.recipe.replacing("text.yaml", with: "twice.yaml"))
    let yaml = try String(contentsOfFile: shop.recipe, encoding: .utf8)
    let source = "{ type: folder, path: \(shop.folder.path)/data, captions: { from: name } }"
    let twice = yaml.replacing(source, with: "{ type: mix, sources: [\(source), \(source)] }")
    _ = try shop.folder.write(twice, to: "twice.yaml")
    evaluation.size = 4
    let plan = try EvaluationPlan(evaluation), captions = try #require(plan.captions)
    #expect(captions.texts.count == 16 && captions.classNames == ["day", "night"])
    #expect(zip(captions.texts, captions.labels).allSatisfy { ($0 == "a bright one") == ($1 == 0) } && Set(captions.texts).count == 2)
    let judge = try EvaluationJob(plan)
    while try judge.next() != nil {}
    #expect(try judge.report().figures.first?.name == "frechet_distance")
    evaluation.reference = "\(shop.folder.path)/data"
    (evaluation.samples, evaluation.count) = (job.folder.path, nil)
    #expect(refusal { try EvaluationPlan(evaluation) }?.description.contains("8 pictures are too few") == true)
  }

  /// Weights, averages and optimizer alike, the encoder's among them.
  @Test func resumesBitExactlyWithTheEncoderInEveryPart() throws {
    let set = ["training.averages=[{ type: rate, rate: 0.9 }]", "training.microbatch=3"]
    let whole = try shop.train("whole", set), half = try shop.begin("half", set)
    for _ in 0..<3 { _ = try half.next() }
    try half.finish()
    let rest = try TrainingJob(resuming: half.folder.path)
    while try rest.next() != nil {}
    let first = try whole.folder.latestCheckpoint(), second = try rest.folder.latestCheckpoint()
    for part in [\RunFolder.Checkpoint.weights, \.average, \.optimizer, \.averages] {
      #expect(try shop.content(first[keyPath: part]) == shop.content(second[keyPath: part]))
      #expect(first[keyPath: part].names.contains { $0.hasSuffix("text_encoder.output.weight") })
    }
    #expect(try shop.content(first.weights) != shop.content(shop.begin("fresh", set).trainer.weights()))
  }

  @Test func classDropoutEmptiesAShareOfTheCaptions() throws {
    func loss(_ dropout: Double, _ texts: [String]) throws -> Double {
      let recipe = try TrainRecipe(file: shop.recipe, set: ["training.class_dropout=\(dropout)"])
      let model = try recipe.modelRecipe(for: recipe.data.member.open()),
        network = try model.makeNetwork(using: Initializer(Generator(seed: 1)))
      try Tiny.unzero(network)
      let loader = try BatchLoader(recipe.trainingData(of: recipe.data.member.open()), batchSize: 8, recipe.loading)
      let batch = try loader.batch(at: 0, on: .cpu)
      let given = texts.isEmpty ? batch.captions : Tensor(texts: texts)
      let replaced = Batch(
        images: batch.images, labels: nil, contexts: nil, captions: given, augmentation: nil, degraded: nil, corruptionStrengths: nil,
        share: batch.share)
      return try TrainingLoss(recipe, model, network, on: .cpu)(replaced, Seed(0), 0).mean(0..<8).detach().item()
    }
    let empty = [String](repeating: "", count: 8)
    #expect(try loss(1, []) == loss(0, empty) && loss(0, []) != loss(0, empty))
    #expect(try loss(0.5, []) != loss(0, []) && loss(0.5, []) != loss(1, []))
  }

  @Test func startsFromTheWeightsOfAnotherRunAndTeachesAStudent() throws {
    let job = try shop.train()
    let next = try shop.begin("next", ["training.initial_weights=\(job.folder.path)", "training.seed=3"])
    #expect(try shop.content(next.trainer.weights()) == shop.content(job.trainer.weights()) && next.freshParameters.isEmpty)
    let wider = ["training.initial_weights=\(job.folder.path)", "text_encoder.max_length=20"]
    #expect(refusal { try shop.begin("wider", wider) }?.description.contains("text_encoder.positions.weight") == true)
    #expect(try shop.begin("wider", wider + ["training.initial_weights_partial=true"]).freshParameters == ["text_encoder.positions.weight"])

    let text = "data: { type: folder, path: \(shop.folder.path)/data, captions: { from: name } }\n"
    let recipe = try shop.folder.write(
      text + "distillation: { teacher: \(job.folder.path), steps: 2, guidance_scale: 3 }\ntraining: { batch_size: 4, duration: 8 }\n",
      to: "student.yaml")
    let student = try TrainingJob(recipe: recipe, folder: "\(shop.folder.path)/student")
    while let step = try student.next() { #expect(step.loss.isFinite) }
    #expect(try Model(student.folder.path).recipe.textEncoder?.maxLength == 16)
    let plain = text.replacing(", captions: { from: name }", with: "")
    let without = try shop.folder.write(plain + "distillation: { teacher: \(job.folder.path) }\n", to: "plain.yaml")
    #expect(refusal { try TrainingPlan(recipe: without) }?.description.contains("and the data have none") == true)
  }

  @Test(arguments: [
    (["data.captions=null"], "a text encoder learns from captions, and the data have none"),
    (["text_encoder=null"], "which nothing reads; expected a section text_encoder"),
    (["network={ type: dit, patch_size: 2, hidden_size: 16, depth: 1, num_heads: 2 }"], "network dit takes no context vectors"),
    (["network.context_dim=3"], "takes context vectors of context_dim 3 numbers, and those of the data have 16"),
    (["training.class_dropout=0", "sampling.guidance_scale=2"], "needs training.class_dropout above 0"),
  ]) func trainingsThatDoNotFitAreRefused(set: [String], words: String) {
    let error = refusal { try TrainingPlan(recipe: shop.recipe, set: set) }
    #expect(error?.failure == .data && error?.description.contains(words) == true, "\(error?.description ?? "taken")")
  }

  @Test func aTextEncoderStandsBesideNothingThatDoesNotReadIt() throws {
    for section in ["classifier: {}", "corruptions: { fixed: [jpeg] }", "distillation: { teacher: digits }"] {
      let error = #expect(throws: RecipeError.self) { try TrainRecipe(yaml: "text_encoder: {}\n\(section)") }
      #expect(error != nil)
    }
  }

  @Test func otherCaptionsAndOtherEncodersDoNotResumeARun() throws {
    let run = try shop.train().folder.path
    let encoder = refusal { try TrainingJob(resuming: run, set: ["text_encoder.heads=4"]) }
    #expect(encoder?.description.contains("text_encoder cannot change when a run is resumed") == true)
    for index in 0..<16 {
      _ = try shop.folder.write("other words", to: "data/\(index % 2 == 1 ? "day/a bright" : "night/a dark") one \(index).txt")
    }
    let error = refusal { try TrainingJob(resuming: run, set: ["data.captions.from=file"]) }
    #expect(error?.failure == .data && error?.description.contains("the captions differ") == true, "\(String(describing: error))")
    #expect(
      try TrainingJob(resuming: TrainingPlan(resuming: run, set: ["data.captions.from=file"], acceptsNewData: true)).position.step == 6)
  }

  @Test func endsThatAreNotReadAreTold() throws {
    #expect(try shop.begin("long").warnings.isEmpty)
    let job = try shop.begin("short", ["text_encoder.max_length=10"])
    #expect(job.warnings == ["8 of 16 captions are longer than text_encoder.max_length, 10 bytes: their ends are not read"])
    _ = try job.next()
  }

  @Test func inspectionOfDataCountsTheirCaptions() throws {
    let inspection = try DataInspection("x", DataSource("\(shop.folder.path)/data", set: ["captions={ from: name }"]))
    while inspection.next() != nil {}
    let captions = try #require(inspection.report.captions)
    #expect(
      captions.count == 16 && captions.different == 2 && captions.longest == 12 && captions.examples == ["a bright one", "a dark one"])
  }
}
