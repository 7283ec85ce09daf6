import Archives
import Foundation
import Testing

@Suite("sfumato data") struct DataCommandTests {
  let shop: Workshop

  init() throws { shop = try Workshop() }

  /// Three grey pictures of 2 x 2 pixels with the labels 1, 0, 1.
  private func writePair() throws {
    try shop.write([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2] + (0..<12).map { UInt8(20 * $0) }, to: "a-images-idx3-ubyte")
    try shop.write([0, 0, 8, 1, 0, 0, 0, 3, 1, 0, 1], to: "a-labels-idx1-ubyte")
  }

  @Test func inspectDescribesTheDataAndWritesASheet() throws {
    try writePair()
    let run = try shop.run("data", "inspect", "a-images-idx3-ubyte", "-o", "sheet.png")
    #expect(run.status == 0, "\(run.errors)")
    for words in ["3 pictures (idx)", "labels: a-labels-idx1-ubyte", "2 x 2", "1 (grey)", "0 1, 1 2", "unreadable none"] {
      #expect(run.output.contains(words), "\(words): \(run.output)")
    }
    #expect(run.errors.contains("reading: 100%"))
    #expect(try shop.contents("sheet.png").starts(with: [0x89, 0x50]))
    let json = try shop.run("data", "inspect", "a-images-idx3-ubyte", "--json", "--quick", "--set", "labels=null")
    let facts = try json.json()
    #expect(facts["count"] as? Int == 3 && facts["is_complete"] as? Bool == false && facts["unlabelled"] as? Int == 3)
    #expect((facts["classes"] as? [Any])?.isEmpty == true && facts["kind"] as? String == "idx")
    #expect(((facts["sizes"] as? [String: Any])?["median"] as? [String: Int]) == ["height": 2, "width": 2])
  }

  @Test func aRecipeAndADataSetWithoutFilesAreSources() throws {
    let glyphs = try shop.run("data", "inspect", "glyphs", "--set", "count=20", "--set", "classes=digits", "--quiet")
    #expect(glyphs.status == 0 && glyphs.errors.isEmpty)
    #expect(glyphs.output.contains("20 pictures (glyphs)") && glyphs.output.contains("7 2, 8 2"))
    let recipe = try shop.run("data", "inspect", "tiny.yaml", "--set", "count=30", "--quiet")
    #expect(recipe.output.contains("30 pictures") && recipe.output.contains("8 x 8"))
    // A folder of that name takes precedence.
    try FileManager.default.createDirectory(atPath: "\(shop.path)/glyphs", withIntermediateDirectories: true)
    #expect(try shop.run("data", "inspect", "glyphs").status != 0)
  }

  @Test func everyFormatReadsBackUnchanged() throws {
    try writePair()
    let steps: [([String], [String])] = [
      (["a-images-idx3-ubyte", "-o", "b.npz"], ["b.npz"]),
      (["b.npz", "-o", "c-images-idx3-ubyte.gz", "--set", "layout=nhwc"], ["c-images-idx3-ubyte.gz", "c-labels-idx1-ubyte.gz"]),
      (["c-images-idx3-ubyte.gz", "-o", "d-images-idx3-ubyte"], ["d-images-idx3-ubyte", "d-labels-idx1-ubyte"]),
    ]
    for (arguments, files) in steps {
      let run = try Program.run(["data", "export"] + arguments, in: shop.path)
      #expect(run.status == 0 && run.output == files.joined(separator: "\n") + "\n", "\(run.errors)")
      #expect(run.errors.contains("3 pictures"))
    }
    #expect(try shop.contents("d-images-idx3-ubyte") == shop.contents("a-images-idx3-ubyte"))
    #expect(try shop.contents("d-labels-idx1-ubyte") == shop.contents("a-labels-idx1-ubyte"))
  }

  @Test func exportWritesAFolderForEachClass() throws {
    try writePair()
    let run = try shop.run("data", "export", "a-images-idx3-ubyte", "-o", "out", "--size", "4", "--count", "2", "--json", "--quiet")
    #expect(try run.json()["count"] as? Int == 2)
    #expect(shop.exists("out/1/0.png") && shop.exists("out/0/1.png") && !shop.exists("out/1/2.png"))
    let header = [UInt8](try shop.contents("out/1/0.png"))
    #expect(header[19] == 4 && header[23] == 4)
    let again = try shop.run("data", "export", "a-images-idx3-ubyte", "-o", "out")
    #expect(again.status == 74 && again.errors.contains("already exists"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: shop.path).filter { $0.hasSuffix(".part") }.isEmpty)
    // The folder is a source too; files that are not pictures are named.
    try shop.write(Array("notes".utf8), to: "out/notes.txt")
    let folder = try shop.run("data", "inspect", "out", "--quiet")
    for words in ["2 pictures (folder)", "4 x 4", "0 1, 1 1", "left out   1", "notes.txt: not a picture"] {
      #expect(folder.output.contains(words), "\(words): \(folder.output)")
    }
  }

