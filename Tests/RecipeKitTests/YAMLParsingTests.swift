import Testing

@testable import RecipeKit

@Suite("Reading hostile or broken YAML") struct YAMLParsingTests {
  @Test func whatIsNotYAMLIsRefusedWithLineAndColumn() {
    #expect(complaint("note: a\ntraining: { batch_size: 3").hasPrefix("r.yaml:2:11: the YAML cannot be read: "))
    #expect(complaint("note: 'a\n").hasPrefix("r.yaml:2:1: the YAML cannot be read: "))
    #expect(complaint("note: a\n\tb: 3").hasPrefix("r.yaml:2:"))
    #expect(complaint("note: a\n---\nnote: b").hasPrefix("r.yaml:2:1: "))
    #expect(complaint("note: \u{1}").hasPrefix("r.yaml:1: the YAML cannot be read: "))
    #expect(complaint("note: *gone").hasPrefix("r.yaml:1:7: the YAML cannot be read: "))
  }

  @Test func aKeyGivenTwiceIsRefused() {
    #expect(
      complaint("note: a\ntraining:\n  batch_size: 3\n  seed: 1\n  batch_size: 4\n")
        == "r.yaml:3: key 'batch_size' is given more than once in one section")
    #expect(complaint("training: {}\ntraining: {}").contains("'training' is given more than once"))
  }

  @Test func aKeyThatIsNoWordIsRefused() {
    #expect(complaint("training:\n  [a, b]: 3") == "r.yaml:2: a key must be a word")
  }

  @Test func deepNestingEndsInAnErrorAndNotInACrash() {
    for text in [
      String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 60_000), String(repeating: "- ", count: 100_000),
      "note: " + String(repeating: "[", count: 900) + String(repeating: "]", count: 900),
    ] { #expect(!complaint(text).isEmpty) }
    #expect(complaint("note: " + String(repeating: "[", count: 70) + String(repeating: "]", count: 70)).contains("deeper than 64"))
    #expect(!complaint("", set: ["note=" + String(repeating: "[", count: 100_000)]).isEmpty)
    #expect(!complaint("", set: [String(repeating: "a.", count: 100_000) + "b=1"]).isEmpty)
  }

  @Test func aTextOverTheSizeLimitIsRefusedUnread() {
    let text = "note: " + String(repeating: "x", count: YAMLValue.sizeLimit)
    #expect(complaint(text) == "r.yaml: \(text.utf8.count) bytes are too many for a recipe; expected 262144 at most")
  }

  @Test func aliasesThatMultiplyAreRefused() {
    var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      laughs += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]\n"
    }
    #expect(complaint(laughs) == "r.yaml: more than 8 YAML aliases (*name); write the values out")
    let asKeys = laughs + "? *a9\n: 1\n"
    #expect(complaint(asKeys) == "r.yaml: more than 8 YAML aliases (*name); write the values out")
    let wide = "stages: &s [\(Array(repeating: "{}", count: 20_000).joined(separator: ","))]\nx: [*s, *s, *s]\n"
    #expect(complaint(wide).contains("more than 50000 values"))
  }

  @Test func aFewAliasesStandForWhatTheyName() throws {
    let recipe = try TrainRecipe(yaml: "network: { channel_mult: &m [1, 2], attention_resolutions: *m }")
    #expect((recipe.network.recipe as? UNet)?.attentionResolutions == [1, 2])
  }
}
