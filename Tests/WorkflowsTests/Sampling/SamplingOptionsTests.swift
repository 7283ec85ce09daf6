import Checkpoints
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

@testable import Workflows

@Suite("Sampling options") struct SamplingOptionsTests {
  let model: Model
  let folder: ScratchFolder

  init() throws {
    model = try Tiny.model()
    folder = try ScratchFolder()
  }

  private func sample(_ count: Int = 2, _ change: (inout SamplingRequest) -> Void) throws -> [Image] {
    try SamplingJob(request(count, change), model: model).finish()
  }

  private func problem(_ change: (inout SamplingRequest) -> Void) -> SfumatoError? {
    refusal { try SamplingJob(request(2, change), model: model) }
  }

  /// A plain picture with the left half, or all of it, in another colour.
  private func picture(_ name: String, size: Int = 8, ground: UInt8 = 0, square: UInt8 = 255, half: Bool = true) throws -> String {
    var image = Image(width: size, height: size, color: [ground])
    for row in 0..<size { for column in 0..<(half ? size / 2 : size) { image[row, column] = square } }
    let path = try folder.file(name)
    try image.write(to: path)
    return path
  }

  /// Each setting changes the samples, so each reaches the sampler.
  @Test(
    arguments: [
      ([], "sampling.guidance_rescale=0.7"), ([], "sampling.guidance_interval=[0.2, 2]"), ([], "sampling.final=sigma_min"),
      ([], "sampling.spacing=karras"), (["sampling.guidance_scale=40"], "sampling.dynamic_thresholding_ratio=0.9"),
      (["sampler.type=ddim", "sampling.guidance_scale=40"], "sampling.use_clipped_model_output=false"),
    ] as [([String], String)]) func everySettingChangesTheSamples(others: [String], setting: String) throws
  {
    #expect(try sample { $0.settings = others + [setting] } != sample { $0.settings = others })
  }

