import Checkpoints
import Diffusion
import Foundation
import Models
import NN
import Networks
import RecipeKit
import Tensors
import TestSupport
import Testing

@Suite("Classifier files") struct ClassifierModelTests {
  let folder: ScratchFolder
  let path: String
  let x = Tensor.randn([2, 1, 8, 8], using: Generator(seed: 5))
  let timesteps = Tensor([Float(10), 500])

  init() throws {
    folder = try ScratchFolder()
    path = try folder.file("classifier.safetensors")
    try Tiny.write(Tiny.classifier(), to: path)
  }

  @Test func carryAllThatGuidanceNeeds() throws {
    let written = try Tiny.classifier(), read = try ClassifierModel(file: path)
    #expect(read.recipe.yaml() == written.recipe.yaml())
    #expect(read.provenance == written.provenance)
    #expect(try read.logProbability(of: [2, 0])(x, timesteps).floats() == written.logProbability(of: [2, 0])(x, timesteps).floats())
  }

  @Test func theLogProbabilityIsThatOfTheGivenClassAtTheGivenTimestep() throws {
    let classifier = try ClassifierModel(file: path)
    let logits = try withoutGradient { classifier.network(x, timesteps: timesteps, mode: .inference) }.floats()
    let found = try withoutGradient { classifier.logProbability(of: [2, 0])(x, timesteps) }.floats()
    for (row, label) in [2, 0].enumerated() {
      let row3 = logits[(3 * row)..<(3 * row + 3)].map(Double.init)
      let want = row3[label] - log(row3.reduce(0) { $0 + exp($1) })
      #expect(abs(Double(found[row]) - want) < 1e-5)
    }
    let other = try withoutGradient { classifier.logProbability(of: [2, 0])(x, Tensor([Float(900), 500])) }.floats()
    #expect(other[0] != found[0] && other[1] == found[1])
  }

  @Test func theLogProbabilityHasAGradientOfTheImages() throws {
    let classifier = try ClassifierModel(file: path)
    let leaf = x.requiringGradient()
    let gradient = try classifier.logProbability(of: [1, 1])(leaf, timesteps).sum().gradients(of: [leaf])[0]
    #expect(try #require(gradient).abs().max().item() > 0)
  }

  @Test func aBatchOfAnotherSizeIsAFault() throws {
    let found = try ClassifierModel(file: path).logProbability(of: [0, 1, 2])(x, timesteps)
    #expect(found.fault?.message.contains("asked for the classes of 3 images, found a batch of 2") == true)
  }

  @Test func cleanImagesAreSeenAtTimestepZero() throws {
    let classifier = try ClassifierModel(file: path)
    let all = classifier.logProbabilities(ofClean: x)
    #expect(all.shape == [2, 3])
    let second = try withoutGradient { classifier.logProbability(of: [1, 2])(x, .zeros([2])) }.floats()
    let numbers = try all.floats()
    #expect(second == [numbers[1], numbers[5]])
    #expect(abs(numbers[0..<3].reduce(0) { $0 + exp($1) } - 1) < 1e-5)
  }

  // MARK: Files of another kind

  @Test func areRefusedForSamplingAsClassifiers() throws {
    let error = refusal { try Model(file: path) }
    #expect(error?.failure == .data)
    #expect(error?.description == "\(path) is a classifier of noisy images; expected a diffusion model")
  }

  @Test func aDenoiserAndAStateDictAreRefusedAsClassifiers() throws {
    let other = try folder.file("denoiser.safetensors")
    try Tiny.write(Tiny.denoiser(), to: other)
    #expect(
      refusal { try ClassifierModel(file: other) }?.description == "\(other) is a diffusion model; expected a classifier of noisy images")
    try Safetensors.write(Tiny.classifier().network.stateDict(), to: other)
    #expect(refusal { try ClassifierModel(file: other) }?.description.contains("it carries no recipe") == true)
    #expect(throws: (any Error).self) { try ClassifierModel(file: "/nowhere.safetensors") }
  }

  @Test func withTensorsOfAnotherNetworkAreRefusedWithTheirNames() throws {
    let classifier = try Tiny.classifier(), wide = try Tiny.classifier(set: ["classifier.model_channels=64"])
    try Tiny.write(ClassifierModel(recipe: classifier.recipe, provenance: Provenance(), network: wide.network), to: path)
    let error = refusal { try ClassifierModel(file: path) }
    #expect(error?.description.contains("does not fit network encoder_classifier\n  time_embed.0.weight: expected [128, 32]") == true)
  }

  @Test(arguments: [
    ("data.class_names=[]", "expected class_names"), ("data.null_class=3", "expected no null_class"),
    ("process.schedule.steps=0", "process.schedule"), ("process.parameterization=v", "unknown key 'parameterization'"),
  ])
  func invalidRecipesAreRefused(setting: String, words: String) {
    let error = #expect(throws: RecipeError.self) { try Tiny.classifier(set: [setting]) }
    #expect("\(error!)".contains(words), "\(error!)")
  }

  @Test func withoutANameForEachLogitAreRefused() throws {
    let recipe = try ClassifierModelRecipe(yaml: Tiny.classifierRecipe, set: ["data.class_names=[a, b]"])
    #expect(refusal { try recipe.tryOut() }?.description.contains("has 3 classes, and the recipe names 2") == true)
  }

  // MARK: Whom it can guide

  @Test(arguments: [
    [], ["data.class_names=[x, y, z]"], ["data.class_names=[none, x, y, z]", "data.null_class=0"],
    // Four times the steps, given as if there were 1000: the same noise at the same timestep.
    ["process.schedule.steps=4000", "process.rescale_timesteps=true"],
  ])
  func aModelOfTheSameImagesClassesAndNoiseCanBeGuided(settings: [String]) throws {
    try ClassifierModel(file: path).checkGuiding(Tiny.guided(set: settings))
  }

  @Test(arguments: [
    ("data.channels=3", "cannot take images of 8 x 8 x 3: expected images [N, 1, H, W]"),
    ("data.height=16", "cannot take images of 16 x 8 x 1"), ("data.class_names=[a, b]", "has 3 classes, and the model has 2"),
    ("process.schedule={ type: linear, steps: 1000 }", "it was trained with another process"),
    ("process.schedule.steps=4000", "it was trained with another process"),
  ])
  func aModelOfOtherImagesClassesOrNoiseIsRefusedWithTheReason(setting: String, words: String) throws {
    let classifier = try ClassifierModel(file: path)
    let error = try #require(refusal { try classifier.checkGuiding(Tiny.guided(set: [setting])) })
    #expect(error.failure == .data)
    #expect(error.description.contains(words) && error.description.hasPrefix("\(path) cannot guide this model"), "\(error)")
  }

  @Test func classesAreMatchedByNameWhereTheNamesAreTheSameElseByPosition() throws {
    let classifier = try ClassifierModel(file: path)
    var data = DataSpec()
    data.classNames = ["c", "a", "b"]
    #expect(try classifier.labels([0, 1, 2], of: data) == [2, 0, 1])
    data.classNames = ["x", "y", "z"]
    #expect(try classifier.labels([0, 1, 2], of: data) == [0, 1, 2])
    data.classNames = ["none", "x", "y", "z"]
    data.nullClass = 0
    #expect(try classifier.labels([1, 3], of: data) == [0, 2])
    #expect(refusal { try classifier.labels([0], of: data) }?.failure == .usage)
    #expect(try classifier.classNumbers(["c", "0"]) == [2, 0])
    #expect(refusal { try classifier.classNumbers(["d"]) }?.description == "there is no class 'd'; the classes are a, b, c")
  }
}
