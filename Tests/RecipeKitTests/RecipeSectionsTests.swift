import Foundation
import Testing

@testable import RecipeKit

@Suite("The sections of a recipe") struct RecipeSectionsTests {
  @Test func areTheOutermostKeysInTheirOrder() throws {
    #expect(try RecipeSections.keys(ofYAML: "network: { data: 1 }\ndata:\n  network: 2\n") == ["network", "data"])
    #expect(try RecipeSections.keys(ofYAML: "{ b: 1, a: 2 }") == ["b", "a"])
    #expect(try RecipeSections.keys(ofYAML: "").isEmpty)
  }

  @Test func ofWhatHasNoneAreRefusedWithThePlace() {
    let error = #expect(throws: RecipeError.self) { try RecipeSections.keys(ofYAML: "- 1\n- 2\n", file: "x.yaml") }
    #expect(error?.description == "x.yaml:1: expected a section of keys and values, found a list")
  }

  @Test func ofAFileThatIsNotThereAreMissing() {
    let error = #expect(throws: RecipeError.self) { try RecipeSections.keys(ofFile: "/nowhere.yaml") }
    #expect(error?.isMissingFile == true)
  }
}
