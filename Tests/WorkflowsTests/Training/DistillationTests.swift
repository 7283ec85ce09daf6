import Diffusion
import Failures
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Training
@testable import Workflows

@Suite("Distillation") struct DistillationTests {
  let folder: ScratchFolder
  let recipe: String, teacher: String

  private static let yaml = """
    data: { type: glyphs, size: 8, classes: digits, count: 100 }
    distillation: { teacher: TEACHER, steps: 4 }
    training: { batch_size: 4, warmup_images: 0, duration: 24, log_every: 8, preview_every: 8, checkpoint_every: 1000 }

    """

  init() throws {
    folder = try ScratchFolder()
    teacher = try folder.file("teacher.safetensors")
    try Tiny.write(Tiny.model(set: ["sampling.guidance_interval=[0.1, 9]", "sampling.clip=false"]), to: teacher)
    recipe = try folder.write(Self.yaml.replacing("TEACHER", with: teacher), to: "tiny.yaml")
  }

  private func begin(_ name: String = "run", _ set: [String] = []) throws -> TrainingJob {
    try TrainingJob(recipe: recipe, set: set, folder: "\(folder.path)/\(name)")
  }

  private func finish(_ job: TrainingJob) throws { while try job.next() != nil {} }

  private func content(_ state: StateDict) throws -> [String: [UInt8]] {
    try Dictionary(uniqueKeysWithValues: state.entries.map { ($0.name, try $0.tensor.bytes()) })
  }

  @Test func theStudentIsAnOrdinaryModelThatSamplesInItsSteps() throws {
    let job = try begin(), model = try Model(teacher)
    // It starts as its teacher.
    #expect(try content(job.trainer.weights()) == content(model.network.stateDict()))
    try finish(job)
    #expect(job.position.step == 6 && job.previewProblem == nil && job.folder.previews.count == 3)
    let student = try Model(job.folder.path)
    let sampling = student.recipe.sampling
    #expect(sampling.steps == 4 && sampling.guidanceScale == 1 && sampling.guidanceInterval == nil && sampling.spacing == .trailing)
    #expect(!sampling.clip && student.recipe.sampler.type == "ddim" && student.recipe.data == model.recipe.data)
    #expect(student.recipe.network.recipe.yaml() == model.recipe.network.recipe.yaml())
    #expect(try SamplingJob(request(2) { $0.model = job.folder.path }).finish().count == 2)
    // And teaches the next.
    let next = try begin("next", ["distillation.teacher=\(job.folder.path)", "distillation.steps=2"])
    _ = try next.next()
    #expect((next.modelRecipe as? ModelRecipe)?.sampling.steps == 2)
  }

  @Test func resumesBitExactly() throws {
    let set = ["loading.validation=0.1"], whole = try begin("whole", set), half = try begin("half", set)
    try finish(whole)
    for _ in 0..<3 { _ = try half.next() }
    try half.finish()
    let rest = try TrainingJob(resuming: half.folder.path)
    try finish(rest)
    let first = try whole.folder.latestCheckpoint(), second = try rest.folder.latestCheckpoint()
    #expect(try content(first.weights) == content(second.weights) && content(first.average) == content(second.average))
    let lines = RunLog(path: whole.folder.logPath).lines
    #expect(lines.count == 3 && lines.allSatisfy { $0.validationLoss != nil })
    let error = refusal { try TrainingJob(resuming: half.folder.path, set: ["distillation.steps=2"]) }
    #expect(error?.failure == .usage && error?.description.contains("distillation cannot change") == true, "\(String(describing: error))")
  }

  /// Two steps of a guided teacher that has learned a little differ much from one of its own, with which the student begins: a quarter of that
  /// loss was seen to be left.
  @Test func theLossFalls() throws {
    let own = try folder.write(Tiny.recipe, to: "teacher.yaml"), rate = ["training.learning_rate=1.0e-3", "training.batch_size=10"]
    let taught = try TrainingJob(
      recipe: own, set: rate + ["training.duration=400", "sampling.clip=false"], folder: "\(folder.path)/taught")
    try finish(taught)
    let few = ["distillation.teacher=\(taught.folder.path)", "distillation.steps=2", "distillation.guidance_scale=4"]
    let job = try begin("run", rate + few + ["training.duration=600", "training.log_every=100", "training.preview_every=1000"])
    try finish(job)
    let losses = RunLog(path: job.folder.logPath).lines.map(\.loss)
    let (first, last) = (losses.first.flatMap(\.self) ?? 0, losses.last.flatMap(\.self) ?? 1)
    #expect(losses.count == 6 && last < 0.5 * first, "\(first) to \(last)")
  }

  @Test func theTeachersGuidanceIsThatOfTheRecipe() throws {
    func losses(_ set: [String]) throws -> Double { try begin(UUID().uuidString, set).next()?.loss ?? .nan }
    let own = try losses([])
    #expect(try losses(["distillation.guidance_scale=2", "distillation.guidance_interval=[0.1, 9]"]) == own)
    #expect(try losses(["distillation.guidance_scale=1"]) != own && losses(["distillation.guidance_interval=[0.1, 0.2]"]) != own)
  }

  @Test(arguments: [
    (["distillation.teacher=''"], "expected a model"), (["distillation.steps=0"], "expected 1 to 50000, found 0"),
    (["distillation.steps=501"], "takes 1 to 1000 steps, not 1002"),
    (["distillation.guidance_interval=[5, 0.2]"], "expected the least and the most"),
    (["distillation.guidance_scale=-1"], "expected 0 to 1000"),
    (["network.type=context_unet"], "network: expected no value beside a section distillation"),
    (["process.parameterization=x0"], "process: expected no value"), (["sampling.steps=3"], "distillation.steps"),
    (["training.loss=kl"], "expected mse, l1 or huber"), (["augmentation={ probability: 0.1 }"], "not augmented"),
    (["images.size=16"], "leave images.size and images.channels out"), (["data.classes=letters"], "expected data of the same classes"),
  ])
  func whatCannotBeDistilledIsRefused(set: [String], words: String) {
    let error = #expect(throws: (any Error).self) { try begin("run", set) }
    #expect(error.map { "\($0)".contains(words) } == true, "\(error.map { "\($0)" } ?? "-")")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
  }

  @Test(arguments: [
    (["process.parameterization=epsilon"], "predicts epsilon"), (["training.class_dropout=0"], "needs a teacher that was trained with"),
  ])
  func aTeacherThatCannotTeachIsRefused(set: [String], words: String) throws {
    let other = try folder.file("other.safetensors")
    try Tiny.write(Tiny.model(set: set + ["sampling.guidance_scale=1"]), to: other)
    let error = refusal { try begin("run", ["distillation.teacher=\(other)", "distillation.guidance_scale=2"]) }
    #expect(error?.failure == .data && error?.description.contains(words) == true, "\(String(describing: error))")
  }
}