  @Test func aFolderReportsWhatWasLeftOutAndWhatIsDamaged() throws {
    for folder in ["in", "in/x"] {
      try FileManager.default.createDirectory(atPath: "\(shop.path)/\(folder)", withIntermediateDirectories: true)
    }
    let picture = [UInt8](UpscaleCommandTests.picture)
    try shop.write(picture, to: "in/x/a.png")
    try shop.write(Array(picture.dropLast(40)), to: "in/x/b.png")
    try shop.write("notes", to: "in/notes.txt")
    let run = try shop.run("data", "inspect", "in")
    #expect(run.status == 65, "\(run.errors)")
    for words in ["2 pictures (folder)", "3 x 5", "3 (colour)", "x 1", "unreadable 1", "in/x/b.png", "left out   1", "notes.txt"] {
      #expect(run.output.contains(words), "\(words): \(run.output)")
    }
    let cells = try shop.run("data", "inspect", "in/x/a.png", "--set", "type=sprites", "--set", "cell=[1, 5]", "--json", "--quiet").json()
    #expect(cells["kind"] as? String == "sprites" && cells["count"] as? Int == 3)
    let json = try shop.run("data", "inspect", "in", "--quick", "--json").json()
    #expect(json["skipped_count"] as? Int == 1)
  }

  @Test func anUnreadablePictureIs65AndTheOthersAreProcessed() throws {
    // Two float pictures, the second with a NaN.
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 5, 5), }\n"
    var values = [Float](repeating: 0.5, count: 50)
    values[30] = .nan
    let data = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
    try shop.write([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8) + data, to: "f.npy")
    let run = try shop.run("data", "inspect", "f.npy", "--set", "range=unit")
    #expect(run.status == 65 && run.output.contains("unreadable 1\n") && run.output.contains("f.npy: picture 1 holds nan"))
    let export = try shop.run("data", "export", "f.npy", "--set", "range=unit", "-o", "f.npz")
    #expect(export.status == 65 && export.errors.contains("error: f.npy: picture 1 holds nan") && export.errors.contains("1 left out"))
    #expect(try ArchiveReader(path: "\(shop.path)/f.npz").next()?.size == 128 + 25)
  }

  @Test func refusesABadRequest() throws {
    try writePair()
    try shop.write("text, and nothing else than text", to: "text")
    let source = "a-images-idx3-ubyte"
    let cases: [([String], Int32, String)] = [
      (["inspect", "none"], 66, "no kind of data set"), (["inspect", "glyhps"], 66, "did you mean 'glyphs'"),
      (["inspect", "none/x"], 66, "no such file"), (["inspect", "none.yaml"], 66, "no such recipe"),
      (["inspect", "text"], 65, "is plain text: 'text, and nothing else than text'; expected pictures"),
      (["inspect", "a-labels-idx1-ubyte"], 65, "holds labels"),
      (["inspect", source, "--set", "lables=x"], 65, "did you mean 'labels'"), (["inspect", source, "-o", "x.bmp"], 64, ".bmp"),
      (["inspect", source, "-o", "nowhere/x.png"], 74, "there is no folder nowhere"), (["inspect"], 64, "source"),
      (["export", source], 64, "--output"), (["export", source, "-o", "x.zip"], 64, "expected NAME.npz"),
      (["export", source, "-o", "x.npz", "--size", "0"], 64, "1 to 4096"),
      (["export", source, "-o", "x.npz", "--count", "0"], 64, "1 or more"),
      (["export", source, "-o", "nowhere/x"], 74, "there is no folder nowhere"),
    ]
    for (arguments, status, words) in cases {
      let run = try Program.run(["data"] + arguments, in: shop.path)
      #expect(run.status == status, "\(arguments): \(run.errors)")
      #expect(run.errors.lowercased().contains("error: ") && run.errors.contains(words), "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty && !shop.exists("x.npz") && !shop.exists("x"))
    }
  }

  @Test func aFullDiskLeavesTheEarlierFileAndNothingElse() throws {
    try shop.write("earlier", to: "x.npz")
    let arguments = ["data", "export", "glyphs", "--set", "count=40", "-o", "x.npz", "--quiet"]
    let run = try Program.run(arguments, fileLimit: 8192, in: shop.path)
    #expect(run.status == 74, "\(run.errors)")
    #expect(try shop.text("x.npz") == "earlier")
    #expect(try FileManager.default.contentsOfDirectory(atPath: shop.path).filter { $0.hasSuffix(".part") }.isEmpty)
  }
}

