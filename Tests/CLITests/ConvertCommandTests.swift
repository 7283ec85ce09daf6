import Foundation
import Testing

@Suite("sfumato convert") struct ConvertCommandTests {
  let shop: Workshop
  init() throws { shop = try Workshop() }

  private static let checkpoint = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/reference/unets/b_adm.weights.safetensors").path

  private func writeRecipe(channels: Int = 32) throws {
    try shop.write(
      """
      data: { channels: 3, height: 16, width: 16 }
      network:
        { model_channels: \(channels), channel_mult: [1, 1], num_res_blocks: 1, attention_resolutions: [8], num_head_channels: 16 }
      process: { parameterization: epsilon, variance: learned_range }
      """, to: "mine.yaml")
  }

  @Test func aConvertedCheckpointIsInspectedSampledAndConvertedBack() throws {
    try writeRecipe()
    let run = try shop.run("convert", Self.checkpoint, "mine.safetensors", "--recipe", "mine.yaml")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output == "mine.safetensors\n")
    #expect(run.errors.contains(" tensors, "))
    #expect(try shop.run("inspect", "mine.safetensors").output.contains("converted  from b_adm.weights.safetensors"))
    let sampled = try shop.run("sample", "mine.safetensors", "--count", "1", "--steps", "2", "-o", "x.png", "--quiet")
    #expect(sampled.status == 0, "\(sampled.errors)")
    let back = try shop.run("convert", "mine.safetensors", "back.safetensors", "--to", "pytorch", "--json")
    #expect(back.status == 0)
    #expect(try back.json()["output"] as? String == "back.safetensors" && back.json()["tensors"] is Int)
    #expect(try shop.run("inspect", "back.safetensors").output.contains("without a recipe"))
  }

  @Test func theListNamesEveryPresetAndItsFile() throws {
    let run = try shop.run("convert", "--list-presets")
    #expect(run.status == 0)
    for word in ["adm-imagenet64 ", "64x64_diffusion.pt", "iddpm-cifar10", "nice-emnist-letters", "none was tested against its file"] {
      #expect(run.output.contains(word), "\(word)")
    }
    let json = try shop.run("convert", "--list-presets", "--json")
    let list = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
    #expect(list.count == run.output.split(separator: "\n").count - 1)
  }

  @Test func problemsHaveAdviceAndTheirExitCodes() throws {
    try writeRecipe(channels: 64)
    let cases: [([String], Int32, String)] = [
      ([], 64, "<in>"), (["a.pt"], 64, "<out>"), (["a.pt", "b.safetensors"], 66, "there is no model 'a.pt'"),
      (["tiny.yaml", "b.pt"], 64, "ends in .safetensors"), (["tiny.yaml", "b.safetensors", "--to", "keras"], 64, "--to"),
      (["tiny.yaml", "b.safetensors"], 65, "tiny.yaml"),
      ([Self.checkpoint, "b.safetensors"], 64, "--list-presets"),
      ([Self.checkpoint, "b.safetensors", "--preset", "adm-imagenet65"], 64, "did you mean 'adm-imagenet64'?"),
      (
        [Self.checkpoint, "b.safetensors", "--recipe", "mine.yaml"], 65, "the checkpoint has network.model_channels: 32; mine.yaml says 64"
      ),
      ([Self.checkpoint, "b.safetensors", "--recipe", "none.yaml"], 66, "no such recipe"),
    ]
    for (arguments, status, words) in cases {
      let run = try Program.run(["convert"] + arguments, in: shop.path)
      #expect(run.status == status, "\(arguments): \(run.errors)")
      #expect(run.errors.contains(words), "\(arguments): \(run.errors)")
      #expect(run.output.isEmpty)
    }
    #expect(!shop.exists("b.safetensors"))
  }
}
