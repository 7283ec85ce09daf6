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
import Testing
import Training

@testable import Workflows

@Suite("Inspecting files") struct InspectionTests {
  private func write(
    _ folder: ScratchFolder, _ state: [(String, Tensor)], metadata: [String: String] = [:], to name: String = "x.safetensors"
  )
    throws -> String
  {
    let path = try folder.file(name)
    try Safetensors.write(StateDict(state), metadata: metadata, to: path)
    return path
  }

  private static var recipe: ModelRecipe {
    var recipe = ModelRecipe()
    recipe.data.channels = 1
    recipe.data.height = 16
    recipe.data.width = 32
    recipe.data.classNames = ["a", "b"]
    recipe.data.nullClass = 2
    return recipe
  }

  @Test func tensorsWithoutARecipeAreAStateDict() throws {
    let folder = try ScratchFolder()
    let path = try write(
      folder, [("weight", .ones([2, 3])), ("bias", .ones([2])), ("count", .zeros([], dtype: .int64))], metadata: ["format": "pt"])
    let found = try Inspection(of: path)
    #expect(found.kind == .stateDict)
    #expect(found.parameters == 9)
    #expect(found.dtypes == ["F32": 2, "I64": 1])
    #expect(found.metadataKeys == ["format"])
    #expect(found.tensors.contains(.init(name: "weight", dtype: "F32", shape: [2, 3])))
    #expect(found.bytes == (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int))
    #expect(found.network == nil && found.provenance == nil && found.recipeProblem == nil)
  }

  @Test func optimizerStateIsRecognisedByNames() throws {
    let folder = try ScratchFolder()
    let names = ["first.out.weight", "second.out.weight", "steps.out.weight"]
    #expect(try Inspection(of: write(folder, names.map { ($0, .ones([1])) })).kind == .optimizerState)
    #expect(try Inspection(of: write(folder, [("first.out.weight", .ones([1])), ("out.weight", .ones([1]))])).kind == .stateDict)
    #expect(try Inspection(of: write(folder, [])).kind == .empty)
  }

  @Test func modelShowsItsNetworkAndProvenance() throws {
    let folder = try ScratchFolder()
    let provenance = Provenance(step: 12, images: 768, seed: 5)
    let path = try write(folder, [("w", .ones([1]))], metadata: ModelFile.metadata(Self.recipe, provenance))
    let found = try Inspection(of: path)
    #expect(found.kind == .model)
    #expect(found.provenance == provenance)
    let network = try #require(found.network)
    #expect(network.type == "adm_unet")
    #expect(network.image == [1, 16, 32])
    #expect(network.classNames == ["a", "b"])
    #expect(network.flopsPerImage > 1e8)
  }

  @Test func otherKindsOfModelsAreRecognised() throws {
    let folder = try ScratchFolder(), path = try folder.file("x.safetensors")
    try Tiny.write(Tiny.classifier(), to: path)
    let classifier = try Inspection(of: path)
    #expect(classifier.kind == .classifier && classifier.provenance == Provenance(step: 4))
    let network = try #require(classifier.network)
    #expect(network.type == "encoder_classifier" && network.image == [1, 8, 8] && network.classNames == ["a", "b", "c"])
    #expect(network.flopsPerImage > 1e6)
    let upscaler = try Inspection(of: write(folder, [("w", .ones([1]))], metadata: [Model.recipeKey: "upscaler: { num_block: 1 }"]))
    #expect(upscaler.kind == .upscaler && upscaler.network?.image == [3, 64, 64])
    let enlarger = try write(
      folder, [("w", .ones([1]))],
      metadata: [
        Model.recipeKey: """
        data: { channels: 1, height: 8, width: 8 }
        small_height: 2
        small_width: 2
        super_resolution: { unet: { in_channels: 1, model_channels: 32, channel_mult: [1], attention_resolutions: [] } }
        """
      ])
    #expect(try Inspection(of: enlarger).kind == .superResolution)
    #expect(try Inspection(of: enlarger).network?.type == "super_resolution_unet")
  }

  @Test func invalidRecipeIsReportedAndTensorsAreStillShown() throws {
    let folder = try ScratchFolder()
    let found = try Inspection(of: write(folder, [("w", .ones([4]))], metadata: [Model.recipeKey: "netwerk: {}"]))
    #expect(found.kind == .model)
    #expect(found.network == nil)
    #expect(found.recipeProblem?.contains("unknown key 'netwerk'") == true)
    #expect(found.parameters == 4)
  }

