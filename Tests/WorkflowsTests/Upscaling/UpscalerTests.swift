import Checkpoints
import Foundation
import Imaging
import Models
import NN
import Networks
import RecipeKit
import Tensors
import TestSupport
import Testing

@testable import Workflows

/// Networks and pictures for upscaler tests.
enum TinyUpscaler {
  static func recipe(scale: Int, channels: Int = 3) -> RRDBNet.Recipe {
    var recipe = RRDBNet.Recipe()
    (recipe.scale, recipe.numInCh, recipe.numOutCh) = (scale, channels, channels)
    (recipe.numFeat, recipe.numBlock, recipe.numGrowCh) = (8, 1, 4)
    return recipe
  }

  static func network(scale: Int, channels: Int = 3) throws -> RRDBNet {
    try RRDBNet(recipe(scale: scale, channels: channels), using: Initializer(Generator(seed: 1)))
  }

  /// A tiny network whose outputs span the range of bytes; those of an untrained one hardly vary between pixels.
  static func lively(scale: Int, _ settings: Upscaler.Settings) throws -> Upscaler {
    let network = try network(scale: scale)
    let sample = withoutGradient { network(.rand([1, 3, 24, 24], using: Generator(seed: 2))) }
    let mean = try sample.mean().item(), spread = try (sample - mean).square().mean().item().squareRoot()
    return try Upscaler(network.recipe, settings) { (network($0) - mean) * (0.25 / spread) + 0.5 }
  }

  /// Nearest-neighbour upscaling, whose result is known exactly.
  static func magnifier(scale: Int = 4, channels: Int = 3, _ settings: Upscaler.Settings) throws -> Upscaler {
    try Upscaler(recipe(scale: scale, channels: channels), settings) {
      $0.interpolate(height: scale * $0.size(2), width: scale * $0.size(3), .nearest)
    }
  }

  static func settings(tile: Int, overlap: Int = 16) -> Upscaler.Settings {
    var settings = Upscaler.Settings()
    (settings.tile, settings.overlap) = (tile, overlap)
    return settings
  }

  /// Noise, without correlation between pixels.
  static func picture(_ width: Int, _ height: Int, channels: Int = 3) throws -> Image {
    let values = Tensor.rand([height, width, channels], using: Generator(seed: 3)) * 255.99
    return Image(width: width, height: height, channels: channels, bytes: try values.uint8s())
  }

  /// A file in Real-ESRGAN's format, of scale 4.
  static let checkpoint = Fixture.reference("upscaler/rrdbnet_x4.pth")
}

@Suite("Upscaler") struct UpscalerTests {
  /// For a file with several state dicts.
  @Test func usesTheNamedMemberAndAsksForOneIfAmbiguous() throws {
    let path = URL(filePath: TinyUpscaler.checkpoint).deletingLastPathComponent().appending(path: "rrdbnet_x4_both.pth").path
    let picture = try TinyUpscaler.picture(8, 8)
    func enlarged(_ member: String?) throws -> [Image] { try Upscaler(path, member: member).upscale([picture]) }
    #expect(try enlarged(nil) == enlarged("params_ema"))
    // The file contains only a few of the raw weights.
    #expect(refusal { try enlarged("params") }?.description.contains("is not an upscaler that is supported") == true)
    #expect(throws: CheckpointError.self) { try enlarged("weights") }
    // The same file with uninformative member names.
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    for (old, new) in [("params_ema", "generator1"), ("params", "gener2")] {
      let (old, new) = (Array(old.utf8), Array(new.utf8))
      for at in 0..<(bytes.count - old.count) where bytes[at] == old[0] && bytes[at..<(at + old.count)].elementsEqual(old) {
        bytes.replaceSubrange(at..<(at + new.count), with: new)
      }
    }
    let folder = try ScratchFolder(), unclear = try folder.write(bytes, to: "unclear.pth")
    let error = refusal { try Upscaler(unclear) }
    #expect(error?.failure == .usage)
    #expect(error?.description.contains("'generator1'") == true && error?.description.contains("by --member") == true, "\(error!)")
    #expect(error?.description.contains("sfumato convert \(unclear) NAME.safetensors --member") == true)
    #expect(try Upscaler(unclear, member: "generator1").upscale([picture]) == enlarged(nil))
  }

