import Archives
import Foundation
import Imaging
import Testing

@testable import Datasets

private func recipe(_ path: String, _ change: (inout FolderDataset.Recipe) -> Void = { _ in }) -> FolderDataset.Recipe {
  var recipe = FolderDataset.Recipe()
  recipe.path = path
  change(&recipe)
  return recipe
}

@Suite("Pictures of an archive") struct ArchiveFolderTests {
  let folder: PictureFolder
  init() throws { folder = try PictureFolder() }

  @Test func comeAsThoseOfTheFolderThatItWasMadeOf() throws {
    let names = ["b/z.png", "a-b/1.png", "a/b/2.png", "a/B.PNG", "é/3.png"]
    let pictures = try PictureFolder(names)
    let plain = try recipe(pictures.path).open()
    let zip = try recipe(folder.zip("x.zip", names)).open()
    #expect(zip.classNames == ["a", "a-b", "b", "é"])
    #expect(zip.classNames == plain.classNames)
    #expect(try labels(zip) == labels(plain))
    #expect(try greys(zip) == [1, 3, 2, 0, 4])
    #expect(zip.shape == plain.shape)
    #expect(try zip[2].name == "\(folder.file("x.zip")): a/b/2.png")
    #expect(try zip[2].content == .encoded(PictureFolder.picture(2)))
  }

  @Test func theFolderThatHoldsEverythingMakesNoClass() throws {
    let set = try recipe(folder.zip("x.zip", ["data/my cats/a/0.png", "data/my cats/b/1.png"])).open()
    #expect(set.classNames == ["a", "b"])
    let flat = try recipe(folder.zip("y.zip", ["data/0.png", "data/1.png"])).open()
    #expect(flat.classNames.isEmpty)
    // Alike at the beginning, but not the same.
    #expect(try recipe(folder.zip("z.zip", ["cat/0.png", "cattle/1.png"])).open().classNames == ["cat", "cattle"])
  }

  @Test func anArchivePassesOverTheSameFilesAsAFolder() throws {
    let set = try recipe(
      folder.zip("x.zip", ["a/0.png", "__MACOSX/a/._0.png", "a/.hidden.png", "b/1.png"], [("a/notes.txt", [1])])
    ).open()
    #expect(try greys(set) == [0, 3])
    #expect(set.skipped.map(\.name) == ["a/notes.txt"])
  }

  @Test func aTableIsFoundInTheArchiveOrBesideIt() throws {
    let table = Array("file,class\n0.png,x\nimages/1.png,y\n".utf8)
    let path = try folder.zip("x.zip", ["data/images/0.png", "data/images/1.png"], [("data/labels.csv", table)])
    func csv(_ recipe: inout FolderDataset.Recipe) { (recipe.classFrom, recipe.labels) = (.csv, "labels.csv") }
    let inside = try recipe(path, csv).open()
    #expect(inside.classNames == ["x", "y"])
    #expect(try labels(inside) == [0, 1])
    #expect(inside.skipped.isEmpty)
    try folder.write(table, to: "beside.csv")
    let beside = try recipe(path) { ($0.classFrom, $0.labels) = (.csv, folder.file("beside.csv")) }.open()
    #expect(try labels(beside) == [0])
    #expect(beside.skipped.map(\.name).contains("data/images/1.png"))
  }

  @Test func hostileNamesAreReportedNotFollowed() throws {
    for name in ["../0.png", "/etc/0.png"] {
      #expect(complaint(recipe(try folder.zip("x.zip", [name]))).contains("entry '\(name)': its name leads out of the archive"))
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("../0.png")))
  }

  @Test func oneDamagedPictureIsNamedAndTheOthersServe() throws {
    let path = try folder.zip("x.zip", ["a/0.png", "a/1.png"])
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let pixels = try #require(bytes.firstIndex(of: 0x89))
    bytes[pixels + 40] ^= 1
    try folder.write(bytes, to: "damaged.zip")
    let set = try recipe(folder.file("damaged.zip")).open()
    let error = #expect(throws: ArchiveError.self) { try set[0] }
    #expect(error?.entry == "a/0.png")
    #expect(try set[1].image().bytes[0] == 1)
  }

  @Test func aFileThatIsNotAnArchiveIsNamed() throws {
    try folder.write("text", to: "notes.txt")
    #expect(complaint(recipe(folder.file("notes.txt"))).hasPrefix(folder.file("notes.txt")))
    #expect(complaint(recipe(try folder.zip("x.zip", [], [("notes.txt", [1])]))).contains("holds no picture"))
  }
}
