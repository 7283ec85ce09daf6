import Checkpoints
import Diffusion
import Foundation
import Interop
import Models
import NN
import Networks
import RecipeKit
import Tensors
import TestSupport
import Testing

@Suite("Writing diffusers folders") struct DiffusersWritingTests {
  let scratch: ScratchFolder
  let path: String

  init() throws {
    scratch = try ScratchFolder()
    path = scratch.path + "/out"
  }

  private func options(_ file: String, in folder: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func json(_ value: Any) throws -> String {
    String(decoding: try JSONSerialization.data(withJSONObject: [value]), as: UTF8.self)
  }

  /// Names, shapes and numbers of every tensor, and every option of the network, as diffusers itself wrote them.
  @Test func writesWhatDiffusersWroteForTheSameModel() throws {
    let wanted = DiffusersFixture.folder
    try DiffusersFolder.write(Model(DiffusersFolder(wanted)), to: path)
    let file = "unet/diffusion_pytorch_model.safetensors"
    let ours = try Safetensors.read("\(path)/\(file)"), theirs = try Safetensors.read("\(wanted)/\(file)").state
    #expect(ours.metadata == ["format": "pt"] && Set(ours.state.names) == Set(theirs.names))
    for (name, tensor) in theirs.entries {
      let written = try #require(ours.state[name])
      #expect(try written.shape == tensor.shape && written.floats() == tensor.floats(), "\(name)")
    }
    let config = try options("unet/config.json", in: path)
    for (key, value) in try options("unet/config.json", in: wanted) where key != "_diffusers_version" {
      #expect(try json(#require(config[key], "\(key)")) == json(value), "\(key)")
    }
    let scheduler = try options("scheduler/scheduler_config.json", in: path)
    for (key, value) in try options("scheduler/scheduler_config.json", in: wanted)
    where !["_diffusers_version", "trained_betas", "beta_start", "beta_end"].contains(key) {
      #expect(try json(#require(scheduler[key], "\(key)")) == json(value), "\(key)")
    }
    let index = try options("model_index.json", in: path)
    for (key, value) in try options("model_index.json", in: wanted) where key != "_diffusers_version" {
      #expect(try json(#require(index[key], "\(key)")) == json(value), "\(key)")
    }
  }

  /// An ADM UNet becomes another network of the same outputs, so that it draws the same pictures.
  @Test(arguments: [
    [], ["process.schedule.type=linear", "process.parameterization=epsilon", "process.variance=fixed_large"],
    ["process.schedule.type=sigmoid", "process.schedule.steps=50", "sampling.spacing=leading"], ["process.variance=learned_range"],
    ["process.rescale_betas_zero_snr=true"], ["sampler.type=ddim", "sampling.clip=false"],
  ])
  func aModelReadAgainPredictsTheSame(set: [String]) throws {
    let model = try Tiny.legacy(set: set)
    try DiffusersFolder.write(model, to: path)
    let again = try Model(DiffusersFolder(path))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["out"])
    #expect(again.recipe.data.height == 8 && again.recipe.data.classNames.count == 11)
    #expect(again.recipe.process.parameterization == model.recipe.process.parameterization)
    let ours = try model.recipe.process.makeDiffusion().process, theirs = try again.recipe.process.makeDiffusion().process
    // Tables of float32, at the noisy end of a schedule by differences of its signal.
    #expect(ours.steps == theirs.steps && zip(ours.alphaBar, theirs.alphaBar).allSatisfy { abs($0 - $1) < 1e-5 })
    let x = Tensor.randn([2, 1, 8, 8], using: Generator(seed: 5)), t = Tensor([3, 40] as [Float])
    func answer(_ model: Model) -> Tensor {
      withoutGradient { model.network(x, timesteps: t, conditioning: Conditioning(labels: Tensor([1, 10])), mode: .inference) }
    }
    #expect(try (answer(again) - answer(model)).abs().max().item() < 1e-5)
    #expect(again.recipe.sampler.type == (set.contains("sampler.type=ddim") ? "ddim" : "ddpm"))
    #expect(again.recipe.sampling.clip == !set.contains("sampling.clip=false"))
  }

