import Foundation
import RecipeKit
import Testing

@testable import Datasets

@Suite("Captions") struct CaptionTests {
  let folder: PictureFolder
  init() throws { folder = try PictureFolder(["a/blue_potion-03.png", "a/Ruby ring.2.png", "b/017.png"]) }

  private func recipe(_ captions: String, _ change: (inout FolderDataset.Recipe) -> Void = { _ in }) throws -> FolderDataset.Recipe {
    var recipe = try FolderDataset.Recipe(yaml: "captions: \(captions)")
    (recipe.path, recipe.classFrom) = (folder.path, .none)
    change(&recipe)
    return recipe
  }

  /// The caption of each picture, which is the same with and without reading it.
  private func captions(_ set: any Dataset) throws -> [String?] {
    try (0..<set.count).map { index in
      let caption = try set[index].caption
      #expect(caption == set.caption(at: index))
      return caption
    }
  }

  @Test func theyAreTheWordsOfTheNameWithoutNumbers() throws {
    let set = try recipe("{ from: name }").open()
    #expect(try captions(set) == ["Ruby ring", "blue potion", ""] && set.hasCaptions)
    let numbers = try PictureFolder(["1.png", "22.png"])
    #expect(complaint(try recipe("{ from: name }") { $0.path = numbers.path }).contains("'1.png', have no words to be captions"))
    #expect(try !FolderDataset(FolderDataset.Recipe.recipe(at: folder.path)).hasCaptions)
  }

  @Test func theyLieBesideThePicturesAlsoInAnArchive() throws {
    #expect(complaint(try recipe("{}")).contains("no picture has a caption beside it; expected a text file such as 'a/Ruby ring.2.txt'"))
    let texts = [("a/blue_potion-03.txt", "  P6 a\tblue\r\n potion\n"), ("b/017.txt", "drei Äpfel")]
    for (name, text) in texts { try folder.write(text, to: name) }
    let set = try recipe("{ from: file }").open()
    #expect(try captions(set) == ["", "P6 a blue potion", "drei Äpfel"])
    #expect(set.skipped.isEmpty)
    let zip = try folder.zip("x.zip", ["top/a.png", "top/b.png"], [("top/b.txt", Array("b".utf8)), ("top/c.md", [65])])
    let archive = try recipe("{ from: file }") { $0.path = zip }.open()
    #expect(try captions(archive) == ["", "b"] && archive.skipped.map(\.name) == ["top/c.md"])
  }

  @Test func textFilesThatAreNoCaptionsAreRefused() throws {
    try folder.write([0x61, 0xE9], to: "b/017.txt")
    #expect(complaint(try recipe("{}")).contains("b/017.txt: is not UTF-8"))
    try folder.write(String(repeating: "word ", count: 1000), to: "b/017.txt")
    #expect(complaint(try recipe("{}")).contains("the caption has 4999 bytes; expected at most 4096"))
    try folder.write([UInt8](repeating: 65, count: 1 << 17), to: "b/017.txt")
    #expect(complaint(try recipe("{}")).contains("b/017.txt"))
  }

  @Test func theyAreAColumnOfATable() throws {
    try folder.write(
      "file\tclass\tdescription\nb/017.png\tx\tseventeen\na/Ruby ring.2.png\ty\t\"a \"\"ruby\"\", red\"\nnone.png\tz\tz\n", to: "t.tsv")
    let set = try recipe("{ from: table, table: t.tsv }").open()
    #expect(try captions(set) == ["a \"ruby\", red", "", "seventeen"])
    #expect(set.skipped.map(\.description) == ["\(folder.path)/t.tsv:4: there is no picture 'none.png'"])
    // With classes from the same table.
    let both = try recipe("{ from: table, table: t.tsv }") { ($0.classFrom, $0.labels) = (.csv, "t.tsv") }.open()
    #expect(try captions(both) == ["a \"ruby\", red", "seventeen"] && both.classNames == ["x", "y"])
    #expect(try captions(recipe("{ from: table, table: t.tsv, column: CLASS, file_column: file }").open()) == ["y", "", "x"])
  }

