import Testing

@testable import RecipeKit

@Suite("Settings that override a recipe") struct SettingTests {
  private struct Texts: Recipe {
    var path = "data", label: String?, count = 3, spacing = Words("even"), names: [String] = []
    var nested = Choice<NamedTexts>(NamedText())
  }

  private struct NamedText: NamedRecipe {
    static let name = "named"
    var path = "data"
  }

  private enum NamedTexts: RecipeRegistry {
    typealias Member = any NamedRecipe
    static let all: [any NamedRecipe.Type] = [NamedText.self]
  }

  /// A value with a text form of its own, as a spacing has.
  private struct Words: Codable, Sendable, Equatable {
    let text: String
    init(_ text: String) { self.text = text }
    init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(text)
    }
  }

  @Test(arguments: [
    "cats #2", "[set] cats", "!cats", "*cats", "&cats", "cats: all", "@c", "null", "~", "{x}", "28", "no", " cats", "cats ", "a=b", "%c",
    "`c`",
    "- c", "? c", "| c", "> c", "it's", "'a' and 'b'", "\"a\" #b", "'", "\"", "\\", "C:\\cats", "a\tb", "\u{FEFF}c", "<<", "x-cats", "---",
    "---\n- a",
  ])
  func aTextIsTakenExactlyAsItIsTyped(text: String) throws {
    #expect(try Texts(yaml: "path: pics", set: ["path=\(text)"]).path == text)
    let nested = try Texts(yaml: "nested: { type: named, path: pics }", set: ["nested.path=\(text)"])
    #expect((nested.nested.recipe as? NamedText)?.path == text)
  }

  @Test(arguments: [
    ("'cats #2'", "cats #2"), ("\"cats\\t2\"", "cats\t2"), ("'it''s'", "it's"), ("''", ""), ("\"say \\\"a\\\"\"", "say \"a\""),
  ])
  func quotesAroundTheWholeOfATextAreNotPartOfIt(typed: String, text: String) throws {
    #expect(try Texts(yaml: "", set: ["path=\(typed)"]).path == text)
  }

  @Test func aTextThatMayBeLeftOutIsLeftOutByNull() throws {
    #expect(try Texts(yaml: "label: a", set: ["label=null"]).label == nil)
    #expect(try Texts(yaml: "label: a", set: ["label='null'"]).label == "null")
    #expect(try Texts(yaml: "", set: ["label=*b #c"]).label == "*b #c")
  }

  @Test func otherKeysTakeYAML() throws {
    #expect(try Texts(yaml: "", set: ["count=4 # four"]).count == 4)
    #expect(try Texts(yaml: "", set: ["names=[a, 'b #c']"]).names == ["a", "b #c"])
    #expect(try Texts(yaml: "", set: ["spacing='2000' # of them"]).spacing.text == "2000")
    let error = #expect(throws: RecipeError.self) { try Texts(yaml: "", set: ["count=*four"]) }
    #expect(error?.description.hasPrefix("--set count=*four: the YAML cannot be read: ") == true)
  }

  @Test func anUnknownKeyIsNamedBeforeItsValueIsRead() {
    let error = #expect(throws: RecipeError.self) { try Texts(yaml: "", set: ["paht=[set] cats"]) }
    #expect(error?.description == "--set paht=[set] cats: unknown key 'paht'; did you mean 'path'?")
  }

  // MARK: Types

  @Test(arguments: [
    "sampler: { type: ddim, eta: 1 }", "sampler: { eta: 1 }", "sampler:\n  type: ddim\n  eta: 1\n", "sampler: { type: dpmpp_2m }",
    "sampler: ddim", "",
  ])
  func anotherTypeStartsFromItsOwnDefaults(yaml: String) throws {
    #expect(try TrainRecipe(yaml: yaml, set: ["sampler.type=heun"]).sampler.yamlOfRecipe == Heun().yaml())
    let own = try TrainRecipe(yaml: yaml, set: ["sampler.s_churn=2", "sampler.type=heun"]).sampler.recipe as? Heun
    #expect(own?.sChurn == 2 && own?.eta == 0.25)
  }

  @Test func theSameTypeKeepsWhatTheFileSays() throws {
    let recipe = try TrainRecipe(yaml: "sampler: { type: heun, eta: 1 }", set: ["sampler.type=heun", "sampler.s_churn=2"])
    #expect((recipe.sampler.recipe as? Heun)?.eta == 1 && (recipe.sampler.recipe as? Heun)?.sChurn == 2)
  }

  @Test func theTypeOfARecipeInForceGivesWayToo() throws {
    var mine = TrainRecipe()
    mine.sampler = Choice(Heun(sChurn: 3))
    #expect(try mine.overlaid(yaml: "", set: ["sampler.type=ddim"]).sampler.yamlOfRecipe == DDIM().yaml())
  }

  // MARK: Errors

  @Test func anErrorThatASettingBringsAboutNamesTheSetting() {
    let file = "training:\n  batch_size: 4\n  learning_rate: 2\n"
    #expect(problem(file).isEmpty)
    #expect(
      problem(file, set: ["note=x", "training.batch_size=1", "evaluate=no"])
        == "--set training.batch_size=1: training.learning_rate: expected less than 1 at batch size 1, found 2.0")
    #expect(
      problem("sampler:\n  type: heun\n  s_churn: 1\n", set: ["sampler.type=ddim", "sampler.s_churn=2"])
        == "--set sampler.s_churn=2: unknown key 's_churn' in 'sampler'; known: type, eta")
  }

  @Test func anErrorOfTheFileNamesItsLineWhateverIsSet() {
    #expect(
      problem("note: a\ntraining: { batch_size: 0 }", set: ["note=b"]) == "r.yaml:2: training.batch_size: expected 1 or more, found 0")
  }
}
