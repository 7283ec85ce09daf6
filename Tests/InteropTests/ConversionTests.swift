import Checkpoints
import Failures
import Foundation
@testable import Interop
import Models
import NN
import Networks
import RecipeKit
import Tensors
import TestSupport
import Testing

@Suite("Conversion") struct ConversionTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  static let adm = Fixture.reference("unets/b_adm.weights.safetensors")
  static let admRecipe = """
    data: { channels: 3, height: 16, width: 16 }
    network:
      { type: adm_unet, model_channels: 32, channel_mult: [1, 1], num_res_blocks: 1, attention_resolutions: [8], num_head_channels: 16 }
    process: { schedule: { type: linear, steps: 1000 }, parameterization: epsilon, variance: learned_range }

    """

  private func convert(
    _ input: String, recipe: String? = nil, _ change: (inout ConversionRequest) -> Void = { _ in }
  ) throws -> ConversionReport {
    var request = ConversionRequest(input: input, output: try folder.file("out.safetensors"))
    request.recipe = try recipe.map { try folder.write($0, to: "recipe.yaml") }
    change(&request)
    return try Conversion.run(request)
  }

  private var output: String { "\(folder.path)/out.safetensors" }

  private func expectSame(_ a: StateDict, _ b: StateDict) throws {
    #expect(Set(a.names) == Set(b.names))
    for (name, tensor) in a.entries { #expect(try tensor.floats() == b[name]?.floats(), "\(name)") }
  }

  // MARK: diffusers folders

  @Test func aModelBecomesADiffusersFolderAndAModelAgain() throws {
    let model = try Tiny.denoiser(), file = try folder.file("model.safetensors"),
      pipeline = "\(folder.path)/pipeline"
    try Tiny.write(model, to: file)
    let there = try convert(file) { ($0.output, $0.target) = (pipeline, .diffusers) }
    #expect(there.output == pipeline && there.kind == nil)
    let back = try convert(pipeline)
    #expect(back.kind == .denoiser && back.parameters == there.parameters)
    let again = try Model(file: output)
    #expect(again.recipe.network.type == "unet2d_model" && again.provenance.convertedFrom == "pipeline")
    let x = Tensor.randn([2, 1, 8, 8], using: Generator(seed: 5)), timesteps = Tensor([17, 803.5] as [Float])
    func answer(_ model: Model) -> Tensor {
      withoutGradient { model.network(x, timesteps: timesteps, conditioning: Conditioning(labels: Tensor([3, 10])), mode: .inference) }
    }
    #expect(try (answer(again) - answer(model)).abs().max().item() < 1e-5)
  }

  @Test func aFileWithARecipeTakesNoOther() throws {
    let file = try folder.file("model.safetensors")
    try Tiny.write(Tiny.denoiser(), to: file)
    let error = refusal { try convert(file) { ($0.output, $0.target, $0.preset) = ("\(folder.path)/p", .diffusers, "adm-imagenet64") } }
    #expect(error?.description.contains("make one of the checkpoint first") == true)
    let pipeline = refusal { try convert(DiffusersFixture.folder) { $0.preset = "adm-imagenet64" } }
    #expect(pipeline?.description.contains("carries its own recipe") == true)
    #expect(throws: (any Error).self) { try convert(folder.path) { ($0.output, $0.target) = ("\(folder.path)/p", .diffusers) } }
  }

  // MARK: Into models

  @Test func aCheckpointWithARecipeBecomesAModelOfTheSameNumbers() throws {
    let report = try convert(Self.adm, recipe: Self.admRecipe)
    #expect(report.kind == .denoiser && report.widened == 0 && report.preset == nil)
    let model = try Model(file: output)
    try expectSame(model.network.stateDict(), Safetensors.read(Self.adm).state)
    // The recipe left the classes open: the embedding has five rows.
    #expect(model.recipe.data.classNames == ["0", "1", "2", "3", "4"])
    #expect(model.provenance.convertedFrom == "b_adm.weights.safetensors")
  }

  @Test func aLegacyPyTorchFileOfASuperResolutionNetworkIsRead() throws {
    let recipe = """
      data: { channels: 3, height: 16, width: 16 }
      small_height: 8
      small_width: 8
      super_resolution:
        num_corruptions: 2
        unet:
          { model_channels: 16, channel_mult: [1, 1], num_res_blocks: 1, attention_resolutions: [8], num_heads: 2, resblock_updown: false,
            normalization: dlas }
      process: { variance: learned_range }
      """
    let report = try convert(Fixture.reference("unets/f_dlas_superres.legacy.pt"), recipe: recipe)
    #expect(report.kind == .superResolution)
    try expectSame(
      Safetensors.read(output).state, Safetensors.read(Fixture.reference("unets/f_dlas_superres.weights.safetensors")).state)
  }

  @Test func aConvertedClassifierGuides() throws {
    let recipe = """
      data: { channels: 3, height: 16, width: 16, class_names: [a, b, c, d, e] }
      classifier:
        { type: encoder_classifier, model_channels: 32, channel_mult: [1, 1], num_res_blocks: 1, attention_resolutions: [8],
          num_head_channels: 16 }
      """
    #expect(try convert(Fixture.reference("unets/g_encoder_attention.weights.safetensors"), recipe: recipe).kind == .classifier)
    #expect(try ClassifierModel(file: output).logProbabilities(ofClean: .zeros([1, 3, 16, 16])).shape == [1, 5])
  }

  @Test func anUpscalerIsRecognisedInAZipAndItsAverageIsTaken() throws {
    let report = try convert(Fixture.reference("upscaler/rrdbnet_x4_both.pth"))
    #expect(report.kind == .upscaler && report.isRecognised && report.member == "params_ema")
    try expectSame(Safetensors.read(output).state, Safetensors.read(Fixture.reference("upscaler/rrdbnet_x4.weights.safetensors")).state)
    let yaml = try #require(Safetensors.read(output).metadata[Model.recipeKey])
    #expect(try UpscalerModelRecipe(yaml: yaml).upscaler.member.scale == 4)
  }

  @Test func halfPrecisionIsWidenedAndPyTorchWrappersAreRemoved() throws {
    let original = try Safetensors.read(Self.adm).state
    let half = StateDict(original.entries.map { ("module.\($0.name)", $0.tensor.to(.float16)) })
    let path = try folder.file("half.safetensors")
    try Safetensors.write(half, to: path)
    #expect(try convert(path, recipe: Self.admRecipe).widened == original.count)
    let written = try Safetensors.read(output).state
    #expect(written.entries.allSatisfy { $0.tensor.dtype == .float32 })
    try expectSame(written, StateDict(original.entries.map { ($0.name, $0.tensor.to(.float16).to(.float32)) }))
  }

  // MARK: Out of models

  @Test func aModelIsExportedAsPyTorchTensorsAlone() throws {
    let model = try Tiny.denoiser(), path = try folder.file("tiny.safetensors")
    try Tiny.write(model, to: path)
    let report = try convert(path) { $0.target = .pytorch }
    #expect(report.kind == nil)
    let written = try Safetensors.read(output)
    #expect(written.metadata == ["format": "pt"])
    try expectSame(written.state, model.network.stateDict())
    // And back, by the recipe that it had.
    let back = try folder.file("back.safetensors")
    _ = try convert(output, recipe: model.recipe.yaml()) { $0.output = back }
    #expect(try Model(file: back).recipe.yaml() == model.recipe.yaml())
  }

  @Test func aModelIsNotConvertedAgain() throws {
    let path = try folder.file("tiny.safetensors")
    try Tiny.write(Tiny.denoiser(), to: path)
    let error = refusal { try convert(path) }
    #expect(error?.failure == .usage && error?.description.contains("is a model of Sfumato already") == true)
  }

  // MARK: What does not fit

  @Test(arguments: [
    ("network.model_channels=64", "network.model_channels: 32;", "says 64"),
    ("network.channel_mult=[1, 2]", "network.channel_mult: [1.0, 1.0];", "says [1.0, 2.0]"),
    ("network.channel_mult=[1]", "network.channel_mult: [1.0, 1.0];", "says [1.0]"),
    ("network.num_res_blocks=2", "network.num_res_blocks: 1;", "says 2"),
    ("network.attention_resolutions=[16]", "network.attention_resolutions: [8];", "says [16]"),
    ("network.use_scale_shift_norm=false", "network.use_scale_shift_norm: true;", "says false"),
    ("network.resblock_updown=false", "network.resblock_updown: true;", "says false"),
    ("network.num_classes=7", "network.num_classes: 5;", "says 7"),
    ("process.variance=fixed_small", "network.out_channels: 6;", "says 3"),
    ("data.channels=1", "network.in_channels: 3;", "says 1"),
  ])
  func aMismatchNamesTheFieldThatExplainsIt(setting: String, found: String, said: String) throws {
    // With as many classes named as the recipe says that there are.
    let names = setting.contains("num_classes") ? ["data.class_names=[a, b, c, d, e, f, g]"] : []
    let error = try #require(refusal { try convert(Self.adm, recipe: Self.admRecipe) { $0.settings = [setting] + names } })
    #expect(error.failure == .data)
    #expect(error.description.hasPrefix("checkpoint \(Self.adm) does not fit \(folder.path)/recipe.yaml\n  "), "\(error)")
    let last = error.description.split(separator: "\n").last { $0.contains(found) }
    #expect(last?.hasPrefix("  by its shapes the checkpoint has \(found)") == true && last?.hasSuffix(said) == true, "\(error)")
    #expect(error.description.contains(": expected ") || error.description.contains("not part of this network"))
    #expect(!FileManager.default.fileExists(atPath: output))
  }

  /// Likewise where a model is read or a training goes on.
  @Test(arguments: [
    ("network.model_channels=16", "network.model_channels: 8;", "says 16"),
    ("network.channel_mult=[1, 2, 2]", "network.channel_mult: [1.0, 2.0];", "says [1.0, 2.0, 2.0]"),
    ("network.channel_mult=[1, 1]", "network.channel_mult: [1.0, 2.0];", "says [1.0, 1.0]"),
    ("network.num_res_blocks=2", "network.num_res_blocks: 1;", "says 2"),
    ("data.channels=1", "network.in_channels: 3;", "says 1"),
    ("process.variance=learned_range", "network.out_channels: 3;", "says 6"),
    ("data.context_size=7", "network.context_dim: 4;", "says 7"),
    ("data={context_size: null, class_names: [a, b]}", "network.num_classes: 4;", "says 2"),
    ("data={context_size: null, class_names: [a, b], null_class: 2}", "network.num_classes: 5;", "says 3"),
  ]) func aMismatchOfAContextUNetNamesTheFieldThatExplainsIt(setting: String, found: String, said: String) throws {
    let text = """
      data: { channels: 3, height: 8, width: 8, context_size: 4 }
      network: { type: context_unet, model_channels: 8, channel_mult: [1, 2], num_res_blocks: 1 }

      """
    let right = try ModelRecipe(yaml: text).adapted()
    let state = try right.makeModule(using: Initializer(Generator(seed: 1))).stateDict()
    let wrong = try ModelRecipe(yaml: text, set: [setting]).adapted(), file = try folder.file("wrong.safetensors")
    try ModelFile.write(state, wrong, Provenance(), to: file)
    let error = try #require(refusal { try Model(file: file) })
    #expect(error.description.hasPrefix("checkpoint \(file) does not fit network context_unet\n  "), "\(error)")
    #expect(error.description.contains("\n  by its shapes the checkpoint has \(found) its recipe \(said)"), "\(error)")
    #expect(RecipeEvidence(state, against: right).contradictions.isEmpty)
  }

  @Test(arguments: [
    ("network.block_out_channels=[8, 8]", "block_out_channels: [8, 16];", "[8, 8]"),
    ("network.layers_per_block=2", "layers_per_block: 1;", "2"),
    (
      "network.down_block_types=[DownBlock2D, DownBlock2D]", "down_block_types: [DownBlock2D, AttnDownBlock2D];",
      "[DownBlock2D, DownBlock2D]"
    ),
    (
      "network.down_block_types=[ResnetDownsampleBlock2D, AttnDownBlock2D]", "down_block_types: [DownBlock2D, AttnDownBlock2D];",
      "[ResnetDownsampleBlock2D, AttnDownBlock2D]"
    ),
    ("network.up_block_types=[UpBlock2D, UpBlock2D]", "up_block_types: [AttnUpBlock2D, UpBlock2D];", "[UpBlock2D, UpBlock2D]"),
    ("network.upsample_type=resnet", "upsample_type: conv;", "resnet"), ("network.time_embedding_dim=16", "time_embedding_dim: 32;", "16"),
    ("network.resnet_time_scale_shift=scale_shift", "resnet_time_scale_shift: default;", "scale_shift"),
    ("network.mid_block_type=null", "mid_block_type: UNetMidBlock2D;", "null"),
    ("network.add_attention=false", "add_attention: true;", "false"),
    ("data.class_names=[a, b]", "num_class_embeds: null;", "2"), ("data.channels=1", "in_channels: 3;", "1"),
    ("process.variance=learned_range", "out_channels: 3;", "6"),
  ]) func aMismatchOfAUNet2DModelNamesTheFieldThatExplainsIt(setting: String, found: String, said: String) throws {
    let text = """
      data: { channels: 3, height: 8, width: 8 }
      network:
        { type: unet2d_model, block_out_channels: [8, 16], layers_per_block: 1, norm_num_groups: 4, attention_head_dim: 4,
          down_block_types: [DownBlock2D, AttnDownBlock2D], up_block_types: [AttnUpBlock2D, UpBlock2D] }

      """
    let right = try ModelRecipe(yaml: text).adapted()
    let state = try right.makeModule(using: Initializer(Generator(seed: 1))).stateDict(), file = try folder.file("unet.safetensors")
    try Safetensors.write(state, metadata: [:], to: file)
    let error = try #require(refusal { try convert(file, recipe: text) { $0.settings = [setting] } })
    #expect(error.description.hasPrefix("checkpoint \(file) does not fit \(folder.path)/recipe.yaml\n  "), "\(error)")
    let line = "\n  by its shapes the checkpoint has network.\(found) \(folder.path)/recipe.yaml says \(said)"
    #expect("\(error)\n".contains("\(line)\n"), "\(error)")
    #expect(RecipeEvidence(state, against: right).contradictions.isEmpty)
  }

  @Test func aMismatchWithAPresetNamesThePreset() throws {
    let error = try #require(refusal { try convert(Self.adm) { $0.preset = "adm-imagenet64" } })
    #expect(error.description.contains("does not fit preset adm-imagenet64\n  time_embed.0.weight: expected [768, 192], found [128, 32]"))
    #expect(error.description.contains("the checkpoint has network.model_channels: 32; preset adm-imagenet64 says 192"))
  }

  @Test func shapesOfNoPresetAreDescribed() throws {
    let error = try #require(refusal { try convert(Self.adm) })
    #expect(error.failure == .usage && error.description.contains("--list-presets"))
    let options = ["model_channels: 32", "channel_mult: [1.0, 1.0]", "num_res_blocks: 1", "in_channels: 3", "num_classes: 5"]
    for line in ["type: adm_unet"] + options {
      #expect(error.description.contains("\n      \(line)"), "\(error)")
    }
    // What it describes is a recipe by which the file converts.
    let words = "with a recipe that says\n", start = try #require(error.description.range(of: words)).upperBound
    let section = error.description[start...].split(separator: "\n").map { $0.dropFirst(4) }.joined(separator: "\n")
    let recipe = "data: { channels: 3, height: 16, width: 16 }\nprocess: { variance: learned_range }\n\(section)\n"
    #expect(try convert(Self.adm, recipe: recipe).kind == .denoiser)
    #expect(refusal { try convert(Fixture.reference("unets/pt_features.safetensors")) }?.description.contains("it looks like") == false)
  }

  @Test func restoringAndContextNetworksAreDescribedByTheirOwnOptions() throws {
    func problem(_ network: some Module) throws -> String {
      let path = "\(folder.path)/bare.safetensors"
      try Safetensors.write(StateDict(network.stateDict().entries.map { ($0.name, .zeros($0.tensor.shape)) }), to: path)
      return try #require(refusal { try convert(path) }).description
    }
    var enlarger = SuperResolutionUNet.Recipe(), context = ContextUNet.Recipe()
    (enlarger.unet.modelChannels, enlarger.unet.channelMult, enlarger.unet.numResBlocks) = (32, [1, 2], 1)
    enlarger.numCorruptions = 2
    let large = try problem(SuperResolutionUNet(enlarger, using: .shapes))
    #expect(large.contains("it looks like \(ModelKind.superResolution.phrase)"), "\(large)")
    #expect(large.contains("\n        in_channels: 3\n") && large.contains("\n      num_corruptions: 2"), "\(large)")
    #expect(!large.contains("type:"), "\(large)")
    (context.modelChannels, context.channelMult, context.numResBlocks, context.contextDim) = (16, [1, 2], 1, 5)
    let steered = try problem(ContextUNet(context, using: .shapes))
    for line in ["type: context_unet", "model_channels: 16", "channel_mult: [1.0, 2.0]", "num_res_blocks: 1", "context_dim: 5"] {
      #expect(steered.contains("\n      \(line)"), "\(steered)")
    }
  }

  @Test func shapesOfSeveralPresetsAreRefusedWithTheirNamesAndFiles() throws {
    let error = Conversion.ambiguous("x.pt", try ["adm-lsun-cat", "adm-lsun-horse"].map { try Preset(named: $0) })
    #expect(error.failure == .usage)
    #expect(
      error.description == """
        x.pt: its shapes are those of several presets; say which it is:
          --preset adm-lsun-cat  (lsun_cat.pt)
          --preset adm-lsun-horse  (lsun_horse.pt)
        """)
  }

  @Test func contradictoryRequestsAreRefused() throws {
    let own = try folder.file("own.safetensors")
    try FileManager.default.copyItem(atPath: Self.adm, toPath: own)
    let cases: [(words: String, failure: Failure, change: (inout ConversionRequest) -> Void)] = [
      ("leave one of them out", .usage, { $0.preset = "adm-imagenet64" }),
      ("ends in .safetensors", .usage, { $0.output += ".pt" }),
      ("is the checkpoint itself", .usage, { ($0.input, $0.output) = (own, own) }),
      ("no such file", .missing, { $0.input = "/nowhere.pt" }), ("is a folder", .data, { $0.input = "/" }),
      ("has no members", .usage, { $0.member = "ema" }), ("there is no folder", .io, { $0.output = "/nowhere/x.safetensors" }),
      ("there is no preset 'adm'", .usage, { ($0.preset, $0.recipe) = ("adm", nil) }),
      ("--set changes a preset or a recipe", .usage, { ($0.recipe, $0.settings) = (nil, ["data.channels=1"]) }),
    ]
    for (words, failure, change) in cases {
      let error = try #require(refusal { try convert(Self.adm, recipe: Self.admRecipe, change) }, "\(words)")
      #expect(error.failure == failure && error.description.contains(words), "\(error)")
    }
    #expect(
      refusal { try convert(Self.adm, recipe: "training: { batch_size: 4 }") }?.description.contains(
        "is a recipe for training; expected one of a model")
        == true)
    let missing = #expect(throws: RecipeError.self) { try convert(Self.adm) { $0.recipe = "/nowhere.yaml" } }
    #expect(Failure(of: missing!) == .missing)
  }

  @Test func aFileThatIsNotACheckpointIsRefusedByName() throws {
    let text = try folder.write("hello", to: "x.pt")
    #expect(throws: CheckpointError.self) { try convert(text) }
    let cut = try folder.write(
      [UInt8](Data(contentsOf: URL(fileURLWithPath: Fixture.reference("upscaler/rrdbnet_x4_both.pth"))).dropLast(99)), to: "y.pt")
    #expect(throws: CheckpointError.self) { try convert(cut) }
    let whole = try folder.file("whole.safetensors")
    try Safetensors.write(
      StateDict(Safetensors.read(Self.adm).state.entries.map { ($0.name, $0.name == "out.2.bias" ? $0.tensor.to(.int64) : $0.tensor) }),
      to: whole)
    #expect(
      refusal { try convert(whole, recipe: Self.admRecipe) }?.description.contains("out.2.bias holds int64") == true)
  }
}
