import Foundation
import Testing

@testable import RecipeKit

/// The message of the error that decoding gives; empty when it gives none.
func problem(_ yaml: String, file: String = "r.yaml", set: [String] = []) -> String {
  do throws(RecipeError) { _ = try TrainRecipe(yaml: yaml, file: file, set: set) } catch { return error.description }
  return ""
}

@Suite("Recipe decoding") struct RecipeDecodingTests {
  @Test func anEmptyTextGivesTheDefaults() throws {
    for text in ["", "\n", "# nothing but a comment\n", "---\n", "training:\nnetwork:  # all defaults\n", "{}"] {
      #expect(try TrainRecipe(yaml: text) == TrainRecipe(), "\(text)")
    }
  }

  @Test func aFileOverridesTheDefaultsAndSettingsTheFile() throws {
    let text = """
      network:  { type: adm_unet, channel_mult: [1, 2, 2, 2] }
      training: { batch_size: 128, learning_rate: 2.0e-4, duration: 20000000 }   # duration in images
      """
    let settings = ["training.batch_size=96", "network.dropout=0.1", "sampler={ type: heun, eta: 0.5 }", "training.batch_size=32"]
    let recipe = try TrainRecipe(yaml: text, set: settings)
    let network = try #require(recipe.network.recipe as? UNet)
    #expect(network.channelMult == [1, 2, 2, 2] && network.dropout == 0.1 && network.modelChannels == 128)
    #expect((recipe.sampler.member as? Heun)?.eta == 0.5)
    #expect(recipe.training.batchSize == 32 && recipe.training.learningRate == 2e-4)
    #expect(recipe.training.duration == .images(20_000_000))
  }

  @Test func settingsWorkWithoutAFileAndASectionGivenByThemIsMerged() throws {
    let recipe = try TrainRecipe(yaml: "", set: ["training.ema.rate=0.5", "training={ batch_size: 3 }", "training.seed=255"])
    #expect(recipe.training.ema?.rate == 0.5 && recipe.training.batchSize == 3 && recipe.training.seed == 255)
  }

  @Test func overridingARecipeKeepsItsOtherValues() throws {
    var mine = TrainRecipe()
    mine.training.batchSize = 5
    mine.training.ema?.rate = 0.25
    mine.sampler = Choice(Heun(sChurn: 3))
    let result = try mine.overlaid(yaml: "training: { ema: { x0_weight: 2 } }\nsampler: { eta: 1 }")
    #expect(result.training.batchSize == 5 && result.training.ema?.rate == 0.25 && result.training.ema?.x0Weight == 2)
    let heun = try #require(result.sampler.recipe as? Heun)
    #expect(heun.sChurn == 3 && heun.eta == 1)
  }

  @Test(arguments: [(".inf", Double.infinity), ("-.Inf", -.infinity), ("Infinity", .infinity), ("-Infinity", -.infinity)])
  func infinityIsReadAsYAMLAndAsPythonWriteIt(text: String, value: Double) throws {
    #expect(try TrainRecipe(yaml: "training: { learning_rate: \(text) }").training.learningRate == value)
    #expect(problem("training: { learning_rate: infinite }").contains("expected a number"))
  }

  @Test func aTypeAloneTakesThatTypesDefaults() throws {
    let recipe = try TrainRecipe(yaml: "sampler: { eta: 1 }", set: ["sampler.type=heun"])
    #expect(recipe.sampler.yamlOfRecipe == Heun().yaml(), "what is written for the default's type is not meant for another")
    #expect(try TrainRecipe(yaml: "network: { type: rrdb }").network.type == "rrdb")
    #expect(try TrainRecipe(yaml: "sampler: { type: heun }").sampler.yamlOfRecipe == Heun().yaml())
    #expect(try TrainRecipe(yaml: "sampler: heun").sampler.yamlOfRecipe == Heun().yaml())
    #expect(try TrainRecipe(yaml: "sampler: { eta: 1 }", set: ["sampler=heun"]).sampler.yamlOfRecipe == Heun().yaml())
    #expect((try TrainRecipe(yaml: "sampler: heun", set: ["sampler.eta=1"]).sampler.recipe as? Heun)?.eta == 1)
    #expect(try TrainRecipe(yaml: "sampler: heun", set: ["sampler.type=dpmpp_2m"]).sampler.type == "dpmpp_2m")
  }

  @Test func numbersAndTextAreReadAsPeopleWriteThem() throws {
    let text = """
      note: 2024
      evaluate: no
      training:
        batch_size: 1_024
        duration: 2e7
        learning_rate: 1e-3
        betas: [.5, 1]
        precision: mixed_low
        warmup_images: null
        ema: ~
        drop_every: [1, null]
        weights: { fooBar: 2 }
      stages: [{ size: 64 }, {}, { sampler: { type: heun } }]
      """
    let recipe = try TrainRecipe(yaml: text)
    #expect(recipe.note == "2024" && !recipe.evaluate)
    let training = recipe.training
    #expect(training.batchSize == 1024 && training.duration == .images(20_000_000) && training.learningRate == 1e-3)
    #expect(training.betas == [0.5, 1] && training.precision == .mixedLow && training.warmupImages == nil && training.ema == nil)
    #expect(training.dropEvery == [1, nil] && training.weights == ["fooBar": 2])
    #expect(recipe.stages.map { $0.size } == [64, 32, 32] && recipe.stages[2].sampler.type == "heun")
    #expect(try TrainRecipe(yaml: "training: { ema: {} }").training.ema?.rate == 0.9999)
  }

  @Test func aFileIsReadByItsPathAndNamedInMessages() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("recipe-\(UUID().uuidString).yaml").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("note: hello\ntrainig: {}\n".utf8).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: RecipeError.self) { try TrainRecipe(path: path) }
    #expect(error?.description == "\(path):2: unknown key 'trainig'; did you mean 'training'?")
    try Data([0x61, 0xFF, 0xFE]).write(to: URL(fileURLWithPath: path))
    #expect(throws: RecipeError(place: path, "the recipe is not UTF-8 text")) { try TrainRecipe(path: path) }
    #expect(throws: RecipeError(place: "/nowhere/r.yaml", "no such recipe")) { try TrainRecipe(path: "/nowhere/r.yaml") }
    #expect(throws: RecipeError.self) { try TrainRecipe(path: FileManager.default.temporaryDirectory.path) }
  }

  @Test func aChoiceNamesWhatItOffers() throws {
    #expect(Choice<SamplerRegistry>.types == ["ddim", "dpmpp_2m", "heun"])
    #expect(try Choice<SamplerRegistry>(named: "heun").type == "heun")
    let error = #expect(throws: RecipeError.self) { try Choice<SamplerRegistry>(named: "dimm") }
    #expect(error?.description == "unknown type 'dimm'; did you mean 'ddim'?")
  }

  @Test func anotherCoderKeepsAChoice() throws {
    let choice = Choice<SamplerRegistry>(Heun(sChurn: 2, eta: 3))
    let again = try JSONDecoder().decode(Choice<SamplerRegistry>.self, from: JSONEncoder().encode(choice))
    #expect(again.yamlOfRecipe == choice.yamlOfRecipe)
  }
}

extension Choice {
  var yamlOfRecipe: String { recipe.yaml() }
}