  /// The number of differing bytes between two pictures of the same size, and the largest difference.
  private func difference(_ a: Image, _ b: Image) -> (count: Int, largest: Int) {
    let differences = zip(a.bytes, b.bytes).map { abs(Int($0) - Int($1)) }
    return (differences.count { $0 > 0 }, differences.max() ?? 0)
  }

  @Test(arguments: [(4, 61, 46), (2, 131, 50), (1, 202, 21)])
  func tilesEqualTheWholeWithAMarginOfTheReceptiveField(scale: Int, width: Int, height: Int) throws {
    let picture = try TinyUpscaler.picture(width, height)
    let whole = try TinyUpscaler.lively(scale: scale, TinyUpscaler.settings(tile: 0)).run(picture).finish()
    let tiled = try TinyUpscaler.lively(scale: scale, TinyUpscaler.settings(tile: 16, overlap: 1000)).run(picture).finish()
    #expect(whole.width == scale * width && whole.height == scale * height && whole.channels == 3)
    // Only values almost halfway between two bytes may round differently.
    let found = difference(whole, tiled)
    #expect(found.largest <= 1 && found.count < whole.bytes.count / 1000, "\(found)")
    let spread = whole.bytes.map(Double.init)
    #expect(spread.max()! - spread.min()! > 150, "the network's output varies too little for this test")
  }

  @Test func marginIsTheOverlapInWholeBlocksUpToTheReceptiveField() throws {
    for scale in [1, 2, 4] {
      func margin(_ overlap: Int) throws -> Int {
        try TinyUpscaler.magnifier(scale: scale, TinyUpscaler.settings(tile: 64, overlap: overlap)).margin
      }
      let step = 4 / scale
      #expect(try margin(0) == 0 && margin(16) == 16)
      #expect(try margin(5) == [1: 8, 2: 6, 4: 5][scale])
      #expect(try margin(1000) == 19 * step)
    }
  }

  @Test func defaultMarginLeavesNoSeams() throws {
    let picture = try TinyUpscaler.picture(64, 64)
    let whole = try TinyUpscaler.lively(scale: 4, TinyUpscaler.settings(tile: 0)).run(picture).finish()
    let cut = try TinyUpscaler.lively(scale: 4, TinyUpscaler.settings(tile: 32, overlap: 0)).run(picture).finish()
    #expect(difference(whole, cut).largest > 20)
    let usual = try TinyUpscaler.lively(scale: 4, TinyUpscaler.settings(tile: 32)).run(picture).finish()
    #expect(difference(whole, usual).largest <= 1)
  }

  @Test(arguments: [1, 2, 3, 4], [1, 3]) func everyKindOfPictureKeepsItsChannels(channels: Int, networkChannels: Int) throws {
    let picture = try TinyUpscaler.picture(37, 21, channels: channels)
    let upscaler = try TinyUpscaler.magnifier(channels: networkChannels, TinyUpscaler.settings(tile: 16))
    let result = try upscaler.run(picture).finish()
    #expect(result.channels == channels)
    let colors = channels < 3 ? 1 : 3
    #expect(result.withChannels(colors) == picture.withChannels(colors).magnified(by: 4))
    if picture.hasAlpha {
      let alpha = Image(
        width: 37, height: 21, channels: 1,
        bytes: stride(from: channels - 1, to: picture.bytes.count, by: channels).map { picture.bytes[$0] })
      let resized = try alpha.resized(width: 148, height: 84)
      #expect(stride(from: channels - 1, to: result.bytes.count, by: channels).map { result.bytes[$0] } == resized.bytes)
    }
  }

  @Test func opaquePixelsStayOpaque() throws {
    var picture = try TinyUpscaler.picture(20, 20, channels: 4)
    for y in 0..<20 { for x in 0..<20 { picture[y, x, 3] = 255 } }
    let result = try TinyUpscaler.lively(scale: 2, TinyUpscaler.settings(tile: 16)).run(picture).finish()
    #expect(stride(from: 3, to: result.bytes.count, by: 4).allSatisfy { result.bytes[$0] == 255 })
  }

  @Test(arguments: [(1, 1), (3, 2), (5, 7), (16, 17)]) func acceptsEverySize(width: Int, height: Int) throws {
    for scale in [1, 2, 4] {
      let picture = try TinyUpscaler.picture(width, height)
      let result = try TinyUpscaler.lively(scale: scale, TinyUpscaler.settings(tile: 16)).run(picture).finish()
      #expect(result.width == scale * width && result.height == scale * height)
    }
  }

