import Failures
import Foundation
import Testing

@testable import Workflows

@Suite("Locating recipes") struct RecipeLocatorTests {
  let folder: ScratchFolder
  // Names that are not those of recipes in the working folder, which is the clone.
  let bundled = ["landscapes": "/installed/recipes/landscapes.yaml", "faces-128": "/installed/recipes/faces-128.yaml"]

  init() throws { folder = try ScratchFolder() }

  private func locate(_ recipe: String) throws -> String { try RecipeLocator.locate(recipe, among: bundled) }

  @Test func fileIsItself() throws {
    let file = try folder.write("", to: "landscapes.yaml")
    #expect(try locate(file) == file)
  }

  /// As documents name it, where there is no clone.
  @Test(arguments: ["landscapes", "landscapes.yaml", "recipes/landscapes", "recipes/landscapes.yaml"])
  func nameIsTheBundledRecipe(name: String) throws {
    #expect(try locate(name) == "/installed/recipes/landscapes.yaml")
  }

  @Test(arguments: [
    ("landscape", "; did you mean the bundled recipe 'landscapes'?"), ("digits-of-mine", "; bundled recipes: faces-128, landscapes"),
    ("mine/none.yaml", "no such recipe"),
  ])
  func unknownNameIsRefusedWithTheNearest(name: String, ending: String) {
    let error = refusal { try locate(name) }
    #expect(error?.failure == .missing)
    #expect(error?.description.hasPrefix("\(name): no such recipe") == true && error?.description.hasSuffix(ending) == true)
  }

  @Test func folderIsNoRecipe() {
    #expect(refusal { try locate(folder.path) } == SfumatoError(.data, "\(folder.path) is a folder; expected a recipe, a YAML file"))
  }

  /// The working folder comes before the folder of the program.
  @Test func nearestOfSeveralBundledFilesCounts() throws {
    let near = try folder.write("", to: "near/recipes/a.yaml"), far = try folder.write("", to: "far/recipes/b.yaml")
    _ = try folder.write("", to: "far/recipes/a.yaml")
    _ = try folder.write("", to: "far/recipes/notes.txt")
    let places = ["near", "none", "far"].map { "\(folder.path)/\($0)" }
    #expect(BundledFiles.named(in: "recipes", ending: ".yaml", around: places) == ["a": near, "b": far])
  }
}
