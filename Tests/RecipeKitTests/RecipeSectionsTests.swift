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

  @Test(arguments: [("", "is empty"), ("\n<!-- x --><HTML><body>404</body></HTML>", "a web page")])
  func ofWhatIsNoRecipeAreRefused(text: String, words: String) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("sfumato-\(UUID().uuidString).yaml").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let error = try #require(throws: RecipeError.self) { try RecipeSections.keys(ofFile: path) }
    #expect("\(error)".contains(words), "\(error)")
  }

  @Test func ofAFileThatIsNotThereAreMissing() {
    let error = #expect(throws: RecipeError.self) { try RecipeSections.keys(ofFile: "/nowhere.yaml") }
    #expect(error?.isMissingFile == true)
  }
}