  @Test func paddingMirrorsThePicture() throws {
    let row = Image(width: 5, height: 1, channels: 1, bytes: [10, 20, 30, 40, 50])
    let mirrored = row.mirrored(toMultiplesOf: 4)
    #expect(mirrored.width == 8 && mirrored.height == 4)
    #expect(mirrored.bytes == Array(repeating: [10, 20, 30, 40, 50, 40, 30, 20], count: 4).flatMap { $0 })
    #expect(row.mirrored(toMultiplesOf: 1) == row)
  }

  @Test func networkGetsAtMostATileAndItsMargin() throws {
    let sizes = Seen()
    let upscaler = try Upscaler(TinyUpscaler.recipe(scale: 4), TinyUpscaler.settings(tile: 32, overlap: 8)) {
      sizes.add($0)
      return $0.interpolate(height: 4 * $0.size(2), width: 4 * $0.size(3), .nearest)
    }
    let picture = try TinyUpscaler.picture(130, 90)
    let run = try upscaler.run(picture)
    var shares: [Double] = []
    while let share = try run.next() { shares.append(share) }
    #expect(try run.finish() == picture.magnified(by: 4))
    #expect(sizes.largest <= 48 * 48)
    #expect(shares.count == 15 && shares == shares.sorted() && shares.last == 1)
  }

  @Test func outOfMemoryHalvesTilesAndKeepsFinishedOnes() throws {
    let sizes = Seen()
    let upscaler = try Upscaler(TinyUpscaler.recipe(scale: 4), TinyUpscaler.settings(tile: 128, overlap: 0)) {
      sizes.add($0)
      // The first tile fits; then other programs use memory.
      guard sizes.count == 1 || $0.size(2) * $0.size(3) <= 40 * 40 else {
        return Tensor(failing: TorchFault(operation: "conv2d", kind: .outOfMemory, message: "no memory"))
      }
      return $0.interpolate(height: 4 * $0.size(2), width: 4 * $0.size(3), .nearest)
    }
    let picture = try TinyUpscaler.picture(256, 128)
    #expect(try upscaler.upscale([picture]) == [picture.magnified(by: 4)])
    #expect(upscaler.tile == 32)
    // One tile, two failures, then the other half in sixteen tiles.
    #expect(sizes.count == 1 + 2 + 16)
  }

  @Test func outOfMemoryTilesAPictureWithoutTiles() throws {
    let upscaler = try Upscaler(TinyUpscaler.recipe(scale: 4), TinyUpscaler.settings(tile: 0, overlap: 0)) {
      $0.size(3) > 20
        ? Tensor(failing: TorchFault(operation: "conv2d", kind: .outOfMemory, message: "no memory"))
        : $0.interpolate(height: 4 * $0.size(2), width: 4 * $0.size(3), .nearest)
    }
    let picture = try TinyUpscaler.picture(70, 30)
    #expect(try upscaler.run(picture).finish() == picture.magnified(by: 4))
  }

  @Test func outOfMemoryForTheSmallestTileIsThrown() throws {
    let calls = Seen()
    let upscaler = try Upscaler(TinyUpscaler.recipe(scale: 4), TinyUpscaler.settings(tile: 64)) {
      calls.add($0)
      return Tensor(failing: TorchFault(operation: "conv2d", kind: .outOfMemory, message: "no memory"))
    }
    let fault = #expect(throws: TorchFault.self) { try upscaler.upscale([TinyUpscaler.picture(64, 64)]) }
    #expect(fault?.kind == .outOfMemory)
    #expect(calls.count == 3, "tiles of 64, 32 and 16")
  }

  @Test func otherFaultsAreThrownAtOnce() throws {
    let upscaler = try TinyUpscaler.magnifier(scale: 2, TinyUpscaler.settings(tile: 0))
    let wrong = try Upscaler(TinyUpscaler.recipe(scale: 4), TinyUpscaler.settings(tile: 0)) { $0 }
    #expect(throws: TorchFault.self) { try wrong.upscale([TinyUpscaler.picture(8, 8)]) }
    #expect(try upscaler.upscale([] as [Image]) == [])
  }

