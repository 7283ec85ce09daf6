import Foundation
import Testing

@testable import Studio

@Suite("Forms of recipes") struct RecipeFormTests {
  @Test(arguments: ["glyphs", "pictures", "restore", "restore-128", "restore-256", "digits-classifier"]) func everyValueIsDocumented(
    name: String
  ) throws {
    let fields = try RecipeForm(name).fields()
    #expect(fields.count > 20)
    for field in fields {
      #expect(field["documentation"]?.string?.isEmpty == false, "\(field["path"]?.string ?? "") is in no line of FieldDocumentation")
    }
    #expect(!fields.contains { $0["path"]?.string?.hasPrefix("data.") == true })
  }

  /// Recipes that name files in their text keep them, whatever a form says.
  @Test func noFormNamesATeacherOrAModelToStartFrom() throws {
    let form = try RecipeForm("digits-fast")
    #expect(!(try form.fields()).contains { $0["path"]?.string?.hasPrefix("distillation") == true })
    for path in ["distillation.teacher", "distillation", "training.initial_weights", "guides"] {
      #expect(throws: Problem.self) { try form.settings([path: "/etc/passwd"], data: []) }
    }
  }

  @Test func findsTheLeavesOfYAML() {
    let yaml = "a: 1\nb:\n  c: [1, 2]\n  d:\n    - type: x\n      y: 2\n    - z\n  e: \"q\"\nf: {}\ng: null\n"
    #expect(RecipeForm.leaves(of: yaml).map { "\($0.path)=\($0.value)" } == ["a=1", "b.c=[1, 2]", "b.e=\"q\"", "g=null"])
  }

  @Test func aFilledFormIsAListOfSettings() throws {
    let form = try RecipeForm("glyphs")
    #expect(
      try form.settings(["training.batch_size": 8, "sampler.type": "ddim", "sampler.eta": 0.5], data: [])
        == ["sampler.type=ddim", "sampler.eta=0.5", "training.batch_size=8"])
    #expect(throws: (any Error).self) { try form.settings(["sampler.eta": 0.5], data: []) }
  }
}