  @Test(arguments: [
    ("process.parameterization=velocity", "process.schedule"),
    ("network.normalization=dlas", "normalization"), ("process.parameterization=edm", "parameterization"),
    ("process.variance=learned", "variance"), ("process.rescale_timesteps=true", "rescale_timesteps"), ("data.height=9", "9 x 8"),
  ])
  func refusesAnOptionThatDiffusersCannotExpress(setting: String, words: String) throws {
    let more =
      setting.contains("rescale") ? ["process.schedule.steps=100"] : setting.contains("height") ? ["network.attention_resolutions=[5]"] : []
    let model = try Tiny.legacy(set: more + [setting])
    let error = refusal { try DiffusersFolder.write(model, to: path) }
    #expect(error?.failure == .data && error?.description.contains(words) == true, "\(String(describing: error))")
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func aModelOfRectifiedFlowIsWrittenAndReadAsOne() throws {
    let flow = [
      "process.schedule.type=rectified_flow", "process.schedule.shift=3", "process.parameterization=velocity", "sampler.type=euler",
    ]
    try DiffusersFolder.write(Tiny.legacy(set: flow), to: path)
    let scheduler = try options("scheduler/scheduler_config.json", in: path)
    #expect(scheduler["_class_name"] as? String == "FlowMatchEulerDiscreteScheduler" && scheduler["shift"] as? Double == 3)
    let again = try Model(DiffusersFolder(path)).recipe
    #expect(again.process.parameterization == .velocity && again.sampler.type == "euler" && again.sampling.spacing == .linspace)
    #expect((again.process.schedule.member as? RectifiedFlowSchedule)?.shift == 3 && !again.sampling.clip)
    let file = "\(path)/scheduler/scheduler_config.json"
    let other = try String(contentsOfFile: file, encoding: .utf8).replacing("1000", with: "500")
    try other.write(toFile: file, atomically: true, encoding: .utf8)
    #expect(refusal { try DiffusersFolder(path).recipe }?.description.contains("num_train_timesteps is 500; expected 1000") == true)
  }

  @Test func overwritesNothing() throws {
    let file = try scratch.write("mine", to: "out/precious")
    #expect(refusal { try DiffusersFolder.write(Tiny.legacy(), to: path) }?.failure == .io)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
    #expect(throws: (any Error).self) { try DiffusersFolder.write(Tiny.legacy(), to: "\(file)/out") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["out"])
  }

  @Test func leavesNothingBehindWhereNumbersAreNotFinite() throws {
    let model = try Tiny.legacy()
    let parameter = try #require(model.network.parameters().first)
    try parameter.assign(.full(.nan, parameter.shape))
    #expect(throws: CheckpointError.self) { try DiffusersFolder.write(model, to: path) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
  }

  /// Where Python has diffusers (`$SFUMATO_PYTHON`, else `python3`), it loads what was written and gives the same output; what it would
  /// find is checked against its own files by `givesWhatDiffusersWroteOfTheSameModel` everywhere.
  @Test func loadsInDiffusersWhereItIsInstalled() throws {
    let model = try Tiny.legacy()
    try DiffusersFolder.write(model, to: path)
    guard let difference = try DiffusersPython.difference(of: model, from: path, in: scratch) else {
      let config = "\(path)/unet/config.json"
      let unet = try UNet2DConfig(json: Data(contentsOf: URL(fileURLWithPath: config)), file: config)
      let state = try Safetensors.read("\(path)/unet/diffusion_pytorch_model.safetensors").state
      return try UNet2DModel(unet.recipe, using: .shapes).adopt(state, on: .cpu)
    }
    #expect(difference < 1e-5)
  }
}

/// diffusers itself.
private enum DiffusersPython {
  private static let script = """
    import sys
    try:
        import numpy, torch
        from diffusers import DDPMPipeline
    except ImportError:
        sys.exit(77)
    folder, out = sys.argv[1:]
    unet = DDPMPipeline.from_pretrained(folder).unet
    torch.manual_seed(7)
    x, t, y = torch.randn(2, 1, 8, 8), torch.tensor([3, 940]), torch.tensor([1, 10])
    with torch.no_grad():
        numpy.save(out + "/y.npy", unet(x, t, y).sample.numpy())
    numpy.save(out + "/x.npy", x.numpy())
    """

  /// The largest difference of its output; nil where there is no Python with it.
  static func difference(of model: Model, from folder: String, in scratch: ScratchFolder) throws -> Double? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let python = ProcessInfo.processInfo.environment["SFUMATO_PYTHON"] ?? "python3"
    process.arguments = [python, "-c", script, folder, scratch.path]
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    process.waitUntilExit()
    // 77: no diffusers there; 127: no Python.
    if [77, 127].contains(process.terminationStatus) { return nil }
    try #require(process.terminationStatus == 0, "diffusers refuses the folder")
    let x = try NPY.read("\(scratch.path)/x.npy"), theirs = try NPY.read("\(scratch.path)/y.npy")
    let ours = withoutGradient {
      model.network(x, timesteps: Tensor([3, 940] as [Float]), conditioning: Conditioning(labels: Tensor([1, 10])), mode: .inference)
    }
    let difference = try (ours - theirs).abs().max().item()
    print("diffusers folders: diffusers loads what was written; largest difference \(difference)")
    return difference
  }
}