  @Test(arguments: [
    ("a,b\nx,y\n", "t.csv:1: has no column 'caption', found 'a', 'b'; set captions.column to one of these"),
    ("a,caption\nx,y\n", "has no column 'file', found 'a', 'caption'; set captions.file_column to one of these"),
    ("file,caption\n", "has no lines below a header"), ("file,caption\nb/017.png\n", "t.csv:2: expected 2 fields as in the header"),
    ("file,caption\nb/017.png,x\nb/017.png,y\n", "t.csv:3: 'b/017.png' has another caption in line 2"),
    ("file,caption\nq.png,x\n", "none of the 1 files that it names, such as 'q.png', is a picture"),
    ("file,caption\nb/017.png,\n", "the table of captions has only empty ones"),
  ]) func tablesThatDoNotFitAreRefused(text: String, words: String) throws {
    try folder.write(text, to: "t.csv")
    let found = complaint(try recipe("{ from: table, table: t.csv }"))
    #expect(found.contains(words), "\(found)")
  }

  @Test(arguments: [
    ("{ from: table }", "expected the path of a CSV file"), ("{ from: name, table: t.csv }", "expected null, for from is name"),
    ("{ column: x }", "expected null, for from is file"), ("{ from: sideways }", "one of file, name, table"),
  ]) func contradictorySectionsAreRefused(section: String, words: String) {
    let error = #expect(throws: RecipeError.self) { try recipe(section) }
    #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
  }

  @Test func imagesInArraysTakeTheLinesOfATableInOrder() throws {
    let source = try SourceFolder()
    var recipe = try ArrayDataset.Recipe(yaml: "captions: { from: table, table: x }")
    recipe.images = try source.write(npy("|u1", [2, 5, 6], [UInt8](repeating: 7, count: 60)), to: "images.npy")
    recipe.captions?.table = try source.write(Array("caption\none\ntwo\n".utf8), to: "t.csv")
    #expect(try captions(recipe.open()) == ["one", "two"])
    recipe.captions?.table = try source.write(Array("caption\none\n".utf8), to: "t.csv")
    #expect(complaint(recipe).contains("holds 1 captions, but"))
    var moved = recipe
    moved.mapPaths { "/x" + $0 }
    #expect(moved.paths.last == "/x" + recipe.paths.last!)
    let error = #expect(throws: RecipeError.self) { try ArrayDataset.Recipe(yaml: "captions: { from: file }") }
    #expect(error?.description.contains("images in arrays have no files") == true)
  }

  @Test func inAMixPicturesOfSourcesWithoutCaptionsHaveEmptyOnes() throws {
    let named = try recipe("{ from: name }"), plain = try PictureFolder(["x.png"])
    let set = try MixedDataset([named.open(), FolderDataset(FolderDataset.Recipe.recipe(at: plain.path))], weights: [1, 1])
    #expect(try captions(set) == ["Ruby ring", "blue potion", "", ""])
  }

  @Test func aTableMovesWithItsFolder() throws {
    try folder.write("file,caption\nb/017.png,x\n", to: "t.csv")
    var inside = try recipe("{ from: table, table: t.csv }"), outside = try recipe("{ from: table, table: '\(folder.path)/t.csv' }")
    inside.mapPaths { "/moved" + $0 }
    outside.mapPaths { "/moved" + $0 }
    #expect(inside.captions?.table == "t.csv" && outside.captions?.table == "/moved\(folder.path)/t.csv")
  }

  @Test(arguments: [("", 3, ""), ("abc", 3, "abc"), ("ab cd", 3, "ab"), ("äöü", 4, "äö"), ("äöü", 3, "ä")])
  func captionsAreCutBetweenCharacters(text: String, bytes: Int, cut: String) { #expect(Caption.cut(text, to: bytes) == cut) }
}
