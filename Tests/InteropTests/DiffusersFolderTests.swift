import Checkpoints
import Diffusion
import Failures
import Foundation
import Interop
import Models
import NN
import Networks
import RecipeKit
import Tensors
import TestSupport
import Testing

@Suite("diffusers folders") struct DiffusersFolderTests {
  let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  // MARK: Reading

  @Test func areReadWithAllOptionsOfTheirConfigs() throws {
    let recipe = try DiffusersFolder(DiffusersFixture.folder).recipe
    #expect(recipe.network.type == "unet2d_model")
    #expect(recipe.data.channels == 3 && recipe.data.height == 8 && recipe.data.width == 8)
    #expect(recipe.data.classNames == ["0", "1", "2", "3", "4"] && recipe.data.nullClass == nil)
    #expect(recipe.process.tables == .float32 && recipe.process.parameterization == .v && recipe.process.variance == .fixedSmall)
    #expect(recipe.sampler.type == "ddpm" && recipe.sampling.steps == 1000 && recipe.sampling.spacing == .leading && recipe.sampling.clip)
    #expect(recipe.sampling.useClippedModelOutput == false)
    // The recipe can be kept in a file of ours.
    #expect(try ModelRecipe(yaml: recipe.yaml()).yaml() == recipe.yaml())
  }

