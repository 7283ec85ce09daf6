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

/// Tiny models of texts.
enum TinyText {
  static let recipe = """
    data: { channels: 1, height: 8, width: 8, null_context: true }
    network: { type: context_unet, model_channels: 8, channel_mult: [1, 1], num_res_blocks: 1 }
    text_encoder: { width: 16, layers: 1, heads: 2, max_length: 12 }
    sampling: { steps: 4, guidance_scale: 2 }

    """

  /// An untrained model whose output depends on its text.
  static func model(_ set: [String] = [], seed: UInt64 = 1) throws -> Model {
    let described = try ModelRecipe(yaml: recipe, set: set).adapted()
    let network = try described.makeNetwork(using: Initializer(Generator(seed: seed)))
    try Tiny.unzero(network)
    return Model(recipe: described, provenance: Provenance(), network: network)
  }
}

@Suite("Sampling by texts") struct TextSamplingTests {
  private func sample(_ model: Model, _ texts: [String]?, _ count: Int = 2, _ change: (inout SamplingRequest) -> Void = { _ in }) throws
    -> [Image]
  {
    try SamplingJob(request(count, texts, change), model: model).finish()
  }

  private func request(_ count: Int, _ texts: [String]?, _ change: (inout SamplingRequest) -> Void = { _ in }) -> SamplingRequest {
    tinyRequest(count) {
      $0.contexts = texts.map { .texts($0) }
      change(&$0)
    }
  }

  @Test func imagesTakeTextsInTurnAndTheNoiseDoesNotDependOnThem() throws {
    let model = try TinyText.model(), images = try sample(model, ["red", "blue"], 3)
    #expect(try sample(model, ["red"], 3)[0] == images[0] && sample(model, ["red"], 3)[2] == images[2])
    #expect(try sample(model, ["red"], 3)[1] != images[1])
    // White space is as in captions.
    #expect(try sample(model, [" red\n", "\tblue "], 3) == images)
  }

  @Test func anEmptyTextIsNoneAndGuidanceLeadsAwayFromIt() throws {
    let model = try TinyText.model(), free = try sample(model, nil)
    #expect(try sample(model, [""]) == free)
    #expect(try sample(model, ["red"]) { $0.settings = ["sampling.guidance_scale=0"] } == free)
    #expect(try sample(model, ["red"]) { $0.settings = ["sampling.guidance_scale=4"] } != sample(model, ["red"]))
  }

  @Test func aWeakerModelReadsTheTextByItsOwnEncoder() throws {
    let folder = try ScratchFolder(), strong = try TinyText.model(), path = try folder.file("weak.safetensors")
    try Tiny.write(TinyText.model(seed: 5), to: path)
    func guided(_ scale: Int) throws -> [Image] {
      try sample(strong, ["red"]) { ($0.autoguidance, $0.settings) = (path, ["sampling.guidance_scale=\(scale)"]) }
    }
    // At scale 0 the weaker model alone decides.
    #expect(try guided(0) == sample(Model(path), ["red"]) { $0.settings = ["sampling.guidance_scale=1"] })
    #expect(try guided(0) != guided(1))
  }

  @Test func textsAreInNotesCaptionsAndNames() throws {
    let folder = try ScratchFolder()
    let job = try SamplingJob(request(3, ["a red ring", "blue"]), model: TinyText.model())
    _ = try job.finish()
    #expect(try job.notes()["sfumato.sample"]?.contains("\"text\":[\"a red ring\",\"blue\"]") == true)
    var pictures = SamplePictures(grid: try folder.file("grid.png"))
    pictures.captions = [.class]
    pictures.single = try ImagePattern("\(folder.path)/{class}-{index}.png")
    try pictures.check(job)
    _ = try pictures.write(job)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "a red ring-0.png", "a red ring-2.png", "blue-1.png", "grid.png",
      ])
  }

  @Test func textsThatTheModelDoesNotTakeAreRefused() throws {
    let model = try TinyText.model(), always = try TinyText.model(["data.null_context=false"])
    let cases: [(Model, [String]?, String, (inout SamplingRequest) -> Void)] = [
      (try Tiny.model(), ["x"], "this model takes no text, but classes; name some with --class", { _ in }),
      (model, ["a caption that is long"], "has 22 bytes, and this model reads at most 12", { _ in }),
      (model, [], "there is no text", { _ in }), (model, ["x"], "leave one of --class and --text out", { $0.classes = .none }),
      (model, nil, "this model takes texts, not classes; give some with --text", { $0.classes = .only(["x"]) }),
      (model, nil, "guidance 3.0 needs a text, and no text was requested", { $0.settings = ["sampling.guidance_scale=3"] }),
      (always, nil, "this model needs a text for every image; give one with --text", { _ in }),
      (always, [""], "an empty text needs a model that was trained with training.class_dropout", { _ in }),
      (always, ["x"], "this one has no empty text, so use 1", { _ in }),
    ]
    for (model, texts, words, change) in cases {
      let error = refusal { try SamplingJob(request(2, texts, change), model: model) }
      #expect(error?.failure == .usage && error?.description.contains(words) == true, "\(words): \(error?.description ?? "taken")")
    }
  }

  @Test func modelFilesCarryTheEncoderAndInspectionSaysSo() throws {
    let folder = try ScratchFolder(), path = try folder.file("text.safetensors"), model = try TinyText.model()
    try Tiny.write(model, to: path)
    #expect(try sample(Model(path), ["red"]) == sample(model, ["red"]))
    let network = try Inspection(of: path, memoryAt: [1]).network
    #expect(network?.textLength == 12 && network?.contextSize == 16)
  }

  @Test(arguments: [
    ("data: { class_names: [a] }", "class_names or text_encoder alone"), ("data: { context_size: 3 }", "expected data.context_size 3"),
  ]) func contradictoryRecipesAreRefused(data: String, words: String) {
    let error = #expect(throws: RecipeError.self) { try ModelRecipe(yaml: "\(data)\ntext_encoder: { width: 16 }") }
    #expect(error?.description.contains(words) == true)
  }
}

private func tinyRequest(_ count: Int, _ change: (inout SamplingRequest) -> Void) -> SamplingRequest { request(count, change) }
