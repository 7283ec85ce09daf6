import Checkpoints
import Failures
import Foundation
import Interop
import Models
import Networks
import RecipeKit
import Tensors
import TestSupport
import Testing

/// What diffusers writes beside whole pipelines.
@Suite("Parts of diffusers folders") struct DiffusersLayoutTests {
  private let scratch: ScratchFolder
  private let files = FileManager.default
  init() throws { scratch = try ScratchFolder() }

  private static let weights = "diffusion_pytorch_model.safetensors"

  /// The fixture's network alone, as `save_pretrained` of a UNet2DModel writes it.
  private func bare(_ name: String) throws -> String {
    let path = try scratch.file("\(name)/x"), folder = (path as NSString).deletingLastPathComponent
    for file in ["config.json", Self.weights] {
      try files.copyItem(atPath: "\(DiffusersFixture.folder)/unet/\(file)", toPath: "\(folder)/\(file)")
    }
    return folder
  }

  private func expectTheFixturesWeights(_ model: Model) throws {
    let original = try Safetensors.read("\(DiffusersFixture.folder)/unet/\(Self.weights)").state
    let state = model.network.stateDict()
    #expect(Set(state.names) == Set(original.names))
    for (name, tensor) in original.entries { #expect(try state[name]?.floats() == tensor.floats(), "\(name)") }
  }

  // MARK: A network alone

  @Test func aNetworkAloneIsAModelOfTheDefaultScheduler() throws {
    let path = try bare("bare"), folder = try DiffusersFolder(path)
    #expect(DiffusersFolder.isOne(path))
    let note = try #require(folder.note)
    #expect(note.contains("no scheduler") && note.contains("DDPMScheduler with its defaults"))
    #expect(folder.recipe.process.parameterization == .epsilon && folder.recipe.sampler.type == "ddpm")
    #expect(try folder.recipe.process.makeDiffusion().process.steps == 1000)
    try expectTheFixturesWeights(Model(folder))
  }

  @Test func aNetworkInsideAPipelineTakesThePipelinesScheduler() throws {
    let path = try DiffusersFixture.copy(into: scratch), whole = try DiffusersFolder(path)
    let part = try DiffusersFolder("\(path)/unet")
    #expect(part.note == nil && part.recipe.yaml() == whole.recipe.yaml() && part.recipe.process.parameterization == .v)
    #expect(try DiffusersFolder("\(path)/unet/").recipe.yaml() == whole.recipe.yaml())
    #expect(whole.note == nil)
    let beside = try bare("alone")
    try files.copyItem(atPath: "\(path)/scheduler/scheduler_config.json", toPath: "\(beside)/scheduler_config.json")
    #expect(try DiffusersFolder(beside).note == nil && DiffusersFolder(beside).recipe.process.parameterization == .v)
  }

  @Test func theAverageOfATrainingCheckpointIsTaken() throws {
    _ = try bare("out/checkpoint-500/unet")
    let checkpoint = "\(scratch.path)/out/checkpoint-500"
    #expect(try DiffusersFolder(checkpoint).weights == "\(checkpoint)/unet/\(Self.weights)")
    let average = try bare("out/checkpoint-500/unet_ema")
    #expect(try DiffusersFolder(checkpoint).weights == "\(average)/\(Self.weights)")
    #expect(try DiffusersFolder("\(checkpoint)/unet").weights == "\(checkpoint)/unet/\(Self.weights)")
    #expect(try DiffusersFolder(average).note != nil)
    // The pipeline that the training wrote beside its checkpoints has the scheduler.
    try files.createDirectory(atPath: "\(scratch.path)/out/scheduler", withIntermediateDirectories: true)
    try files.copyItem(
      atPath: "\(DiffusersFixture.folder)/scheduler/scheduler_config.json", toPath: "\(scratch.path)/out/scheduler/scheduler_config.json")
    for path in [average, checkpoint] {
      #expect(try DiffusersFolder(path).note == nil && DiffusersFolder(path).recipe.process.parameterization == .v, "\(path)")
    }
  }

  @Test func otherFoldersAreNotRecognised() throws {
    for text in ["{}", "[]", "not JSON", #"{"_class_name": 7}"#, #"{"model_type": "bert"}"#] {
      _ = try scratch.write(text, to: "other/config.json")
      #expect(!DiffusersFolder.isOne("\(scratch.path)/other"), "\(text)")
    }
    #expect(!DiffusersFolder.isOne("\(scratch.path)/nowhere") && !DiffusersFolder.isOne(scratch.path))
    #expect(refusal { try DiffusersFolder(scratch.path) }?.description.contains("is not a diffusers folder; expected") == true)
    _ = try scratch.write(#"{"_class_name": "AutoencoderKL", "sample_size": 8}"#, to: "other/config.json")
    let error = #expect(throws: RecipeError.self) { try DiffusersFolder("\(scratch.path)/other") }
    #expect(error?.description.contains("expected UNet2DModel, found AutoencoderKL") == true)
  }

  @Test func conversionSaysWhatWasAssumed() throws {
    let output = try scratch.file("model.safetensors")
    let report = try Conversion.run(ConversionRequest(input: bare("bare"), output: output))
    #expect(report.note?.contains("no scheduler") == true)
    try expectTheFixturesWeights(Model(file: output))
  }

  // MARK: Weights in several files

  /// The fixture's pipeline with its weights in two files, and the index.
  private func sharded() throws -> (folder: String, index: String) {
    let path = try DiffusersFixture.copy(into: scratch), unet = "\(path)/unet"
    let state = try Safetensors.read("\(unet)/\(Self.weights)").state
    try files.removeItem(atPath: "\(unet)/\(Self.weights)")
    var map: [String: String] = [:]
    for part in 0..<2 {
      let name = "diffusion_pytorch_model-0000\(part + 1)-of-00002.safetensors"
      let entries = state.entries.enumerated().filter { $0.offset % 2 == part }.map(\.element)
      try Safetensors.write(StateDict(entries.map { ($0.name, $0.tensor.clone()) }), to: "\(unet)/\(name)")
      for entry in entries { map[entry.name] = name }
    }
    return (path, try write(map))
  }

  private func write(_ map: [String: String]) throws -> String {
    let object: [String: Any] = ["metadata": ["total_size": 1], "weight_map": map]
    let text = String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
    return try scratch.write(text, to: "pipeline/unet/\(Self.weights).index.json")
  }

  private func map(_ index: String) throws -> [String: String] {
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: index))) as? [String: Any]
    return try #require(object?["weight_map"] as? [String: String])
  }

  @Test func weightsInSeveralFilesAreOneModel() throws {
    let (folder, index) = try sharded()
    for path in [folder, "\(folder)/unet", index] {
      #expect(DiffusersFolder.isOne(path))
      #expect(try DiffusersFolder(path).weightFiles.count == 2)
      try expectTheFixturesWeights(Model(DiffusersFolder(path)))
    }
    // A variant, as of save_pretrained(variant="fp16").
    try files.moveItem(atPath: index, toPath: "\(folder)/unet/\(Self.weights).index.fp16.json")
    try expectTheFixturesWeights(Model(DiffusersFolder(folder)))
  }

  @Test(arguments: [
    "../../secret.safetensors", "/etc/diffusion_pytorch_model.safetensors", "diffusion_pytorch_model/../x.safetensors", "", "model.bin",
  ])
  func anIndexNamesOnlyFilesBesideIt(name: String) throws {
    let (folder, index) = try sharded()
    var map = try map(index)
    map["conv_in.weight"] = name
    _ = try write(map)
    let error = try #require(throws: CheckpointError.self) { try DiffusersFolder(folder) }
    #expect(error.path == index && error.description.contains("expected names of files beside it"), "\(error)")
  }

  @Test func aMissingPartAndATensorInNoPartAreNamed() throws {
    let (folder, index) = try sharded(), map = try map(index), part = try #require(map["conv_in.weight"])
    var other = map
    let another: String? = Set(map.values).subtracting([part]).first
    #expect(another != nil)
    other["conv_in.weight"] = another
    _ = try write(other)
    let absent = try #require(throws: CheckpointError.self) { try Model(DiffusersFolder(folder)) }
    #expect(absent.description.contains("does not hold conv_in.weight, which the index says"), "\(absent)")
    _ = try write(map)
    try files.removeItem(atPath: "\(folder)/unet/\(part)")
    let missing = try #require(throws: CheckpointError.self) { try DiffusersFolder(folder) }
    #expect(missing.problem == .missing && missing.path == "\(folder)/unet/\(part)", "\(missing)")
    try files.removeItem(atPath: index)
    let noIndex = try #require(throws: CheckpointError.self) { try DiffusersFolder(folder) }
    #expect(noIndex.path == index && noIndex.description.contains("is one of several files that it lists"), "\(noIndex)")
  }

  @Test func anIndexThatIsMalformedOrTooLargeIsRefused() throws {
    let (folder, index) = try sharded()
    let crowd = Dictionary(uniqueKeysWithValues: (0...1000).map { ("t\($0)", "diffusion_pytorch_model-\($0).safetensors") })
    let large = String(decoding: try JSONSerialization.data(withJSONObject: ["weight_map": crowd]), as: UTF8.self)
    for (text, words) in [
      ("{}", "expected a 'weight_map'"), (#"{"weight_map": {}}"#, "expected a 'weight_map'"), (#"{"weight_map": {"a": 7}}"#, "weight_map"),
      ("[", "is not a JSON object"), (String(repeating: " ", count: (1 << 24) + 1), "larger than the 16 MiB"), (large, "at most 1000"),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: index))
      let error = try #require(throws: CheckpointError.self) { try DiffusersFolder(folder) }
      #expect(error.path == index && error.description.contains(words), "\(error)")
    }
  }
}
