import Testing

@testable import RecipeKit

@Suite("Reading hostile or broken YAML") struct YAMLParsingTests {
  @Test func whatIsNotYAMLIsRefusedWithLineAndColumn() {
    #expect(problem("note: a\ntraining: { batch_size: 3").hasPrefix("r.yaml:2:11: the YAML cannot be read: "))
    #expect(problem("note: 'a\n").hasPrefix("r.yaml:2:1: the YAML cannot be read: "))
    #expect(problem("note: a\n\tb: 3").hasPrefix("r.yaml:2:"))
    #expect(problem("note: a\n---\nnote: b").hasPrefix("r.yaml:2:1: "))
    #expect(problem("note: \u{1}").hasPrefix("r.yaml:1: the YAML cannot be read: "))
    #expect(problem("note: *gone").hasPrefix("r.yaml:1:7: the YAML cannot be read: "))
  }

  @Test func aKeyGivenTwiceIsRefused() {
    #expect(
      problem("note: a\ntraining:\n  batch_size: 3\n  seed: 1\n  batch_size: 4\n")
        == "r.yaml:3: key 'batch_size' is given more than once in one section")
    #expect(problem("training: {}\ntraining: {}").contains("'training' is given more than once"))
  }

  @Test func aKeyThatIsNotTextIsRefused() {
    #expect(problem("training:\n  [a, b]: 3") == "r.yaml:2: a key must be a word")
  }

  @Test func deepNestingEndsInAnErrorAndNotInACrash() {
    for text in [
      String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 60_000), String(repeating: "- ", count: 100_000),
      "note: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900),
    ] { #expect(!problem(text).isEmpty) }
    #expect(problem("note: " + String(repeating: "[", count: 70) + String(repeating: "]", count: 70)).contains("deeper than 64"))
    #expect(!problem("", set: ["training.betas=" + String(repeating: "[", count: 100_000)]).isEmpty)
    #expect(!problem("", set: [String(repeating: "a.", count: 100_000) + "b=1"]).isEmpty)
  }

  @Test func aTextOverTheSizeLimitIsRefusedUnread() {
    let text = "note: " + String(repeating: "x", count: YAMLValue.sizeLimit)
    #expect(problem(text) == "r.yaml: is too large for a recipe; expected at most 262144 bytes")
  }

  @Test func aliasesThatMultiplyAreRefused() {
    var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      laughs += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
    }
    #expect(problem(laughs) == "r.yaml: more than 8 YAML aliases (*name); write the values out")
    let asKeys = laughs + "? *a9\n: 1\n"
    #expect(problem(asKeys) == "r.yaml: more than 8 YAML aliases (*name); write the values out")
    let wide = "stages: &s [\(Array(repeating: "{}", count: 20_000).joined(separator: ","))]\nx: [*s, *s, *s]\n"
    #expect(problem(wide).contains("more than 50000 values"))
  }

  @Test func aFewAliasesStandForWhatTheyName() throws {
    let recipe = try TrainRecipe(yaml: "network: { channel_mult: &m [1, 2], attention_resolutions: *m }")
    #expect((recipe.network.recipe as? UNet)?.attentionResolutions == [1, 2])
  }

  @Test func mergeKeysGiveWhatASectionDoesNotSayItself() throws {
    let text = """
      x-base: &base { batch_size: 3, seed: 9 }
      x-more: &more { seed: 5, learning_rate: 0.5 }
      training: { <<: [*base, *more], batch_size: 4 }
      """
    let training = try TrainRecipe(yaml: text).training
    #expect(training.batchSize == 4 && training.seed == 9 && training.learningRate == 0.5)
    #expect(try TrainRecipe(yaml: "training: &t { seed: 9 }\nsampler:\n  <<: { type: heun }\n  eta: 1").sampler.type == "heun")
  }

  @Test func aMergedSectionOfAnotherTypeGivesNothing() throws {
    let text = "x-a: &a { type: heun, s_churn: 3 }\nsampler: { <<: *a, type: ddim }\n"
    #expect(try TrainRecipe(yaml: text).sampler.yamlOfRecipe == DDIM().yaml())
    #expect((try TrainRecipe(yaml: text.replacing("type: ddim", with: "eta: 1")).sampler.recipe as? Heun)?.sChurn == 3)
  }

  @Test func whatCannotBeMergedIsRefused() {
    #expect(problem("note: a\ntraining: { <<: 3 }") == "r.yaml:2: expected a section, or a list of sections, to merge by '<<', found '3'")
    #expect(problem("training: { <<: [{}, [1]] }").contains("found a list"))
    #expect(problem("training: { '<<': {} }").contains("unknown key '<<'"))
    #expect(problem("x-a: &a { sed: 1 }\ntraining:\n  <<: *a") == "r.yaml:1: unknown key 'sed' in 'training'; did you mean 'seed'?")
  }

  @Test func extensionSectionsAreReadAtTheOutermostLevelAlone() throws {
    #expect(try TrainRecipe(yaml: "x-mine: { any: [thing] }\nnote: a").note == "a")
    #expect(problem("training: { x-mine: 1 }").contains("unknown key 'x-mine'"))
    #expect(try RecipeSections.keys(ofYAML: "x-mine: 1\nnote: a") == ["note"])
  }

  @Test func aByteOrderMarkAndLineEndsOfOtherSystemsAreRead() throws {
    #expect(try TrainRecipe(yaml: "\u{FEFF}note: a\r\ntraining:\r\n  batch_size: 3\r\n").training.batchSize == 3)
  }
}