@Suite("sfumato data corruptions") struct CorruptionsCommandTests {
  @Test func writesARowForEachCorruptionAndAColumnForEachStrength() throws {
    let shop = try Workshop()
    try shop.write([UInt8](UpscaleCommandTests.picture), to: "a.png")
    func size(_ name: String) throws -> [Int] {
      let header = [UInt8](try shop.contents(name).prefix(24))
      return [16, 20].map { at in header[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) } }
    }
    let all = try shop.run("data", "corruptions", "a.png", "-o", "all.png")
    #expect(all.status == 0 && all.output == "all.png\n", "\(all.errors)")
    try shop.write("corruptions: { fixed: [grey, { type: jpeg }] }\n", to: "two.yaml")
    let two = try shop.run("data", "corruptions", "a.png", "two.yaml", "-o", "two.png")
    #expect(two.status == 0, "\(two.errors)")
    // Nine rows and two rows of 3 pixels each, with 4 between and around them.
    #expect(try size("all.png")[1] - size("two.png")[1] == 7 * 7)
    try shop.write("corruptions: { fixed: [grey, { type: jpeg }], reduction: {} }\n", to: "three.yaml")
    let three = try shop.run("data", "corruptions", "a.png", "three.yaml", "-o", "three.png")
    #expect(three.status == 0, "\(three.errors)")
    #expect(try size("three.png")[1] - size("two.png")[1] == 7)
    for (arguments, status) in [
      (["none.png", "-o", "x.png"], 66), (["two.yaml", "-o", "x.png"], 65), (["a.png", "none.yaml", "-o", "x.png"], 66),
      (["a.png", "tiny.yaml", "-o", "x.png"], 65), (["a.png", "-o", "x.bmp"], 64), (["a.png", "-o", "x.png", "--size", "2"], 64),
    ] as [([String], Int32)] {
      let run = try Program.run(["data", "corruptions"] + arguments, in: shop.path)
      #expect(run.status == status && run.output.isEmpty && !shop.exists("x.png"), "\(arguments): \(run.errors)")
    }
  }

  /// The parent folder of such a name is none.
  @Test func namesOfOneCharacterArePathsToo() throws {
    let shop = try Workshop()
    try shop.train()
    for (words, status) in [
      (["data", "export", "glyphs", "--set", "count=3", "-o", "d"], 0), (["convert", "run", "q", "--to", "diffusers"], 0),
      (["sample", "run", "--count", "1", "--images", "e", "-o", "x.png"], 0), (["sample", "run", "--count", "1", "--npz", "z"], 0),
      (["inspect", "q"], 0), (["inspect", "u"], 66), (["train", "t"], 66), (["data", "inspect", "d"], 0),
      (["train", "tiny.yaml", "--run", "r"], 0),
      (["resume", "r"], 0), (["sample", "r", "--count", "1", "-o", "y.png"], 0),
    ] as [([String], Int32)] {
      let run = try Program.run(words, in: shop.path)
      #expect(run.status == status, "\(words): \(run.errors)")
    }
  }

  @Test func exportRemovesWhatAKilledOneLeft() throws {
    let shop = try Workshop(), files = FileManager.default
    let killed = ".out.\(UUID().uuidString).part", live = ".out.\(UUID().uuidString).part"
    for name in [killed, live, ".out.kept.part", ".other.\(UUID().uuidString).part"] {
      try files.createDirectory(atPath: "\(shop.path)/\(name)/0", withIntermediateDirectories: true)
    }
    // As another export does while it works.
    let descriptor = open("\(shop.path)/\(live)", O_RDONLY)
    defer { close(descriptor) }
    #expect(flock(descriptor, LOCK_EX) == 0)
    #expect(try shop.run("data", "export", "glyphs", "--set", "count=3", "-o", "out").status == 0)
    #expect(!shop.exists(killed) && shop.exists(live) && shop.exists(".out.kept.part") && shop.exists("out"))
    #expect(try files.contentsOfDirectory(atPath: shop.path).filter { $0.hasPrefix(".other.") }.count == 1)
  }

  @Test func exportToADeviceReplacesNothing() throws {
    let shop = try Workshop()
    for name in ["n-images-idx3-ubyte", "n.npz"] {
      try FileManager.default.createSymbolicLink(atPath: "\(shop.path)/\(name)", withDestinationPath: "/dev/null")
      let run = try shop.run("data", "export", "glyphs", "--set", "count=3", "-o", name)
      #expect(run.status == 0, "\(run.errors)")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(shop.path)/\(name)") == "/dev/null")
    }
  }
}
