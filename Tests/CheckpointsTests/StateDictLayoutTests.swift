import Failures
import Tensors
import Testing

@testable import Checkpoints

@Suite("Networks in state dicts") struct StateDictLayoutTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func layout(_ names: [String], buffers: [String] = [], choosing prefix: String? = nil) throws -> StateDictLayout {
    try StateDictLayout(names.map { ($0, [4, 4]) } + buffers.map { ($0, [1000]) }, choosing: prefix)
  }

  private static let network = ["time_embed.0.weight", "out.2.bias"]

  @Test(arguments: [
    "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.", "net.", "ema_model.module.", "model.diffusion_model.",
    "diffusion_model.", "ema.", "online_model.model.", "_fsdp_wrapped_module.", "inner_model.",
  ]) func wrappersAreTakenOffInAnyNesting(prefix: String) throws {
    let found = try layout(Self.network.map { prefix + $0 })
    #expect(found.entries.map(\.name) == Self.network && found.entries.map(\.index) == [0, 1] && found.leftOut.isEmpty)
  }

  /// The attribute under which a program keeps its network may have any name.
  @Test(arguments: ["netG.", "eps_model.", "module.backbone.", "backbone.module.", "a.b."])
  func anyWordThatAllNamesBeginWithIsTakenOff(prefix: String) throws {
    let found = try layout(Self.network.map { prefix + $0 }, buffers: ["betas"])
    #expect(found.entries.map(\.name) == Self.network && found.leftOut == ["betas"] && found.prefixes.isEmpty)
  }

  @Test func aListOrASingleModuleKeepsItsWord() throws {
    for names in [["body.0.weight", "body.1.weight"], ["conv.weight", "conv.bias"], ["a.b.weight"]] {
      #expect(try layout(names).entries.map(\.name) == names)
    }
  }

  @Test func buffersOfAScheduleBesideTheNetworkAreLeftOut() throws {
    let buffers = ["betas", "alphas_cumprod", "sqrt_recip_alphas_cumprod", "posterior_mean_coef1", "loss_weight", "model.betas"]
    let found = try layout(Self.network.map { "model.\($0)" }, buffers: buffers)
    #expect(found.entries.map(\.name) == Self.network && found.leftOut == buffers)
    #expect(try layout(Self.network, buffers: ["betas"]).entries.map(\.name) == Self.network)
  }

  @Test func ofTwoNetworksTheAverageIsTakenAndEitherCanBeChosen() throws {
    let names = ["online_model.model.", "ema_model.model."].flatMap { prefix in Self.network.map { prefix + $0 } }
    let found = try layout(names, buffers: ["initted", "step"])
    #expect(found.prefix == "ema_model.model" && found.entries.map(\.index) == [2, 3] && found.entries.map(\.name) == Self.network)
    #expect(found.prefixes == ["online_model.model", "ema_model.model"] && found.leftOut == ["initted", "step"])
    for prefix in ["online_model", "online_model.model"] { #expect(try layout(names, choosing: prefix).entries.map(\.index) == [0, 1]) }
    #expect(throws: StateDictLayout.Ambiguity(prefixes: found.prefixes)) { try layout(names, choosing: "teacher") }
  }

  /// Though only some names have the word.
  @Test func aWordOfTheNetworksOwnBehindTheWrapperStays() throws {
    let own = ["net.conv.weight", "time.weight"]
    #expect(try layout(own.map { "model." + $0 }).entries.map(\.name) == own)
    let found = try layout(["online_model.", "ema_model."].flatMap { prefix in own.map { prefix + $0 } })
    #expect(found.prefix == "ema_model" && found.entries.map(\.name) == own)
  }

  @Test func severalNetworksWithoutAnAverageAreListed() {
    let names = ["model.", "net."].flatMap { prefix in Self.network.map { prefix + $0 } }
    #expect(throws: StateDictLayout.Ambiguity(prefixes: ["model", "net"])) { try layout(names) }
    // An average of something else is not that of the network.
    #expect(throws: StateDictLayout.Ambiguity(prefixes: ["model", "ema"])) { try layout(["model.a", "model.b", "ema.c"]) }
  }

  @Test func wordsThatAreTheNetworksOwnStay() throws {
    for names in [
      ["model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight"], ["model.embed.weight", "head.weight"], ["net.conv.weight", "out.weight"],
    ] {
      #expect(try layout(names).entries.map(\.name) == names)
      #expect(
        try layout(names.map { "module." + $0 }).entries.map(\.name) == names || names[1] == "out.weight" || names[1] == "head.weight")
    }
  }

  @Test func modulesThatATrainerKeepsBesideTheNetworkAreLeftOut() throws {
    let others = ["loss.vgg.0.weight", "first_stage_model.encoder.weight"]
    let found = try layout(others + Self.network.map { "model.diffusion_model.\($0)" })
    #expect(found.entries.map(\.name) == Self.network && found.leftOut == others)
  }

  // MARK: Files

  private func safetensors(_ names: [String]) throws -> String {
    let path = "\(folder.path)/a.safetensors"
    try Safetensors.write(StateDict(names.enumerated().map { ($1, Tensor([Float($0)])) }), to: path)
    return path
  }

  @Test func aFileGivesTheNetworkAndNamesWhatItTook() throws {
    let path = try safetensors(["model.w", "model.v", "ema_model.w", "ema_model.v"])
    let file = try TensorFile(path)
    #expect(file.member == "ema_model" && file.members == ["model", "ema_model"] && file.state.names == ["w", "v"])
    #expect(try file.state["w"]!.item() == 2)
    #expect(try TensorFile(path, member: "model").state["v"]!.item() == 1)
    let error = #expect(throws: SfumatoError.self) { try TensorFile(path, member: "student") }
    #expect(error?.failure == .usage && error?.description.contains("there are model, ema_model") == true)
  }

  @Test func aMemberOfAFileAndANetworkInItAreNamedTogether() throws {
    let p = PickleBytes.self
    func vector(_ key: String) -> [UInt8] { p.vector(key, count: 1) }
    let ema = p.dictionary([("initted", vector("0")), ("online_model.w", vector("1")), ("ema_model.w", vector("2"))])
    let value = p.dictionary([("step", p.integer(8)), ("model", p.dictionary([("model.w", vector("3"))])), ("ema", ema)])
    let path = try folder.file(
      "a.pt", torchFile(.zip, value, (0..<4).map { ("\($0)", TorchBytes.floats([Float($0)])) }))
    let file = try TensorFile(path)
    #expect(try file.state.names == ["w"] && file.state["w"]!.item() == 2)
    #expect(file.member == "ema/ema_model" && file.members == ["model", "ema/online_model", "ema/ema_model"])
    for (member, value) in [("ema/online_model", 1.0), ("online_model", 1), ("model", 3), ("ema", 2)] {
      #expect(try TensorFile(path, member: member).state["w"]!.item() == value, "\(member)")
    }
    #expect(throws: CheckpointError.self) { try TensorFile(path, member: "teacher") }
  }
}
