import Foundation
import Imaging
import RecipeKit
import Testing

@testable import Datasets

private func recipe(_ path: String, _ change: (inout FolderDataset.Recipe) -> Void = { _ in }) -> FolderDataset.Recipe {
  var recipe = FolderDataset.Recipe()
  recipe.path = path
  change(&recipe)
  return recipe
}

@Suite("Pictures of a folder") struct FolderTests {
  @Test func comeFromAllLevelsInTheOrderOfCodePoints() throws {
    let folder = try PictureFolder(["b/z.png", "a-b/1.png", "a/b/2.png", "a/B.PNG", "é.png", "Z.jpeg", "e\u{301}.png"])
    let set = try recipe(folder.path) { $0.classFrom = .none }.open()
    #expect(
      try (0..<set.count).map { try set[$0].name }
        == ["Z.jpeg", "a-b/1.png", "a/B.PNG", "a/b/2.png", "b/z.png", "e\u{301}.png", "é.png"].map { folder.file($0) })
    #expect(try greys(set) == [5, 1, 3, 2, 0, 6, 4])
    #expect(try set[0].content == .file(folder.file("Z.jpeg")))
    #expect(set.classNames.isEmpty)
    #expect(try labels(set) == [Int?](repeating: nil, count: 7))
  }

  @Test func hiddenFilesArePassedOverAndOthersAreReported() throws {
    let folder = try PictureFolder(["a.png", ".b.png", ".git/c.png", "__MACOSX/d.png", "x/._e.png"])
    try folder.write("text", to: "notes.txt")
    try folder.write("text", to: "png")
    let set = try recipe(folder.path).open()
    #expect(set.count == 1)
    #expect(set.skipped.map(\.name) == ["notes.txt", "png"])
  }

  @Test func classesAreTheFirstFoldersAsDeepAsAsked() throws {
    let folder = try PictureFolder(["mon/x.png", "mon/undead/1.png", "item/ring/art/2.png", "item/ring/3.png"])
    let first = try recipe(folder.path).open()
    #expect(first.classNames == ["item", "mon"])
    #expect(try labels(first) == [0, 0, 1, 1])
    #expect(first.classCounts == [2, 2])
    let second = try recipe(folder.path) { $0.classDepth = 2 }.open()
    #expect(second.classNames == ["item/ring", "mon", "mon/undead"])
    #expect(try labels(second) == [0, 0, 2, 1])
    let all = try recipe(folder.path) { $0.classDepth = nil }.open()
    #expect(all.classNames == ["item/ring", "item/ring/art", "mon", "mon/undead"])
  }

  @Test func aFolderWithoutFoldersHasNoClassesAndAMixtureIsRefused() throws {
    let folder = try PictureFolder(["1.png", "2.png"])
    #expect(try recipe(folder.path).open().classNames.isEmpty)
    try folder.write(PictureFolder.picture(1), to: "cats/3.png")
    #expect(complaint(recipe(folder.path)).contains("2 of 3 pictures lie in no folder of a class, such as '1.png'"))
    #expect(try recipe(folder.path) { $0.classFrom = .none }.open().count == 3)
    // A folder, unlike an archive, is not wrapped in another.
    let single = try PictureFolder(["cats/1.png"])
    #expect(try recipe(single.path).open().classNames == ["cats"])
  }

  @Test func classesAreWhatStandsBeforeTheFirstUnderscore() throws {
    let folder = try PictureFolder(["dog_1_2.png", "x_y/cat_2.png", "dog_3.png"])
    let set = try recipe(folder.path) { $0.classFrom = .prefix }.open()
    #expect(set.classNames == ["cat", "dog"])
    #expect(try labels(set) == [1, 1, 0])
    for name in ["plain.png", "_1.png"] {
      try folder.write(PictureFolder.picture(1), to: name)
      #expect(complaint(recipe(folder.path) { $0.classFrom = .prefix }).contains("of 4 pictures, such as '\(name)', have no class"))
      try FileManager.default.removeItem(atPath: folder.file(name))
    }
  }

  @Test func classNamesFixTheOrderAndLeaveOthersOut() throws {
    let folder = try PictureFolder(["a/0.png", "b/1.png", "c/2.png"])
    let set = try recipe(folder.path) { $0.classNames = ["c", "empty", "a"] }.open()
    #expect(set.classNames == ["c", "empty", "a"])
    #expect(try labels(set) == [2, 0])
    #expect(try greys(set) == [0, 2])
    #expect(set.classCounts == [1, 0, 1])
    #expect(set.skipped == [SkippedFile(name: "b/1.png", reason: "its class 'b' is not in class_names")])
    #expect(complaint(recipe(folder.path) { $0.classNames = ["d"] }).contains("none of its 3 pictures is of a class in class_names"))
    let flat = try PictureFolder(["1.png"])
    #expect(complaint(recipe(flat.path) { $0.classNames = ["d"] }).contains("lie in no folders"))
  }

  @Test func sizeAndChannelsAreThoseOfTheHeaders() throws {
    let folder = try PictureFolder(["1.png", "2.png"])
    #expect(try recipe(folder.path).open().shape == ImageShape(height: 2, width: 3, channels: 1))
    try folder.write(Image(width: 3, height: 2, color: [1, 2, 3]).encoded(), to: "3.png")
    #expect(try recipe(folder.path).open().shape == ImageShape(height: 2, width: 3, channels: 3))
    try folder.write(Image(width: 3, height: 2, color: [1, 9]).encoded(), to: "4.png")
    #expect(try recipe(folder.path).open().channels == 4)
    try folder.write(PictureFolder.picture(0, width: 4), to: "5.png")
    let mixed = try recipe(folder.path).open()
    #expect(mixed.shape == nil)
    #expect(mixed.channels == 4)
  }

  @Test func headersAreSampledEvenlyAndNoMoreThanAThousand() {
    #expect(PictureSurvey.sample(of: 7).sorted() == Array(0..<7))
    let sample = PictureSurvey.sample(of: 123_456)
    #expect(sample.count == 1000)
    #expect(zip(sample.sorted(), sample.sorted().dropFirst()).allSatisfy { (123...124).contains($1 - $0) })
    // Those of the first round alone reach to the end.
    #expect(sample.prefix(100).max()! > 122_000)
  }

  @Test func unreadablePicturesAreReportedOnReadingUnlessAllAre() throws {
    let folder = try PictureFolder(["1.png"])
    try folder.write("no picture", to: "0.png")
    let set = try recipe(folder.path).open()
    #expect(set.shape == ImageShape(height: 2, width: 3, channels: 1))
    #expect(throws: ImagingError.self) { try set[0].image() }
    try FileManager.default.removeItem(atPath: folder.file("1.png"))
    #expect(
      complaint(recipe(folder.path)).hasPrefix(
        "\(folder.path): holds 1 picture, which cannot be read: \(folder.file("0.png")): is plain text"))
  }

  @Test func aFolderWithoutPicturesIsRefusedWithItsContents() throws {
    let folder = try PictureFolder()
    #expect(
      complaint(recipe(folder.path)) == "\(folder.path): holds no pictures; expected PNG, JPEG, WebP, TIFF, GIF, AVIF, PGM or PPM files")
    try folder.write("text", to: "notes.txt")
    #expect(complaint(recipe(folder.path)).hasSuffix("it holds 1 other files, such as notes.txt: not a picture"))
    let missing = #expect(throws: DatasetError.self) { try recipe(folder.file("nowhere")).open() }
    #expect(missing?.failure == .missing)
  }

  @Test func theRecipeRefusesInvalidValues() {
    struct Wrapper: RecipeKit.Recipe { var data = Choice<DatasetRegistry>(FolderDataset.Recipe()) }
    for bad in [
      "class_from: csv", "labels: a.csv", "class_depth: 0", "class_names: []", "class_names: [a, a]", "class_from: none, class_names: [a]",
      "class_from: csv, labels: a.csv, label_columns: [file]", "class_from: sideways", "path: ''",
    ] {
      #expect(throws: RecipeError.self, "\(bad)") { try Wrapper(yaml: "data: { type: folder, \(bad) }") }
    }
  }
}

