import Diffusion
import Foundation
import RecipeKit
import Testing

@testable import Studio

@Suite("Forms of recipes") struct RecipeFormTests {
  @Test(arguments: RecipeForm.bundled.keys.sorted()) func everyValueIsDocumented(name: String) throws {
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

  /// From the recipe's own types: a member that is added to an enum or a registry can be chosen.
  @Test func choicesAreThoseOfTheRecipe() throws {
    let choices = Dictionary(uniqueKeysWithValues: try RecipeForm("glyphs").fields().map { ($0["path"]?.string ?? "", $0["choices"]) })
    #expect(choices["process.parameterization"] == .strings(Parameterization.Name.allCases.map(\.rawValue)))
    #expect(choices["sampler.type"] == .strings(SamplerRegistry.names))
    #expect(choices["training.decay.type"].flatMap { $0?.array?.count } ?? 0 > 3)
    #expect(choices["training.learning_rate"] == .some(nil))
  }

  @Test func aFilledFormIsAListOfSettings() throws {
    let form = try RecipeForm("glyphs")
    #expect(
      try form.settings(["training.batch_size": 8, "sampler.type": "ddim", "sampler.eta": 0.5], data: [])
        == ["sampler.type=ddim", "sampler.eta=0.5", "training.batch_size=8"])
    #expect(throws: (any Error).self) { try form.settings(["sampler.eta": 0.5], data: []) }
  }
}
