import Foundation
import Testing

@Suite("sfumato inspect") struct InspectCommandTests {
  @Test func describesAPyTorchFile() throws {
    let shop = try Workshop()
    let run = try shop.run("inspect", UpscaleCommandTests.model)
    #expect(run.status == 0 && run.errors.isEmpty)
    for words in ["an upscaler", "rrdbnet, scale 4, 3 channels", "params_ema", "and ", "more; --tensors shows all"] {
      #expect(run.output.contains(words), "\(words): \(run.output)")
    }
    let json = try shop.run("inspect", UpscaleCommandTests.model, "--json").json()
    #expect(json["kind"] as? String == "upscaler" && json["format"] as? String == "pytorch" && json["member"] as? String == "params_ema")
    #expect((json["upscaler"] as? [String: Any])?["scale"] as? Int == 4)
    #expect((json["tensors"] as? [Any])?.isEmpty == false && json["parameters"] is Int)
  }

  @Test func describesAModelAndRefusesOtherFiles() throws {
    let shop = try Workshop()
    try shop.train()
    let run = try shop.run("inspect", "run", "--tensors")
    #expect(run.status == 0 && run.output.contains("a model of Sfumato") && run.output.contains("adm_unet"))
    try shop.write("text", to: "text.pth")
    for (arguments, status) in [
      (["text.pth"], 65), (["none.pth"], 66), ([UpscaleCommandTests.model, "--member", "params"], 65), ([], 64),
    ] as [([String], Int32)] {
      let refused = try Program.run(["inspect"] + arguments, in: shop.path)
      #expect(refused.status == status && refused.output.isEmpty && refused.errors.lowercased().contains("error: "), "\(refused.errors)")
    }
  }

  /// By its contents, or because it is named like one.
  @Test func aPictureIsDescribedWhateverItsName() throws {
    let shop = try Workshop()
    let picture = Array("P5 3 2 255\n".utf8) + [0, 1, 2, 3, 4, 5]
    for name in ["a.pgm", "scan", "scan.dat"] {
      try shop.write(picture, to: name)
      let run = try shop.run("inspect", name)
      #expect(run.status == 0 && run.output == "\(name): a picture of 3 x 2 pixels, grey\n", "\(run.output) \(run.errors)")
    }
    try shop.write("<html></html>", to: "page.tif")
    let refused = try shop.run("inspect", "page.tif")
    #expect(refused.status == 65 && refused.errors.contains("is a web page (HTML); expected a picture"), "\(refused.errors)")
  }

  /// A terminal would act on them.
  @Test func controlCharactersInNamesArePrintedAsText() throws {
    let shop = try Workshop(), name = "a\u{1B}[2J\u{202E}\u{9B}x"
    let header = try JSONSerialization.data(withJSONObject: [
      name: ["dtype": "F32", "shape": [2], "data_offsets": [0, 8]] as [String: Any]
    ])
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { [UInt8]($0) }
    try shop.write(length + [UInt8](header) + [UInt8](repeating: 0, count: 8), to: "m.safetensors")
    for flags in [[], ["--tensors"], ["--json"]] {
      let run = try Program.run(["inspect", "m.safetensors"] + flags, in: shop.path)
      let scalars = (run.output + run.errors).unicodeScalars
      #expect(scalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x9B && $0.value != 0x202E || $0 == "\n" }, "\(flags)")
    }
    let missing = try shop.run("inspect", "no\u{1B}]0;x\u{07}.pt")
    #expect(missing.errors.contains("no\\u001B]0;x\\u0007.pt"), "\(missing.errors)")
  }
}
