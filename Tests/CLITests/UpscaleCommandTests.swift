import Archives
import Foundation
import Testing

@Suite("sfumato upscale") struct UpscaleCommandTests {
  let shop: Workshop
  /// A checkpoint in Real-ESRGAN's format, scale 4.
  static let model = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/reference/upscaler/rrdbnet_x4.pth").path
  /// 5 x 3 colour pixels.
  static let picture = Data(
    base64Encoded: "iVBORw0KGgoAAAANSUhEUgAAAAUAAAADCAIAAADUVFKvAAAAO0lEQVR42gEwAM//AEQggjz95vHCazD5DsfdAQDkiHU0og8LDQTD"
      + "btgOceAA/XewdnDrlAvVM1+XParYGqQWm/Jb8A4AAAAASUVORK5CYII=")!

  init() throws {
    shop = try Workshop()
    try shop.write([UInt8](Self.picture), to: "a.png")
  }

  private func size(_ name: String) throws -> [Int] {
    let header = [UInt8](try shop.contents(name).prefix(24))
    return [16, 20].map { at in header[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) } }
  }

  @Test func printsTheFilesThatItWrote() throws {
    let run = try shop.run("upscale", Self.model, "a.png", "-o", "large.png")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output == "large.png\n")
    #expect(run.errors.contains("upscaling: 100%") && run.errors.contains("1 picture enlarged by 4 in "))
    #expect(try size("large.png") == [20, 12])
    let tiled = try shop.run(
      "upscale", Self.model, "a.png", "-o", "tiled.png", "--tile", "16", "--overlap", "4", "--precision", "bfloat16", "--json", "--quiet")
    let json = try tiled.json()
    #expect(json["files"] as? [String] == ["tiled.png"] && json["scale"] as? Int == 4 && json["tile"] as? Int == 16)
    #expect((json["failures"] as? [Any])?.isEmpty == true && json["left_out"] as? Int == 0 && json["seconds"] is Double)
    #expect(tiled.errors.isEmpty)
  }

  @Test func anUnreadablePictureIs65AndTheOthersAreUpscaled() throws {
    try FileManager.default.createDirectory(atPath: "\(shop.path)/in", withIntermediateDirectories: true)
    try shop.write([UInt8](Self.picture), to: "in/z.png")
    try shop.write("nothing", to: "in/b.png")
    try shop.write("notes", to: "in/c.txt")
    let run = try shop.run("upscale", Self.model, "in", "a.png", "-o", "out")
    #expect(run.status == 65)
    #expect(run.output == "out/z.png\nout/a.png\n")
    #expect(run.errors.contains("error: in/b.png: is plain text: 'nothing'") && run.errors.contains("; 1 failed; 1 left out"))
    #expect(try size("out/z.png") == [20, 12] && !shop.exists("out/b.png"))
    let json = try shop.run("upscale", Self.model, "in", "-o", "again", "--json", "--quiet")
    #expect(json.status == 65)
    #expect((try json.json()["failures"] as? [[String: String]])?.first?["file"] == "in/b.png")
  }

  @Test func samplesAreUpscaled() throws {
    try shop.train()
    let words = ["--count", "4", "--columns", "2", "--npz", "x.npz", "--upscale"]
    let run = try Program.run(["sample", "run", "-o", "x.png"] + words + [Self.model], in: shop.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.contains("upscaling: 100%"))
    // Four images of 8 x 8 become 32 x 32, with a border of 2 around each.
    #expect(try size("x.png") == [2 + 2 * 34, 2 + 2 * 34])
    let entry = try ArchiveReader(path: "\(shop.path)/x.npz").next()
    #expect(entry?.size == 128 + 4 * 32 * 32)
    let missing = try Program.run(["sample", "run", "-o", "y.png"] + words + ["none.pth"], in: shop.path)
    #expect(missing.status == 66 && !missing.errors.contains("sampling"))
  }

  @Test func refusesABadRequestBeforeItStarts() throws {
    try shop.write("no model", to: "text.pth")
    let cases: [([String], Int32, String)] = [
      ([Self.model, "a.png"], 64, "--output"), ([Self.model, "-o", "x.png"], 64, "picture|folder"),
      ([Self.model, "a.png", "-o", "x.bmp"], 64, ".bmp"), ([Self.model, "a.png", "-o", "a.png"], 64, "would be overwritten"),
      ([Self.model, "a.png", "-o", "x.png", "--tile", "4"], 64, "tile must be 16"),
      ([Self.model, "a.png", "-o", "x.png", "--overlap=-2"], 64, "overlap must be 0"),
      ([Self.model, "a.png", "-o", "x.png", "--device", "tpu"], 64, "unknown device"),
      ([Self.model, "none.png", "-o", "x.png"], 66, "no picture or folder 'none.png'"),
      (["none.pth", "a.png", "-o", "x.png"], 66, "no model 'none.pth'"), (["text.pth", "a.png", "-o", "x.png"], 65, "text.pth"),
      ([Self.model, "a.png", "-o", "nowhere/x.png"], 74, "there is no folder nowhere"),
    ]
    for (arguments, status, words) in cases {
      let run = try Program.run(["upscale"] + arguments, in: shop.path)
      #expect(run.status == status, "\(arguments): \(run.errors)")
      #expect(run.errors.lowercased().contains("error: ") && run.errors.contains(words), "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty && !shop.exists("x.png"))
    }
  }
}
