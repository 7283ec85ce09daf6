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
}