  @Test func refusesInvalidSettings() throws {
    for (tile, overlap) in [(8, 16), (-1, 16), (256, -1)] {
      let settings = TinyUpscaler.settings(tile: tile, overlap: overlap)
      #expect(refusal { try TinyUpscaler.magnifier(settings) }?.failure == .usage, "\(tile) \(overlap)")
    }
    var settings = Upscaler.Settings()
    settings.device = .cuda(77)
    let unavailable = refusal { try Upscaler("x.pth", settings: settings) }
    #expect(unavailable?.description.contains("device cuda:77 is not available on this machine") == true)
    let large = Image(width: 20_000, height: 840, color: [0])
    let error = refusal { try TinyUpscaler.magnifier(TinyUpscaler.settings(tile: 16)).run(large) }
    #expect(error?.description.contains("become 80000 x 3360") == true)
  }

  /// The calls of a network.
  private final class Seen: @unchecked Sendable {
    private(set) var count = 0, largest = 0
    func add(_ x: Tensor) {
      count += 1
      largest = max(largest, x.size(2) * x.size(3))
    }
  }
}

@Suite("Upscaler files") struct UpscalerFileTests {
  @Test func realESRGANCheckpointGivesTheOutputOfItsNetwork() throws {
    let upscaler = try Upscaler(TinyUpscaler.checkpoint)
    #expect(upscaler.scale == 4)
    let picture = try TinyUpscaler.picture(24, 16)
    let result = try upscaler.run(picture).finish()
    let network = try upscaler.recipe.makeUpscaler(using: .shapes)
    let weights = TinyUpscaler.checkpoint.replacing(".pth", with: ".weights.safetensors")
    try network.adopt(Safetensors.read(weights).state, on: .cpu)
    let x = Tensor(picture.bytes, [1, 16, 24, 3]).to(.float32).permute(0, 3, 1, 2) / 255
    let y = withoutGradient { network(x) }
    let want = try (y.clamp(0...1) * 255).permute(0, 2, 3, 1).floats()
    // Values are rounded to the nearest byte; inference kernels sum in another order.
    #expect(zip(result.bytes, want).allSatisfy { abs(Float($0) - $1) < 0.501 })
  }

  @Test(arguments: [1, 2, 4], [1, 3]) func recipeIsRecognisedByShapes(scale: Int, channels: Int) throws {
    let folder = try ScratchFolder()
    let path = try folder.file("up.safetensors")
    try Safetensors.write(TinyUpscaler.network(scale: scale, channels: channels).stateDict(), metadata: [:], to: path)
    var settings = Upscaler.Settings()
    settings.precision = .bfloat16
    let upscaler = try Upscaler(path, settings: settings)
    #expect(upscaler.recipe as? RRDBNet.Recipe == TinyUpscaler.recipe(scale: scale, channels: channels))
    #expect(try upscaler.upscale([TinyUpscaler.picture(9, 6)])[0].width == 9 * scale)
  }

  @Test func sfumatoModelFileIsReadToo() throws {
    let folder = try ScratchFolder()
    var recipe = UpscalerModelRecipe()
    recipe.upscaler = Choice(TinyUpscaler.recipe(scale: 2))
    let path = try folder.file("up.safetensors")
    let state = try TinyUpscaler.network(scale: 2).stateDict()
    try Safetensors.write(state, metadata: ModelFile.metadata(recipe, Provenance()), to: path)
    #expect(try Upscaler(path).recipe as? RRDBNet.Recipe == TinyUpscaler.recipe(scale: 2))
  }

  @Test func otherFilesAreRefusedByKind() throws {
    let folder = try ScratchFolder()
    #expect(refusal { try Upscaler("\(folder.path)/nowhere.pth") }?.failure == .missing)
    let model = try folder.file("model.safetensors")
    try Tiny.write(Tiny.model(), to: model)
    #expect(refusal { try Upscaler(model) }?.description.contains("is a diffusion model; expected an upscaler") == true)
    let other = try folder.file("other.safetensors")
    try Safetensors.write(StateDict([("weight", .ones([2, 3]))]), metadata: [:], to: other)
    #expect(refusal { try Upscaler(other) }?.description.contains("not an upscaler that is supported") == true)
    var state = try TinyUpscaler.network(scale: 4).stateDict()
    state["body.0.rdb2.conv3.bias"] = nil
    try Safetensors.write(state, metadata: [:], to: other)
    let error = refusal { try Upscaler(other) }
    #expect(error?.failure == .data && error?.description.contains("body.0.rdb2.conv3.bias: expected [4], found nothing") == true)
    #expect(refusal { try Upscaler(DiffusersFixture.folder) }?.description.contains("is a diffusers pipeline") == true)
    let text = try folder.write("not a model", to: "text.pth")
    #expect(throws: (any Error).self) { try Upscaler(text) }
  }
}