  @Test func aWeakerModelGuidesInPlaceOfTheNullClass() throws {
    let weaker = try folder.file("weaker.safetensors"), same = try folder.file("same.safetensors")
    try Tiny.write(
      Tiny.model(set: ["network={ type: context_unet, model_channels: 16, channel_mult: [1, 1], num_res_blocks: 1 }"]), to: weaker)
    try Tiny.write(model, to: same)
    let plain = try sample { $0.guidanceScale = 1 }
    let guided = try sample { ($0.guidanceScale, $0.autoguidance) = (3, weaker) }
    #expect(try guided != plain && guided != sample { $0.guidanceScale = 3 })
    // Away from itself leads nowhere, and a scale of 1 is no guidance.
    #expect(try sample { ($0.guidanceScale, $0.autoguidance) = (3, same) } == plain)
    #expect(try sample { ($0.guidanceScale, $0.autoguidance) = (1, weaker) } == plain)
    #expect(
      try sample { ($0.guidanceScale, $0.autoguidance, $0.settings) = (3, weaker, ["sampling.guidance_interval=[1000000, 1000001]"]) }
        == plain)
    // It guides images without a class too.
    #expect(
      try sample { ($0.guidanceScale, $0.autoguidance, $0.classes) = (3, weaker, .none) }
        != sample { ($0.guidanceScale, $0.classes) = (1, .none) })
  }

  @Test(arguments: [
    ("process.schedule.type=linear", "its process has schedule"), ("data.classes=letters", "its data has"),
    ("data.size=12", "its data has height: 12"),
  ])
  func aModelOfOtherDataOrAnotherProcessCannotGuide(setting: String, words: String) throws {
    let other = try folder.file("other.safetensors")
    try Tiny.write(Tiny.model(set: [setting]), to: other)
    let found = problem { ($0.guidanceScale, $0.autoguidance) = (2, other) }
    #expect(found?.failure == .usage && found?.description.contains("cannot guide this model") == true, "\(found?.description ?? "-")")
    #expect(found?.description.contains(words) == true || words.contains("schedule"), "\(found?.description ?? "-")")
    #expect(
      problem { ($0.autoguidance, $0.settings) = (other, ["sampling.guidance_rescale=0.5"]) }?.description.contains("guidance_rescale")
        == true)
  }

  @Test func noiseStopsAtItsLimit() throws {
    let ddpm = { (settings: [String]) in try sample { $0.settings = ["sampler.type=ddpm"] + settings } }
    let plain = try ddpm([])
    #expect(try ddpm(["sampling.noise_until=2"]) != plain)
    #expect(try ddpm(["sampling.noise_window=[0, 0.001]"]) == ddpm(["sampling.noise_until=4"]))
    #expect(try ddpm(["sampling.noise_until=1"]) == plain)
  }

  @Test(arguments: [
    ("sampling.guidance_rescale=2", "expected 0 to 1"), ("sampling.guidance_interval=[3, 1]", "the least and the most"),
    ("sampling.noise_window=[1]", "the least and the most"), ("sampling.noise_until=-1", "expected 0 or more"),
    ("sampling.final=sigma", "sigma_min"), ("sampling.dynamic_thresholding_ratio=0", "quantile"),
    ("sampling.jump_length=0", "1 step or more"),
  ]) func invalidSettingIsRefused(setting: String, words: String) {
    let error = problem { $0.settings = [setting] }
    #expect(error?.failure == .usage)
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "taken")")
  }

  // MARK: Networks with discrete steps only

  @Test func previousXModelTakesOnlySamplersThatEvaluateAtSteps() throws {
    let model = try Tiny.model(set: ["process.parameterization=previous_x"])
    for (settings, words) in [
      (["sampler.type=dpmpp_2s"], "sampler dpmpp_2s, as it is set, also evaluates the network between"),
      (["sampler={type: edm, s_churn: 10}"], "ddpm"), (["sampling.spacing=karras"], "expected a spacing of whole timesteps"),
    ] {
      let error = refusal { try SamplingJob(request(1) { $0.settings = settings }, model: model) }
      #expect(error?.failure == .usage && error?.description.contains(words) == true, "\(error?.description ?? "taken")")
      let recipe = try TrainRecipe(yaml: Tiny.recipe, set: ["process.parameterization=previous_x"] + settings)
      #expect(throws: DiffusionError.self) { try recipe.modelRecipe(for: recipe.data.member.open()) }
    }
    let best = try SamplingJob(request(1) { ($0.settings, $0.candidates) = (["sampler.type=ddpm"], 2) }, model: model)
    #expect(try best.finish().count == 1 && best.choices.count == 1)
  }

  // MARK: Start

  @Test func sampleIsCloserToThePictureAtLowerStrength() throws {
    let file = try picture("half.png")
    let half = try Image(file: file)
    func distance(_ strength: Double) throws -> Int {
      let image = try sample(1) {
        $0.start = .picture(file: file, strength: strength)
        $0.settings = ["sampling.steps=20", "sampling.guidance_scale=1"]
      }[0]
      return zip(image.bytes, half.bytes).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
    }
    #expect(try distance(0.05) < distance(0.5))
    #expect(try distance(0.5) < distance(1))
    #expect(try SamplingJob(request(1) { $0.start = .picture(file: file, strength: 0.5) }, model: model).plan.stepCount == 2)
  }

  @Test func pictureOfAnotherSizeIsCroppedToTheModelsAspectRatio() throws {
    let wide = try folder.file("wide.png")
    try Image(width: 40, height: 16, color: [200, 10, 10]).write(to: wide)
    #expect(try sample(1) { $0.start = .picture(file: wide, strength: 0.5) }[0].width == 8)
  }

  @Test func startsFromTheGivenNoise() throws {
    let noise = Tensor.randn([3, 1, 8, 8], using: Generator(seed: 5))
    let file = try folder.file("noise.npz")
    try NPY.write([("arr_0", NPY.encode(noise.bytes(), shape: noise.shape, dtype: .float32))], to: file)
    let job = try SamplingJob(
      request(3) {
        $0.start = .array(file: file)
        $0.batchSize = 2
        $0.tracedCount = 3
      }, model: model)
    _ = try job.finish()
    #expect(try job.frames[0] == noise.images())
    #expect(problem { $0.start = .array(file: file) } == nil)
    let error = refusal { try SamplingJob(request(4) { $0.start = .array(file: file) }, model: model) }
    #expect(error?.description.contains("expected floating-point numbers of the shape [4, 1, 8, 8]") == true)
  }

  @Test func skippedStepsAreNotTaken() throws {
    #expect(try SamplingJob(request(1) { $0.skippedSteps = 1 }, model: model).plan.stepCount == 3)
    #expect(problem { $0.skippedSteps = 4 }?.description.contains("expected 0 to 3") == true)
    #expect(problem { $0.skippedSteps = -1 }?.failure == .usage)
  }

  @Test func secondPassStartsFromTheFinishedImages() throws {
    let job = try SamplingJob(
      request(1) {
        $0.secondPass = 0.5
        $0.tracedCount = 1
      }, model: model)
    let twice = try job.finish()
    // Four steps down, one up, two down.
    #expect(job.plan.stepCount == 7)
    #expect(try job.frames[4] == sample(1) { _ in })
    #expect(try twice != sample(1) { _ in })
    #expect(problem { $0.secondPass = 1.5 }?.failure == .usage)
  }

  // MARK: Inpainting

  @Test(arguments: SamplingRequest.Inpainting.Method.allCases)
  func maskedPixelsAreKeptExactly(method: SamplingRequest.Inpainting.Method) throws {
    let file = try picture("p.png", ground: 30, square: 210), mask = try picture("m.png")
    let original = try Image(file: file)
    let images = try sample(3) {
      $0.inpainting = SamplingRequest.Inpainting(picture: file, mask: mask, method: method)
      $0.settings = ["sampling.jump_length=1", "sampling.jump_n_sample=2"]
    }
    for image in images {
      for row in 0..<8 { for column in 4..<8 { #expect(image[row, column] == original[row, column]) } }
      #expect((0..<8).contains { row in (0..<4).contains { image[row, $0] != original[row, $0] } })
    }
  }

  @Test func repaintTakesMoreSteps() throws {
    let file = try picture("p.png"), mask = try picture("m.png")
    func count(_ method: SamplingRequest.Inpainting.Method) throws -> Int {
      try SamplingJob(
        request(1) {
          $0.inpainting = SamplingRequest.Inpainting(picture: file, mask: mask, method: method)
          $0.settings = ["sampling.jump_length=1", "sampling.jump_n_sample=2"]
        }, model: model
      ).plan.stepCount
    }
    #expect(try count(.mask) == 4)
    #expect(try count(.repaint) > 4)
  }

  @Test func maskThatKeepsAllOrNothingIsRefused() throws {
    let file = try picture("p.png")
    for (ground, word) in [(UInt8(255), "all white"), (0, "all black")] {
      let mask = try picture("m.png", ground: ground, square: ground)
      let error = problem { $0.inpainting = SamplingRequest.Inpainting(picture: file, mask: mask) }
      #expect(error?.description.contains(word) == true)
    }
    #expect(throws: ImagingError.self) {
      try SamplingJob(request(1) { $0.inpainting = SamplingRequest.Inpainting(picture: "nowhere.png", mask: file) }, model: model)
    }
  }

  // MARK: Candidates

  @Test func bestCandidateIsKeptAndTheFirstEqualsASingleOne() throws {
    let job = try SamplingJob(
      request(3) {
        $0.candidates = 4
        $0.batchSize = 2
        $0.tracedCount = 3
      }, model: model)
    var shares: [Double] = []
    while let share = try job.next() { shares.append(share) }
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 < $1 } && shares.last == 1)
    #expect(job.choices.count == 3)
    for (winner, scores) in job.choices { #expect(scores.count == 4 && scores[winner] == scores.max()) }
    #expect(job.frames.last == job.images)
    let alone = try sample(3) { $0.batchSize = 2 }
    for (index, choice) in job.choices.enumerated() { #expect((job.images[index] == alone[index]) == (choice.winner == 0)) }
    #expect(Set(job.choices.map(\.winner)) != [0])
  }

  @Test(arguments: [0, -1, 1001]) func invalidNumberOfCandidatesIsRefused(count: Int) {
    #expect(problem { $0.candidates = count }?.failure == .usage)
  }

  @Test func abandonedJobIsFreed() throws {
    weak var job: SamplingJob?
    do {
      let halfway = try SamplingJob(request(), model: model)
      _ = try halfway.next()
      job = halfway
    }
    #expect(job == nil)
  }

  // MARK: Classifiers

  /// A classifier file of the tiny model's digits.
  private func classifier(_ names: String = "['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']", classes: Int = 10) throws -> String {
    let path = try folder.file("classifier.safetensors")
    try Tiny.write(Tiny.classifier(set: ["data.class_names=\(names)", "classifier.num_classes=\(classes)"]), to: path)
    return path
  }

  @Test(arguments: ["ddpm", "ddim", "dpmpp_2m"]) func classifierGuidesTheImages(sampler: String) throws {
    let file = try classifier()
    let images = try [nil, 0, 1, 30].map { (scale: Double?) in
      try sample(3) {
        $0.settings = ["sampler.type=\(sampler)"]
        $0.classifier = scale == nil ? nil : file
        $0.classifierScale = scale ?? 1
      }
    }
    #expect(images[0] == images[1])
    #expect(images[0] != images[3] && images[2] != images[3])
  }

  @Test func classifierKeepsTheCandidateWithTheMostProbableClass() throws {
    let file = try classifier()
    let job = try SamplingJob(
      request(2) {
        ($0.classifier, $0.classifierScale, $0.scorer, $0.candidates) = (file, 0, .classifier, 3)
        $0.classes = .only(["3", "8"])
      }, model: model)
    let images = try Tensor(images: job.finish())
    let seen = try ClassifierModel(file).logProbabilities(ofClean: images).doubles()
    for (index, label) in [3, 8].enumerated() {
      // The images have been rounded to bytes.
      #expect(try abs(seen[10 * index + label] - #require(job.choices[index].scores.max())) < 0.05)
    }
  }

  @Test func modelWithoutClassesIsGuidedTowardsThoseOfTheClassifier() throws {
    var recipe = model.recipe
    (recipe.data.classNames, recipe.data.nullClass) = ([], nil)
    var unconditional = try #require(recipe.network.member as? ADMUNet.Recipe)
    unconditional.numClasses = nil
    recipe.network = Choice(unconditional)
    let plain = Model(
      recipe: recipe, provenance: Provenance(), network: try unconditional.makeNetwork(using: Initializer(Generator(seed: 1))))
    let file = try classifier("[cat, dog, eel]", classes: 3)
    let job = try SamplingJob(
      request(2) {
        ($0.classifier, $0.classifierScale) = (file, 30)
        $0.classes = .only(["eel"])
      }, model: plain)
    #expect(job.plan.labels == [nil, nil] && job.plan.classes == [2, 2])
    #expect(try job.finish() != SamplingJob(request(2), model: plain).finish())
  }

  @Test func unsupportedUseOfAClassifierIsRefused() throws {
    let file = try classifier()
    #expect(problem { ($0.classifier, $0.classes) = (file, .none) }?.description.contains("towards a class") == true)
    #expect(problem { ($0.classifier, $0.classifierScale) = (file, -1) }?.description.contains("0 to 1000000") == true)
    #expect(problem { $0.scorer = .classifier }?.description.contains("name one with --classifier") == true)
    #expect(problem { $0.classifier = "nowhere" }?.failure == .missing)
    let other = try classifier("[a, b, c]", classes: 3)
    #expect(problem { $0.classifier = other }?.description.contains("cannot guide this model") == true)
  }
}
