import Checkpoints
import Datasets
import Failures
import Foundation
import Models
import RecipeKit
import Tensors
import Testing
import Training

@testable import Workflows

@Suite("Training runs") struct TrainingJobTests {
  let folder: ScratchFolder
  let recipe: String

  init() throws {
    folder = try ScratchFolder()
    recipe = try folder.write(Tiny.recipe, to: "tiny.yaml")
  }

  private func begin(_ name: String = "run", set: [String] = []) throws -> TrainingJob {
    try TrainingJob(recipe: recipe, set: ["training.precision=float32"] + set, folder: "\(folder.path)/\(name)")
  }

  private func finish(_ job: TrainingJob) throws { while try job.next() != nil {} }

  private func log(_ job: TrainingJob) throws -> [[String: Any]] {
    try String(contentsOfFile: job.folder.logPath, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  private func content(_ state: StateDict) throws -> [String: [UInt8]] {
    try Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, try $0.tensor.bytes()) })
  }

  // MARK: Whole runs

  @Test func takesItsStepsAndSavesAModelToSampleFrom() throws {
    let job = try begin()
    try finish(job)
    #expect(job.position.step == 6)
    let model = try Model(job.folder.path)
    #expect(model.provenance == Provenance(step: 6, images: 24))
    #expect(try content(model.network.stateDict()) == content(job.trainer.average.stateDict()))
    #expect(try SamplingJob(request(2) { $0.model = job.folder.path }).finish().count == 2)
  }

  @Test(arguments: [
    "{ type: nice_unet, model_channels: 32, channel_mult: [1, 1], num_res_blocks: 1, attention_resolutions: [] }",
    "{ type: context_unet, model_channels: 16, channel_mult: [1, 1], num_res_blocks: 1 }",
    "{ type: dit, patch_size: 4, hidden_size: 16, depth: 2, num_heads: 2, use_checkpoint: true }",
    "{ type: adm_unet, model_channels: 32, channel_mult: [1, 1, 1, 1], num_res_blocks: 1, attention_resolutions: [], use_checkpoint: true }",
  ])
  func savesAModelToSampleFromForEveryNetwork(network: String) throws {
    let lines = Tiny.recipe.split(separator: "\n").map { $0.hasPrefix("network:") ? "network: \(network)" : $0 }
    try lines.joined(separator: "\n").write(toFile: recipe, atomically: true, encoding: .utf8)
    // 12 is not a multiple of 8, to which the four levels of the last network pad.
    let job = try begin(set: ["data.size=12", "training.precision=bfloat16"])
    try finish(job)
    let images = try SamplingJob(request(2) { $0.model = job.folder.path }).finish()
    #expect(images.map(\.height) == [12, 12])
  }

  @Test func savesBeforeItsFirstStep() throws {
    let job = try begin()
    let checkpoint = try job.folder.latestCheckpoint()
    #expect(checkpoint.position.step == 0 && checkpoint.position.images == 0 && checkpoint.position.averageSteps == 0)
    #expect(try content(checkpoint.weights) == content(job.trainer.weights()))
  }

  @Test func resumesBitExactly() throws {
    // Everything random or dependent on the position is enabled.
    let set = ["training.decay=cosine", "network.dropout=0.2", "training.class_dropout=0.3", "training.optimizer.weight_decay=0.01"]
    let whole = try begin("whole", set: set)
    try finish(whole)
    let half = try begin("half", set: set)
    for _ in 0..<3 { _ = try half.next() }
    try half.finish()
    let rest = try TrainingJob(resuming: half.folder.path)
    #expect(rest.position.step == 3)
    try finish(rest)
    let first = try whole.folder.latestCheckpoint(), second = try rest.folder.latestCheckpoint()
    #expect(try content(first.weights) == content(second.weights))
    #expect(try content(first.average) == content(second.average))
    #expect(try content(first.optimizer) == content(second.optimizer))
    #expect(first.position.step == 6 && second.position.averageSteps == 6)
  }

  /// A network with a buffer, on the straight path, with averages beside the one that sampling uses.
  @Test func aTransformerOfRectifiedFlowResumesBitExactlyAndSamples() throws {
    let lines = Tiny.recipe.split(separator: "\n").map {
      $0.hasPrefix("network:") ? "network: { type: dit, hidden_size: 16, depth: 1, num_heads: 2 }\nsampler: { type: heun }" : $0
    }
    try lines.joined(separator: "\n").write(toFile: recipe, atomically: true, encoding: .utf8)
    let set = [
      "process.schedule={ type: rectified_flow, shift: 2 }", "process.parameterization=velocity",
      "training.timestep_sampling.type=logit_normal", "training.averages=[{ type: rate, rate: 0.9 }]", "training.preview_every=8",
    ]
    let whole = try begin("whole", set: set), half = try begin("half", set: set)
    try finish(whole)
    for _ in 0..<3 { _ = try half.next() }
    try half.finish()
    let rest = try TrainingJob(resuming: half.folder.path)
    try finish(rest)
    #expect(rest.previewProblem == nil && whole.folder.previews.count == 3)
    let first = try whole.folder.latestCheckpoint(), second = try rest.folder.latestCheckpoint()
    #expect(try content(first.weights) == content(second.weights) && content(first.average) == content(second.average))
    let model = try Model(rest.folder.path)
    let positions = try #require(model.network.stateDict()["pos_embed"])
    #expect(try positions.shape == [1, 16, 16] && positions.floats() == first.weights["pos_embed"]?.floats())
    for sampler in ["euler", "heun", "dpmpp_2m"] {
      let images = try SamplingJob(request(2) { ($0.model, $0.settings) = (rest.folder.path, ["sampler.type=\(sampler)"]) }).finish()
      #expect(images.map(\.height) == [8, 8])
    }
    let average = try AverageReconstruction(run: rest.folder.path, .rate(0.9)).write(to: "\(folder.path)/average.safetensors")
    #expect(try average.step == 6 && Model(file: "\(folder.path)/average.safetensors").network.stateDict()["pos_embed"] != nil)
  }

  @Test func convolutionsAreExactWhereTheRecipeWantsThem() throws {
    func weights(_ name: String, _ set: [String] = []) throws -> [String: [UInt8]] {
      let job = try begin(name, set: set)
      try finish(job)
      return try content(job.folder.latestCheckpoint().weights)
    }
    let exact = try weights("exact", ["training.exact_convolutions=true"])
    #expect(try exact == withExactConvolutions { try weights("scope") })
    // Processors without such kernels have one kind of convolutions only.
    if Torch.cpuCapability.hasPrefix("AVX") { #expect(try exact != weights("fast")) }
  }

  @Test func resumesBitExactlyWithALearningTimestepSampler() throws {
    // Four timesteps, each warm after one loss, with terms of the bound that differ by orders of magnitude: the learned state
    // determines which timesteps are sampled.
    let set = [
      "process.schedule.steps=4", "training.timestep_sampling={type: loss_second_moment, history_per_term: 1}",
      "training.loss=rescaled_kl",
    ]
    let whole = try begin("whole", set: set)
    try finish(whole)
    let half = try begin("half", set: set)
    for _ in 0..<3 { _ = try half.next() }
    try half.finish()
    #expect(try half.folder.latestCheckpoint().timesteps["counts"]?.ints() == [1, 1, 1, 1])
    let rest = try TrainingJob(resuming: half.folder.path)
    try finish(rest)
    let first = try whole.folder.latestCheckpoint(), second = try rest.folder.latestCheckpoint()
    #expect(try content(first.timesteps) == content(second.timesteps))
    #expect(try content(first.weights) == content(second.weights))
  }

  @Test func doesNotResumeWithoutTheTimestepSamplersState() throws {
    let learning = "training.timestep_sampling=loss_second_moment"
    try finish(begin(set: [learning]))
    let path = "\(folder.path)/run"
    try FileManager.default.removeItem(atPath: "\(path)/checkpoints/000000006/timesteps.safetensors")
    try removeChecksums("\(path)/checkpoints/000000006/state.json")
    let error = refusal { try TrainingJob(resuming: path) }
    #expect(error?.failure == .data)
    #expect(error?.description.contains("at step 6 is damaged: the state of the timestep sampling holds nothing") == true)
    // Another recipe for the timesteps starts afresh.
    #expect(try TrainingJob(resuming: path, set: ["training.loss=l1"]).position.step == 6)
    #expect(try TrainingJob(resuming: path, set: ["training.timestep_sampling=uniform"]).position.step == 6)
    #expect(try TrainingJob(resuming: path, set: [learning]).position.step == 6)
  }

  @Test(arguments: [
    "loss=mse", "loss=l1", "loss={type: huber, delta: 0.5}", "loss=kl", "loss=rescaled_kl", "loss={type: hybrid, error: l1}",
    "loss_weighting=soft_min_snr", "loss_weighting=edm", "timestep_sampling=log_normal", "timestep_sampling=uniform",
  ]) func takesStepsWithEveryLossAndTimestepSampler(setting: String) throws {
    let job = try begin(set: ["training.\(setting)", "training.duration=8", "process.variance=fixed_large"])
    while let step = try job.next() { #expect(step.loss.isFinite && step.gradientNorm > 0) }
    #expect(job.position.step == 2)
  }

  @Test func takesStepsWithEveryLossThatTrainsALearnedVariance() throws {
    for loss in ["mse", "rescaled_mse", "hybrid", "kl", "rescaled_kl"] {
      let job = try begin("run-\(loss)", set: ["process.variance=learned_range", "training.loss=\(loss)", "training.duration=4"])
      #expect(try job.next()?.gradientNorm.isFinite == true)
    }
  }

  @Test func resumesBitExactlyInBfloat16() throws {
    let set = ["training.precision=bfloat16", "training.duration=8"]
    let whole = try begin("whole", set: set)
    try finish(whole)
    let half = try begin("half", set: set)
    _ = try half.next()
    try half.finish()
    let rest = try TrainingJob(resuming: half.folder.path)
    try finish(rest)
    #expect(try content(whole.trainer.weights()) == content(rest.trainer.weights()))
  }

  @Test func writesPreviewsWhenDue() throws {
    let job = try begin(set: ["training.preview_every=8", "training.duration=12", "sampling.steps=2"])
    try finish(job)
    #expect(job.previewProblem == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(job.folder.path)/previews") == ["000000008.png"])
  }

  // MARK: Logs

  @Test func logsMeansAtItsIntervalAndAtTheEnd() throws {
    let job = try begin(set: ["training.log_every=16"])
    var losses: [Double] = []
    while let step = try job.next() { losses.append(step.loss) }
    let lines = try log(job)
    #expect(lines.map { $0["step"] as? Int } == [4, 6])
    #expect(abs(try #require(lines[0]["loss"] as? Double) - losses[..<4].reduce(0, +) / 4) < 1e-12)
    #expect(abs(try #require(lines[1]["loss"] as? Double) - losses[4...].reduce(0, +) / 2) < 1e-12)
    #expect(
      // The last step of the process may be among those drawn.
      Set(lines[0].keys).subtracting(["loss_last"])
        == Set(
          [
            "step", "images", "loss", "gradient_norm", "learning_rate", "images_per_second", "seconds", "skipped_steps", "loss_q0",
            "loss_q1", "loss_q2", "loss_q3", "parameter_norm",
            "progress",
          ] + (AvailableMemory.resident == nil ? [] : ["memory_bytes"])))
    // Stratified: each of the four images of a batch falls into another quarter, so the mean of the quarters is the overall mean.
    let quarters = try (0..<4).map { try #require(lines[0]["loss_q\($0)"] as? Double) }
    #expect(abs(try #require(lines[0]["loss"] as? Double) - quarters.reduce(0, +) / 4) < 1e-6)
  }

  @Test func logsTheRateOfTheLinesStepsOnly() throws {
    var log = TrainingLog(from: TrainingPosition(step: 10, images: 100, averageSteps: 10, seconds: 50))
    let last = TrainingStep(step: 12, images: 120, loss: 1, gradientNorm: 2, learningRate: 3, seconds: 54, progress: 0.5)
    log.add(last)
    #expect(log.line(to: last).imagesPerSecond == 5)
  }

  @Test func logsNoLossWhenEveryStepWasSkipped() throws {
    var log = TrainingLog(from: TrainingPosition(step: 0, images: 0, averageSteps: 0, seconds: 0))
    let last = TrainingStep(step: 1, images: 4, loss: .nan, gradientNorm: .nan, learningRate: 3, seconds: 1, progress: 0.5)
    log.add(last)
    let line = log.line(to: last)
    #expect(line.loss == nil && line.gradientNorm == nil && line.skippedSteps == 1)
  }

  @Test func nothingIsLeftOfARunThatCouldNotBegin() throws {
    let first = try begin("first")
    let error = refusal { try begin("second", set: ["training.initial_weights=\(first.folder.path)", "network.model_channels=64"]) }
    #expect(error?.failure == .data)
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/second"))
    // Of a folder that was there, what is not ours stays.
    let notes = try folder.write("notes", to: "third/notes.txt")
    _ = refusal { try begin("third", set: ["training.initial_weights=\(first.folder.path)", "network.model_channels=64"]) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/third") == ["notes.txt"], "\(notes)")
  }

  @Test func stepsThatAreSkippedAreNotSaidToBeSaved() throws {
    let job = try begin(set: [
      "training.learning_rate=1.0e+30", "training.gradient_clip=0", "training.warmup_images=0", "training.skip_limit=50",
    ])
    #expect(job.isSaved && job.savedStep == 0)
    for _ in 0..<5 { _ = try job.next() }
    try #require(job.trainer.isSkipping)
    try job.save()
    #expect(!job.isSaved && job.savedStep == 0)
  }

  // MARK: Pictures

  @Test func validationDoesNotAffectTraining() throws {
    // 20 of 100 pictures, in five batches of four; both runs have the same weights and validation losses.
    let set = ["loading.validation=0.2", "training.log_every=8", "training.checkpoint_every=8", "training.duration=16"]
    let job = try begin(set: set)
    #expect(job.data.count == 80 && job.loader.validationBatchCount == 5)
    try finish(job)
    let losses = try log(job).map { try #require($0["validation_loss"] as? Double) }
    #expect(losses.count == 2 && losses[0] != losses[1] && losses.allSatisfy { $0 > 0 })
    let rare = try begin("rare", set: set + ["training.checkpoint_every=1000"])
    try finish(rare)
    #expect(try content(rare.trainer.weights()) == content(job.trainer.weights()))
    #expect(try log(rare).map { $0["validation_loss"] as? Double } == [nil, losses[1]])
  }

  @Test(arguments: [0, 3]) func doesNotDependOnTheNumberOfWorkers(workers: Int) throws {
    let job = try begin(set: ["loading.workers=\(workers)", "images.flip=horizontal"]),
      other = try begin("other", set: ["loading.workers=1", "images.flip=horizontal"])
    try finish(job)
    try finish(other)
    #expect(try content(job.trainer.weights()) == content(other.trainer.weights()))
  }

  @Test func fitsPicturesOfDifferentSizesToTheRecipesSize() throws {
    let mix = "data: { type: mix, sources: [{ type: glyphs, size: 8, classes: digits }, { type: glyphs, size: 12, classes: digits }] }"
    let lines = Tiny.recipe.split(separator: "\n").map { $0.hasPrefix("data:") ? mix : String($0) }
    try lines.joined(separator: "\n").write(toFile: recipe, atomically: true, encoding: .utf8)
    #expect(throws: DatasetError("data", .noCommonSize)) { try begin() }
    let job = try begin(set: ["images.size=8", "images.channels=3"])
    _ = try job.next()
    #expect(job.modelRecipe.data.images.shape == [3, 8, 8] && job.modelRecipe.data.classNames.count == 10)
  }

  // MARK: Resuming

  @Test func finishedRunTakesNoFurtherSteps() throws {
    try finish(begin())
    let job = try TrainingJob(resuming: "\(folder.path)/run")
    #expect(try job.next() == nil)
    #expect(job.position.step == 6)
  }

  @Test func keepsTheSettingsItWasResumedWith() throws {
    try finish(begin())
    let path = "\(folder.path)/run"
    let longer = try TrainingJob(resuming: path, set: ["training.duration=32"])
    _ = try longer.next()
    try longer.finish()
    let again = try TrainingJob(resuming: path)
    #expect(again.recipe.training.duration == .images(32))
    #expect(again.position.step == 7)
  }

  @Test func leavesTheRecipeWhenASettingIsRefused() throws {
    try finish(begin())
    let path = "\(folder.path)/run"
    let before = try String(contentsOfFile: "\(path)/recipe.yaml", encoding: .utf8)
    let error = refusal { try TrainingJob(resuming: path, set: ["network.model_channels=64"]) }
    #expect(error?.failure == .usage)
    #expect(try String(contentsOfFile: "\(path)/recipe.yaml", encoding: .utf8) == before)
  }

  @Test func neverStartsOverFromADamagedCheckpoint() throws {
    try finish(begin())
    let path = "\(folder.path)/run"
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(path)/checkpoints/000000006/optimizer.safetensors"))
    let error = try #require(throws: (any Error).self) { try TrainingJob(resuming: path) }
    #expect(Failure(of: error) == .data)
    try FileManager.default.removeItem(atPath: "\(path)/checkpoints/000000006")
    let missing = try #require(throws: (any Error).self) { try TrainingJob(resuming: path) }
    #expect(Failure(of: missing) == .missing)
  }

  @Test func stopsOnANonFiniteLossWithTheCommandToResume() throws {
    let job = try begin(set: ["training.duration=1000", "training.rollbacks=0"])
    let (_, parameter) = try #require(job.trainer.parameters.first)
    try parameter.assign(.full(.nan, like: parameter.value))
    let error = refusal { try finish(job) }
    #expect(error?.failure == .data)
    #expect(error?.description.hasSuffix("sfumato resume \(folder.path)/run --set training.learning_rate=0.0001") == true)
    #expect(try job.folder.latestCheckpoint().position.step == 0)
  }

  @Test func savesProgressWhenAStepFails() throws {
    let job = try begin(set: ["training.duration=1000"])
    _ = try job.next()
    _ = try job.next()
    // Any error from a step serves the purpose.
    let (_, parameter) = try #require(job.trainer.parameters.first)
    parameter.replace(with: .zeros([1, 1]))
    #expect(throws: (any Error).self) { try job.next() }
    #expect(try String(contentsOfFile: "\(job.folder.path)/latest", encoding: .utf8) == "000000002\n")
  }

  // MARK: Invalid recipes

  @Test(arguments: [
    (["network.context_dim=4"], "network adm_unet takes context vectors of context_dim 4 numbers, and the data come with none"),
    (["network.out_channels=2"], "makes [2, 8, 8] of images of 8 x 8 x 1"),
    (["training.class_dropout=0"], "sampling.guidance_scale 2.0 needs training.class_dropout above 0"),
    (["sampling.steps=2000"], "2000"),
    (["process.variance=learned_range", "training.loss=l1"], "training.loss: l1 would leave the learned variance"),
    (["training.loss=kl", "training.loss_weighting=min_snr"], "training.loss: kl has the weights of the variational bound"),
    (["training.loss=rescaled_kl", "training.timestep_sampling=log_normal"], "which timestep_sampling log_normal would undo"),
    (["training.timestep_sampling={type: log_normal, p_std: 0}"], "p_std: expected a number above 0, found 0"),
    (["training.timestep_sampling=lognormal"], "did you mean 'log_normal'"),
    (["network.attention_resolutions=[5]"], "network.attention_resolutions: 5 is not the height of a level"),
  ])
  func refusesAnInvalidRecipeAndLeavesNoFolder(set: [String], words: String) throws {
    let error = try #require(throws: (any Error).self) { try begin(set: set) }
    #expect(Failure(of: error) == .data)
    #expect("\(error)".contains(words), "\(error)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
    #expect(throws: (any Error).self) { try RecipeInspection.check(recipe, set: set) }
  }

  @Test func doesNotOverwriteAnotherRun() throws {
    _ = try begin()
    let error = try #require(throws: CheckpointError.self) { try begin() }
    #expect(error.description.contains("sfumato resume"))
    #expect(refusal { try TrainingJob(recipe: recipe, folder: "") }?.failure == .usage)
  }

  @Test func reportsAMissingRecipe() throws {
    let error = refusal { try TrainingJob(recipe: "\(folder.path)/tiny", folder: "\(folder.path)/run") }
    #expect(error == SfumatoError(.missing, "\(folder.path)/tiny: no such recipe; did you mean \(folder.path)/tiny.yaml?"))
  }
}

/// Makes a checkpoint one of version 0.1.0, whose files have no checksums.
private func removeChecksums(_ path: String) throws {
  let url = URL(fileURLWithPath: path)
  var state = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
  for key in ["checksums", "stateCRC32"] { state[key] = nil }
  try JSONSerialization.data(withJSONObject: state).write(to: url)
}
