import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Workflows

@Suite("Using diffusers folders") struct DiffusersSamplingTests {
  /// With the same seed, the samples equal those of diffusers' own loop.
  @Test func samplesTheImagesOfTheirPipeline() throws {
    let io = try DiffusersFixture.io()
    let classes = try #require(io["sampling/y"]).ints().map(String.init)
    let manifest = try JSONSerialization.jsonObject(
      with: Data(contentsOf: DiffusersFixture.set.appendingPathComponent("ddpm_class_conditional.io.json")))
    let sampling = try #require((manifest as? [String: Any])?["sampling"] as? [String: Any])
    var request = SamplingRequest(model: DiffusersFixture.folder)
    (request.count, request.batchSize, request.noiseOrder) = (2, 2, .batch)
    request.seed = UInt64(try #require(sampling["seed"] as? Int))
    request.classes = .only(classes)
    request.settings = ["sampling.steps=\(try #require(sampling["steps"] as? Int))"]
    let job = try SamplingJob(request)
    _ = try job.finish()
    let x = try #require(job.x), final = try #require(io["sampling/final"])
    // Regenerated normals differ from the recorded ones in the last bits.
    #expect(try (x - final).abs().max().item() < 2e-4)
  }

  @Test func inspectsAFolder() throws {
    let inspection = try Inspection(of: DiffusersFixture.folder)
    #expect(inspection.kind == .diffusersFolder && inspection.parameters == 42971)
    #expect(inspection.network?.type == "unet2d_model" && inspection.network?.image == [3, 8, 8])
  }

  @Test func inspectsPyTorchWeights() throws {
    let scratch = try ScratchFolder(), path = try DiffusersFixture.copy(into: scratch), name = "diffusion_pytorch_model.fp16.bin"
    try FileManager.default.removeItem(atPath: "\(path)/unet/diffusion_pytorch_model.safetensors")
    let halves = Fixture.folder.appendingPathComponent("networks/ddpm_class_conditional.fp16.bin").path
    try FileManager.default.copyItem(atPath: halves, toPath: "\(path)/unet/\(name)")
    let inspection = try Inspection(of: path)
    #expect(inspection.kind == .diffusersFolder && inspection.format == .pytorch && inspection.parameters == 42971)
    #expect(inspection.weights == "\(path)/unet/\(name)" && inspection.dtypes == ["float16": inspection.tensors.count])
    #expect(inspection.network?.type == "unet2d_model")
    #expect(try SamplingJob(request(1) { ($0.model, $0.settings) = (path, ["sampling.steps=2"]) }).finish().count == 1)
  }
}