@Suite("Links in a folder") struct LinkTests {
  @Test func leadToFilesAndFoldersOutside() throws {
    let outside = try PictureFolder(["far/0.png", "1.png"])
    let folder = try PictureFolder(["a/x.png"])
    try folder.link("b", to: outside.file("far"))
    try folder.link("a/y.png", to: outside.file("1.png"))
    let set = try recipe(folder.path).open()
    #expect(set.classNames == ["a", "b"])
    #expect(try (0..<3).map { try set[$0].name } == ["a/x.png", "a/y.png", "b/0.png"].map { folder.file($0) })
    #expect(set.skipped.isEmpty)
  }

  @Test func loopsEndAndAreReported() throws {
    let folder = try PictureFolder(["a/b/x.png"])
    try folder.link("a/b/up", to: "..")
    try folder.link("a/top", to: folder.path)
    try folder.link("self", to: "self")
    try folder.link("nowhere", to: "gone")
    let set = try recipe(folder.path).open()
    #expect(set.count == 1)
    #expect(
      set.skipped == [
        SkippedFile(name: "a/b/up", reason: "a link to a folder that is read already"),
        SkippedFile(name: "a/top", reason: "a link to a folder that is read already"),
        SkippedFile(name: "nowhere", reason: "a link that leads nowhere"),
        SkippedFile(name: "self", reason: "a link in a circle of links"),
      ])
  }

  @Test func aFolderIsReadOnceUnderItsOwnName() throws {
    let folder = try PictureFolder(["z/x.png", "m/y.png"])
    try folder.link("a", to: "z")
    let set = try recipe(folder.path).open()
    #expect(set.classNames == ["m", "z"])
    // Each level linked twice from the one above: as many paths as 2 to the power of 20.
    for level in 0..<20 {
      try FileManager.default.createDirectory(atPath: folder.file("m/\(level)"), withIntermediateDirectories: true)
      for name in ["p", "q"] { try folder.link("m/\(level)/\(name)", to: "../\((level + 1) % 20)") }
    }
    #expect(try recipe(folder.path).open().count == 2)
  }

  @Test func pipesAreNotWaitedFor() throws {
    let folder = try PictureFolder(["x.png"])
    mkfifo(folder.file("y.png"), 0o600)
    let set = try recipe(folder.path).open()
    #expect(set.count == 1)
    #expect(set.skipped == [SkippedFile(name: "y.png", reason: "neither a file nor a folder")])
  }
}