  @Test func runFolderIsInspectedByItsNewestCheckpoint() throws {
    let folder = try ScratchFolder()
    _ = try folder.write("", to: "run/recipe.yaml")
    _ = try folder.write("000000020\n", to: "run/latest")
    let path = try write(folder, [("w", .ones([4]))], to: "run/checkpoints/000000020/model.safetensors")
    #expect(try Inspection(of: "\(folder.path)/run").path == path)
  }

  private static let expected = "; expected a .safetensors file or one of torch.save (.pt, .pth, .bin)"

  @Test(arguments: [
    ("arr_0.npy", "is an archive of numpy arrays (.npz)\(expected); 'sfumato data inspect' shows what it holds"),
    ("a.txt", "is a zip archive\(expected); unpack it first"),
  ])
  func otherZipArchivesAreNamed(entry: String, words: String) throws {
    let folder = try ScratchFolder()
    // A local header: signature, 22 irrelevant bytes, the length of the name, no extra field.
    let header: [UInt8] = [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + [UInt8(entry.utf8.count), 0, 0, 0]
    let path = try folder.write(header + Array(entry.utf8), to: "x.pt")
    let error = try #require(throws: CheckpointError.self) { try Inspection(of: path) }
    #expect(error.failure == .data)
    #expect(error.description == "\(path): \(words)")
  }

  @Test func arrayFileIsNamed() throws {
    let folder = try ScratchFolder()
    let path = try folder.write(NPY.encode([UInt8](repeating: 0, count: 4), shape: [1], dtype: .float32), to: "x.npy")
    let error = #expect(throws: CheckpointError.self) { try Inspection(of: path) }
    #expect(error?.message == "is an array of numpy (.npy)\(Self.expected); 'sfumato data inspect' shows what it holds")
  }

  @Test func pickleThatWouldRunCodeIsRefusedWithoutRunningIt() throws {
    let folder = try ScratchFolder()
    let marker = "\(folder.path)/executed"
    // Unpickling this would call os.system("touch …").
    let path = try folder.write([0x80, 0x02] + Array("cos\nsystem\n(S'touch \(marker)'\ntR.".utf8), to: "old.pt")
    let error = #expect(throws: CheckpointError.self) { try Inspection(of: path) }
    #expect(error.map(Failure.init(of:)) == .data)
    #expect(!FileManager.default.fileExists(atPath: marker))
  }

  @Test func pyTorchFileShowsTheMemberThatWouldBeRead() throws {
    let found = try Inspection(of: TinyUpscaler.checkpoint)
    #expect(found.format == .pytorch && found.kind == .upscaler)
    #expect(found.member == "params_ema" && found.members == ["params_ema"])
    let same = try Inspection(of: TinyUpscaler.checkpoint.replacing(".pth", with: ".weights.safetensors"))
    #expect(same.format == .safetensors && same.kind == .upscaler && same.member == nil)
    #expect(Set(found.tensors.map { "\($0.name) \($0.shape)" }) == Set(same.tensors.map { "\($0.name) \($0.shape)" }))
    #expect(found.parameters == same.parameters && found.upscaler == same.upscaler)
    #expect(found.dtypes == ["float32": found.tensors.count])
    #expect(throws: CheckpointError.self) { try Inspection(of: TinyUpscaler.checkpoint, member: "params") }
    #expect(refusal { try Inspection(of: same.path, member: "params") }?.failure == .usage)
  }

  @Test func upscalerShowsItsScaleAndCost() throws {
    let folder = try ScratchFolder()
    for scale in [1, 2, 4] {
      let state = try TinyUpscaler.network(scale: scale).stateDict()
      let found = try #require(try Inspection(of: write(folder, state.entries.map { ($0.name, $0.tensor) })).upscaler)
      #expect(found.scale == scale && found.channels == 3)
      #expect(found.blocks == 1 && found.features == 8 && found.growth == 4)
      // Multiplications per pixel of the trunk: a dense block of 8 and 4 channels has 9 (4 (8 + 12 + 16 + 20) + 8 * 24).
      let step = 4 / scale, dense = 9 * (4 * (8 + 12 + 16 + 20) + 8 * 24)
      let trunk = 9 * 3 * step * step * 8 + 3 * dense + 9 * 8 * 8
      let upper = 4 * 9 * 64 + 16 * (9 * 64 + 9 * 64 + 9 * 8 * 3)
      #expect(found.flopsPerPixel == 2 * Double(trunk + upper) / Double(step * step))
    }
  }

  private func bare(_ network: some Module, _ folder: ScratchFolder) throws -> Inspection {
    let state = network.stateDict().entries.map { ($0.name, Tensor.zeros($0.tensor.shape)) }
    return try Inspection(of: write(folder, state), memoryAt: [1, 2])
  }

  /// The recipe is recovered from the shapes, so that the cost equals that of the network itself.
  @Test func recognisedBareNetworkShowsItsCost() throws {
    let folder = try ScratchFolder()
    var model = ModelRecipe(), unet = ADMUNet.Recipe()
    (unet.modelChannels, unet.channelMult, unet.numResBlocks) = (32, [1, 2, 2], 1)
    (unet.attentionResolutions, unet.resblockUpdown, unet.useScaleShiftNorm) = ([32, 16], false, false)
    (unet.imageSize, unet.inChannels, unet.outChannels, unet.numClasses) = (64, 3, 6, 7)
    model.process.variance = .learnedRange
    model.data.classNames = (0..<7).map(String.init)
    model.network = Choice(unet)
    let found = try bare(ADMUNet(unet, using: .shapes), folder)
    let network = try #require(found.network)
    #expect(found.kind == .denoiser && network.type == "adm_unet" && network.image == [3, 64, 64])
    #expect(network.isSizeAssumed && network.presets.isEmpty && network.classNames.isEmpty)
    #expect(try network.flopsPerImage == NetworkSummary(model).flopsPerImage)
    #expect(found.memory == (try MemoryEstimate.all(of: model, batches: [1, 2])) && found.memory.count == 8)
    unet.convResample = false
    #expect(try bare(ADMUNet(unet, using: .shapes), folder).network != nil)
  }

  @Test func bareSuperResolutionUNetIsDistinguishedFromAPlainOne() throws {
    let folder = try ScratchFolder()
    var recipe = SuperResolutionUNet.Recipe()
    (recipe.unet.modelChannels, recipe.unet.channelMult, recipe.unet.numResBlocks) = (32, [1, 2], 1)
    for (channels, out, corruptions) in [(3, 6, 0), (3, 3, 0), (1, 1, 0), (3, 6, 2), (1, 2, 1)] {
      (recipe.unet.inChannels, recipe.unet.outChannels, recipe.numCorruptions) = (channels, out, corruptions)
      let found = try bare(SuperResolutionUNet(recipe, using: .shapes), folder)
      #expect(found.kind == .superResolution && found.network?.type == "super_resolution_unet", "\(channels) \(out) \(corruptions)")
      #expect(found.network?.image == [channels, 64, 64] && found.memory.count == 8)
    }
    var plain = recipe.unet
    for (channels, out) in [(3, 3), (3, 6), (4, 4), (4, 8), (1, 2), (2, 2)] {
      (plain.inChannels, plain.outChannels) = (channels, out)
      let found = try bare(ADMUNet(plain, using: .shapes), folder)
      #expect(found.kind == .denoiser && found.network?.type == "adm_unet", "\(channels) \(out)")
    }
  }

  @Test func bareContextUNetIsRecognised() throws {
    let folder = try ScratchFolder()
    var recipe = ContextUNet.Recipe()
    (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks, recipe.contextDim) = (16, [1, 2, 2], 1, 5)
    let found = try bare(ContextUNet(recipe, using: .shapes), folder)
    #expect(found.kind == .denoiser && found.network?.type == "context_unet" && !found.memory.isEmpty)
    recipe.contextDim = nil
    #expect(try bare(ContextUNet(recipe, using: .shapes), folder).network?.type == "context_unet")
  }

  @Test(arguments: EncoderClassifier.Pool.allCases) func bareClassifierIsRecognisedWithItsPool(pool: EncoderClassifier.Pool) throws {
    let folder = try ScratchFolder()
    var recipe = EncoderClassifier.Recipe()
    (recipe.modelChannels, recipe.channelMult, recipe.numResBlocks, recipe.numHeadChannels) = (32, [1, 2], 1, 32)
    (recipe.pool, recipe.imageSize, recipe.numClasses, recipe.attentionResolutions) = (pool, 16, 5, [])
    let found = try bare(EncoderClassifier(recipe, using: .shapes), folder)
    let summary = found.network, network = try #require(summary)
    // An attention pool determines the image size.
    #expect(found.kind == .classifier && network.isSizeAssumed == (pool != .attention))
    #expect(network.image == (pool == .attention ? [3, 16, 16] : [3, 64, 64]))
    #expect(found.memory.contains { $0.work == .guiding })
  }

  @Test func knownNamesWithOtherShapesAreNotRecognised() throws {
    let folder = try ScratchFolder()
    var unet = ADMUNet.Recipe()
    (unet.modelChannels, unet.channelMult, unet.numResBlocks) = (32, [1], 1)
    var state = try ADMUNet(unet, using: .shapes).stateDict().entries.map { ($0.name, Tensor.zeros($0.tensor.shape)) }
    state[0].1 = .zeros([128, 33])
    let found = try Inspection(of: write(folder, state), memoryAt: [1])
    #expect(found.kind == .denoiser && found.network == nil && found.memory.isEmpty)
  }

  @Test func pyTorchOptimizerIsRecognised() throws {
    let folder = try ScratchFolder()
    func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8) }
    let magic: [UInt8] = [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
    let version: [UInt8] = [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E],
      facts: [UInt8] = [0x80, 2, 0x7D] + text("little_endian") + [0x88, 0x73, 0x2E]
    let state = [0x80, 2, 0x7D] + text("state") + [0x7D, 0x73] + text("param_groups") + [0x5D, 0x73, 0x2E],
      keys: [UInt8] = [0x80, 2, 0x5D, 0x2E]
    let path = try folder.write(magic + version + facts + state + keys, to: "opt000100.pt")
    let found = try Inspection(of: path)
    #expect(found.kind == .optimizerState && found.format == .pytorchLegacy && found.tensors.isEmpty)
    let error = #expect(throws: CheckpointError.self) {
      try Conversion.run(ConversionRequest(input: path, output: "\(folder.path)/x.safetensors"))
    }
    #expect(error?.message.contains("not a model; give the model's file") == true && error.map(Failure.init(of:)) == .data)
  }

  @Test(arguments: [
    (["time_embed.0.weight", "input_blocks.0.0.weight", "output_blocks.0.0.in_layers.0.weight"], Inspection.Kind.denoiser),
    (["time_embed.0.weight", "input_blocks.0.0.weight", "out.0.weight"], .classifier),
    (["step_embed.0.weight", "downsampling.0.0.weight", "upsampling.0.0.in_norm.weight"], .denoiser),
    (["time_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight", "up_blocks.0.resnets.0.conv1.weight"], .denoiser),
    (["conv_first.weight", "body.0.rdb1.conv1.weight", "conv_last.weight"], .upscaler),
    (["conv_first.weight", "body.0.weight", "conv_last.weight"], .stateDict), (["first.x", "second.x"], .optimizerState),
    (["first.x", "x"], .stateDict), ([], .empty),
  ])
  func kindIsRecognisedByNames(names: [String], kind: Inspection.Kind) { #expect(Inspection.Kind(names) == kind) }

  @Test func headerWhoseLengthStartsLikeAPickleIsRead() throws {
    let folder = try ScratchFolder()
    // A header of 0x280 bytes, padded with spaces.
    let json = #"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#
    let padded = Array((json + String(repeating: " ", count: 0x280 - json.utf8.count)).utf8)
    let path = try folder.write([0x80, 0x02, 0, 0, 0, 0, 0, 0] + padded + [7], to: "x.safetensors")
    #expect(try Inspection(of: path).parameters == 1)
  }

  @Test func truncatedFileIsRefused() throws {
    let folder = try ScratchFolder()
    let whole = try Data(contentsOf: URL(fileURLWithPath: write(folder, [("w", .ones([100]))])))
    let path = try folder.write([UInt8](whole.dropLast()), to: "short.safetensors")
    let error = try #require(throws: SafetensorsError.self) { try Inspection(of: path) }
    #expect(Failure(of: error) == .data)
  }

  @Test func nonexistentFileIsMissing() {
    let error = #expect(throws: SfumatoError.self) { try Inspection(of: "/nowhere/at/all.safetensors") }
    #expect(error?.failure == .missing)
  }
}