  @Test(arguments: [
    ("DDIMScheduler", #""set_alpha_to_one": false, "steps_offset": 1"#, "ddim", 50, "leading+1", FinalLevel.sigmaMin),
    ("DDIMScheduler", #""clip_sample": false, "timestep_spacing": "trailing""#, "ddim", 50, "trailing", .clean),
    ("DPMSolverMultistepScheduler", #""timestep_spacing": "trailing""#, "dpmpp_2m", 50, "trailing", .clean),
    ("PNDMScheduler", #""skip_prk_steps": true"#, "pndm", 50, "leading", .sigmaMin),
    ("DDPMScheduler", #""num_train_timesteps": 20, "timestep_spacing": "linspace""#, "ddpm", 20, "linspace", .clean),
  ])
  func sampleByTheirSchedulers(
    kind: String, options: String, sampler: String, steps: Int, spacing: String, final: FinalLevel
  ) throws {
    let path = try DiffusersFixture.copy(into: scratch)
    _ = try scratch.write("{\"_class_name\": \"\(kind)\", \(options)}", to: "pipeline/scheduler/scheduler_config.json")
    let recipe = try DiffusersFolder(path).recipe
    #expect(recipe.sampler.type == sampler && recipe.sampling.steps == steps)
    #expect(recipe.sampling.spacing.description == spacing && recipe.sampling.final == final)
    #expect(recipe.sampling.clip == (kind.hasPrefix("DD") && !options.contains("clip_sample")))
  }

  /// diffusers' solvers leave out the cleanest of one step more, which no spacing of ours does by its name.
  @Test func visitTimestepsThatNoSpacingDescribes() throws {
    let path = try DiffusersFixture.copy(into: scratch)
    _ = try scratch.write(#"{"_class_name": "UniPCMultistepScheduler"}"#, to: "pipeline/scheduler/scheduler_config.json")
    let recipe = try DiffusersFolder(path).recipe
    let scheduler = try DiffusersScheduler(json: #"{"_class_name": "UniPCMultistepScheduler"}"#)
    let wanted = try scheduler.levels(steps: 50, in: scheduler.process.makeDiffusion().process)
    #expect(recipe.sampling.spacing == .at(wanted.dropLast().map { Int($0.timestep) }))
    #expect(try recipe.sampling.levels(of: recipe.process.makeDiffusion().process).count == wanted.count)
  }

  /// As the first pipelines that were published: all files in one folder, attention's old names.
  @Test func inTheFirstLayoutAreTheSameModel() throws {
    let path = try DiffusersFixture.copy(into: scratch), files = FileManager.default
    for file in ["unet/config.json", "unet/diffusion_pytorch_model.safetensors", "scheduler/scheduler_config.json"] {
      try files.moveItem(atPath: "\(path)/\(file)", toPath: "\(path)/\((file as NSString).lastPathComponent)")
    }
    for part in ["unet", "scheduler"] { try files.removeItem(atPath: "\(path)/\(part)") }
    let weights = "\(path)/diffusion_pytorch_model.safetensors", state = try Safetensors.read(weights).state
    let old = ["to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"]
    let renamed = StateDict(
      state.entries.map { name, tensor in
        (old.reduce(name) { $0.replacingOccurrences(of: ".\($1.key).", with: ".\($1.value).") }, tensor.clone())
      })
    #expect(renamed.names != state.names)
    try files.removeItem(atPath: weights)
    try Safetensors.write(renamed, to: weights)
    let model = try Model(DiffusersFolder(path)), same = try Model(DiffusersFolder(DiffusersFixture.folder))
    for (a, b) in zip(model.network.stateDict().entries, same.network.stateDict().entries) {
      #expect(try a.name == b.name && a.tensor.floats() == b.tensor.floats())
    }
  }

  @Test func whoseConfigContradictsTheWeightsAreRefusedWithTheOption() throws {
    let path = try DiffusersFixture.copy(into: scratch), config = try String(contentsOfFile: "\(path)/unet/config.json", encoding: .utf8)
    let changed = config.replacing("\"layers_per_block\": 1", with: "\"layers_per_block\": 2")
    _ = try scratch.write(changed, to: "pipeline/unet/config.json")
    let error = try #require(refusal { try Model(DiffusersFolder(path)) })
    #expect(error.description.hasPrefix("checkpoint \(path)/unet/diffusion_pytorch_model.safetensors does not fit"))
    #expect(error.description.hasSuffix("the checkpoint has network.layers_per_block: 1; its config.json says 2"), "\(error)")
  }

  // MARK: Weights in other files

  /// `torch.save` of the fixture's weights in half precision, as `variant="fp16", safe_serialization=False` writes them.
  static let halves = Fixture.folder.appendingPathComponent("networks/ddpm_class_conditional.fp16.bin").path

  /// A pipeline whose only weights are `halves`, under this name.
  private func pipeline(withHalvesAs name: String) throws -> String {
    let path = try DiffusersFixture.copy(into: scratch), files = FileManager.default
    try files.removeItem(atPath: "\(path)/unet/diffusion_pytorch_model.safetensors")
    try files.copyItem(atPath: Self.halves, toPath: "\(path)/unet/\(name)")
    return path
  }

  @Test(arguments: ["diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.bin"])
  func withPyTorchWeightsAreReadAndHalfPrecisionIsWidened(name: String) throws {
    let path = try pipeline(withHalvesAs: name)
    let model = try Model(DiffusersFolder(path)), original = try Model(DiffusersFolder(DiffusersFixture.folder))
    for (a, b) in zip(model.network.stateDict().entries, original.network.stateDict().entries) {
      #expect(try a.tensor.dtype == .float32 && a.tensor.floats() == b.tensor.to(.float16).to(.float32).floats(), "\(a.name)")
    }
  }

  @Test func weightsAreChosenByPrecisionFirstAndFormatSecond() throws {
    let path = try pipeline(withHalvesAs: "diffusion_pytorch_model.fp16.bin"), unet = "\(path)/unet/diffusion_pytorch_model"
    let state = try Safetensors.read("\(DiffusersFixture.folder)/unet/diffusion_pytorch_model.safetensors").state
    for name in [".fp16.safetensors", ".bin", ".safetensors"] {
      try Safetensors.write(StateDict(state.entries.map { ($0.name, $0.tensor.to(.float16)) }), to: unet + name)
      #expect(try DiffusersFolder(path).weights == unet + name)
    }
  }

  @Test(arguments: [
    (["diffusion_pytorch_model.fp16.bin", "diffusion_pytorch_model.non_ema.bin"], "several variants"),
    (["diffusion_pytorch_model.bin.index.json"], "is not a JSON object"),
    (["diffusion_pytorch_model.fp16.bin", "diffusion_pytorch_model.bin.index.fp16.json"], "several variants"),
    (["diffusion_pytorch_model.fp16-00001-of-00002.safetensors"], "is one of several files"),
    (["diffusion_pytorch_model_ema.bin"], "is missing"),
  ]) func whoseWeightsAreAmbiguousOrDamagedAreRefused(files: [String], words: String) throws {
    let path = try pipeline(withHalvesAs: files[0])
    for file in files.dropFirst() { _ = try scratch.write("x", to: "pipeline/unet/\(file)") }
    let error = try #require(throws: CheckpointError.self) { try Model(DiffusersFolder(path)) }
    #expect(error.description.contains(words), "\(error)")
  }

  // MARK: Folders that are not as they should be

  @Test(arguments: ["unet/config.json", "unet/diffusion_pytorch_model.safetensors", "scheduler/scheduler_config.json"])
  func withoutAFileAreRefusedByItsName(file: String) throws {
    let path = try DiffusersFixture.copy(into: scratch)
    try FileManager.default.removeItem(atPath: "\(path)/\(file)")
    let error = try #require(throws: CheckpointError.self) { try Model(DiffusersFolder(path)) }
    #expect(error.problem == .missing && error.path == "\(path)/\(file)")
  }

  @Test(arguments: [
    ("unet/config.json", "\"AttnDownBlock2D\"", "\"CrossAttnDownBlock2D\"", "down_block_types"),
    ("unet/config.json", "\"sample_size\": 8", "\"sample_size\": 2000000000", "sample_size"),
    ("unet/config.json", "\"layers_per_block\": 1", "\"layers_per_block\": 1000000000", "layers_per_block"),
    ("unet/config.json", "\"num_class_embeds\": 5", "\"num_class_embeds\": 999999", "num_class_embeds"),
    ("unet/config.json", "\"in_channels\": 3", "\"in_channels\": 300", "channels"),
    ("unet/config.json", "\"act_fn\"", "\"../../act_fn\"", "../../act_fn"),
    ("scheduler/scheduler_config.json", "DDPMScheduler", "ScoreSdeVeScheduler", "ScoreSdeVeScheduler"),
    ("scheduler/scheduler_config.json", "1000", "999999999999", "num_train_timesteps"),
    ("model_index.json", "\"unet\"", "\"vqvae\": [\"diffusers\", \"VQModel\"], \"unet\"", "vqvae"),
  ])
  func withInvalidOptionsAreRefusedByTheOption(file: String, old: String, new: String, words: String) throws {
    let path = try DiffusersFixture.copy(into: scratch)
    let text = try String(contentsOfFile: "\(path)/\(file)", encoding: .utf8)
    #expect(text.contains(old))
    _ = try scratch.write(text.replacingOccurrences(of: old, with: new), to: "pipeline/\(file)")
    do {
      _ = try Model(DiffusersFolder(path))
      Issue.record("it was read")
    } catch {
      #expect("\(error)".contains(words) && "\(error)".contains(path), "\(error)")
      #expect(Failure(of: error) == .data)
    }
  }

  @Test(arguments: ["unet/config.json", "scheduler/scheduler_config.json", "model_index.json"])
  func withUnreadableConfigsAreRefusedByTheFile(file: String) throws {
    let path = try DiffusersFixture.copy(into: scratch)
    for text in ["", "[]", "{\"a\": ", String(repeating: "[", count: 100_000), String(repeating: " ", count: 1 << 21)] {
      _ = try scratch.write(text, to: "pipeline/\(file)")
      do {
        _ = try Model(DiffusersFolder(path))
        Issue.record("it was read")
      } catch { #expect("\(error)".hasPrefix("\(path)/\(file)"), "\(error)") }
    }
  }

  @Test func withOtherTensorsAreRefusedByTheirNames() throws {
    let path = try DiffusersFixture.copy(into: scratch), weights = "\(path)/unet/diffusion_pytorch_model.safetensors"
    let state = try Safetensors.read(weights).state
    let entries = state.entries.map { ($0.name, $0.tensor.clone()) }
    let spoilt: [(StateDict, String)] = [
      (StateDict(entries.dropFirst()), "\(entries[0].0): expected"), (StateDict(entries + [("extra", .ones([1]))]), "extra: not part"),
      (StateDict([(entries[0].0, .ones([7]))] + entries.dropFirst()), "found [7]"),
    ]
    for (state, words) in spoilt {
      try FileManager.default.removeItem(atPath: weights)
      try Safetensors.write(state, to: weights)
      #expect(refusal { try Model(DiffusersFolder(path)) }?.description.contains(words) == true)
    }
    _ = try scratch.write("no weights", to: "pipeline/unet/diffusion_pytorch_model.safetensors")
    let error = #expect(throws: CheckpointError.self) { try Model(DiffusersFolder(path)) }
    #expect(error?.message.hasPrefix("is plain text: 'no weights'") == true)
    try FileManager.default.moveItem(atPath: weights, toPath: "\(weights).index.json")
    #expect(throws: CheckpointError.self) { try Model(DiffusersFolder(path)) }
  }
}
