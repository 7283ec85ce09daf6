import Foundation
import Testing

@testable import Datasets

private func rows(_ text: String, columns: [String]? = nil) throws -> [LabelTable.Row] {
  try LabelTable(parsing: Array(text.utf8), name: "t.csv", columns: columns).rows
}

private func row(_ line: Int, _ file: String, _ label: String) -> LabelTable.Row { LabelTable.Row(line: line, file: file, label: label) }

private func problem(_ text: String, columns: [String]? = nil) -> String? {
  #expect(throws: DatasetError.self) { try rows(text, columns: columns) }?.description
}

@Suite("Tables of labels") struct LabelTableTests {
  @Test(arguments: [
    "a.png,x\nb.png,y\n", "a.png,x\r\nb.png,y", "\u{FEFF}a.png;x\r\nb.png;y\r\n", "a.png\tx\rb.png\ty", " a.png , x\nb.png,\"y\"",
  ])
  func everyWayToWriteLinesIsRead(text: String) throws { #expect(try rows(text) == [row(1, "a.png", "x"), row(2, "b.png", "y")]) }

  @Test func quotedFieldsHoldAnything() throws {
    #expect(
      try rows("\"a, b.png\",\"say \"\"x\"\"\"\n\"c\nd.png\",\" y \"\n\ne.png,z\n")
        == [row(1, "a, b.png", "say \"x\""), row(2, "c\nd.png", " y "), row(5, "e.png", "z")])
  }

  @Test func columnsAreFoundByAHeader() throws {
    #expect(try rows("id,label,filename\n7,x,a.png\n") == [row(2, "a.png", "x")])
    #expect(try rows("Image,breed\na.png,x\n") == [row(2, "a.png", "x")])
    #expect(try rows("class_id,class,file\n7,x,a.png\n") == [row(2, "a.png", "x")])
    #expect(try rows("a,b,c\nx,1,a.png", columns: ["c", "A"]) == [row(2, "a.png", "x")])
    #expect(
      problem("a,b,c\nx,1,a.png", columns: ["c", "d"])
        == "t.csv:1: has no column 'd', found 'a', 'b', 'c'; set `label_columns` to two of these")
  }

  @Test func aFileThatIsNotATableIsRefusedWithItsLine() throws {
    #expect(problem("a.png,x\nb.png\n") == "t.csv:2: expected a file and its class, found 'b.png'")
    #expect(problem("a.png,x\n,y\n") == "t.csv:2: expected a file and its class, found ',y'")
    #expect(problem("a.png,x\nb.png,\"y\nc.png,z\n") == "t.csv:2: a field in quotes begins here and does not end")
    #expect(problem("a.png,x\nb\"c.png,y\n")?.hasPrefix("t.csv:2: a quote stands within a field") == true)
    #expect(problem("\"a.png\"b,x\n")?.hasPrefix("t.csv:1: something follows the quote") == true)
    #expect(problem("\n\n") == "t.csv: is empty; expected lines of a file and its class")
    let latin = #expect(throws: DatasetError.self) { try LabelTable(parsing: [0x61, 0xE9, 0x2C, 0x62, 0x0A], name: "t.csv") }
    #expect(latin?.description == "t.csv:1: is not UTF-8")
    #expect(throws: DatasetError.self) { try LabelTable(parsing: [0xFF, 0xFE, 0x61, 0], name: "t.csv") }
    let pointer = Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\n".utf8)
    let error = #expect(throws: DatasetError.self) { try LabelTable(parsing: pointer, name: "t.csv") }
    #expect(error?.description.contains("is a Git LFS pointer") == true && error?.description.contains("git lfs pull") == true)
  }
}

@Suite("Classes from a table") struct TableClassTests {
  let folder: PictureFolder
  init() throws { folder = try PictureFolder(["a/0.png", "a/1.png", "b/2.png"]) }

  func recipe(_ table: String, _ classNames: [String]? = nil) throws -> FolderDataset.Recipe {
    try folder.write(table, to: "labels.csv")
    var recipe = FolderDataset.Recipe()
    (recipe.path, recipe.classFrom, recipe.labels, recipe.classNames) = (folder.path, .csv, "labels.csv", classNames)
    return recipe
  }

  @Test func areNamesOrNumbersOfWhichNoneIsMissing() throws {
    let names = try recipe("a/0.png,tulip\na/1.png,rose\nb/2.png,tulip").open()
    #expect(names.classNames == ["rose", "tulip"])
    #expect(try labels(names) == [1, 0, 1])
    let numbers = try recipe("a/0.png,10\na/1.png,9\nb/2.png,-1").open()
    #expect(numbers.classNames == ["-1", "9", "10"])
    #expect(try labels(numbers) == [2, 1, 0])
    let named = try recipe("a/0.png,1\na/1.png,0\nb/2.png,2", ["rose", "tulip"]).open()
    #expect(try labels(named) == [1, 0])
    #expect(named.skipped == [SkippedFile(name: "b/2.png", reason: "its class '2' is not in class_names")])
  }

  @Test func filesThatAreMissingOnOneSideAreReportedWithTheirLines() throws {
    let set = try recipe("file,class\n./a/0.png,x\na\\1.png,y\nc/3.png,x\n").open()
    #expect(try labels(set) == [0, 1])
    let table = folder.file("labels.csv")
    #expect(
      set.skipped == [
        SkippedFile(name: "\(table):4", reason: "there is no picture 'c/3.png'"), SkippedFile(name: "b/2.png", reason: "not in \(table)"),
      ])
  }

  @Test func aTableInASubFolderIsFound() throws {
    var recipe = try recipe("")
    try folder.write("0.png,x\n1.png,y\n", to: "a/labels.csv")
    recipe.labels = "a/labels.csv"
    #expect(try labels(recipe.open()) == [0, 1])
  }

  @Test func contradictionsAndUnknownsAreRefused() throws {
    #expect(complaint(try recipe("a/0.png,x\na/1.png,x\na/0.png,y")).hasSuffix(":3: 'a/0.png' is of class 'y', but line 1 says 'x'"))
    #expect(try recipe("a/0.png,x\na/0.png,x").open().count == 1)
    #expect(complaint(try recipe("0.png,x")).contains("none of the 1 files that it names, such as '0.png' in line 1, is a picture in"))
    var recipe = try recipe("")
    recipe.labels = "elsewhere.csv"
    let error = #expect(throws: DatasetError.self) { try recipe.open() }
    #expect(error?.failure == .missing)
  }
}
