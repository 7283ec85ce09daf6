import Testing

@testable import RecipeKit

@Suite("Fields of a recipe") struct RecipeFieldsTests {
  private struct Form: Recipe {
    var rate: Double? = nil, precision: Precision? = nil, sampler = Choice<SamplerRegistry>(Heun()), isOn = true
    var betas = [0.9, 0.999], stages = [Stage()], ema = EMA(), weights: [String: Double] = [:]
  }

  @Test func areTheScalarsAndListsOfAllSectionsInTheOrderOfTheText() {
    #expect(
      Form().fields.map { "\($0.path)=\($0.text)" } == [
        "rate=null", "precision=null", "sampler.type=heun", "sampler.s_churn=0.0", "sampler.eta=0.25", "is_on=true", "betas=[0.9, 0.999]",
        "ema.rate=0.9999", "ema.min_snr_gamma=5.0", "ema.x0_weight=1.0",
      ])
  }

  @Test func choicesAreTheWordsOfRegistriesAndEnumsEvenWhereThereIsNone() {
    let choices = Dictionary(uniqueKeysWithValues: Form().fields.map { ($0.path, $0.choices) })
    #expect(choices["sampler.type"] == ["ddim", "dpmpp_2m", "heun"])
    #expect(choices["precision"] == ["float32", "bfloat16", "mixed_low"])
    for path in ["rate", "is_on", "betas", "ema.rate"] { #expect(choices[path] == .some(nil), "\(path)") }
  }

  /// Every field is a setting: put back as it is, it changes nothing.
  @Test func aFieldIsASettingOfTheCommandLine() throws {
    let recipe = try TrainRecipe(yaml: "sampler: { type: heun, eta: 0.5 }\ntraining: { precision: mixed_low }")
    let settings = recipe.fields.map { "\($0.path)=\($0.text)" }
    #expect(try TrainRecipe(yaml: "", set: settings).fields == recipe.fields)
  }
}
