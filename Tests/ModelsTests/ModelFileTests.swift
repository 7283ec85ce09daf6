import Checkpoints
import Failures
import Foundation
import Models
import NN
import RecipeKit
import Tensors
import TestSupport
import Testing

@Suite("Model files") struct ModelFileTests {
  let folder: ScratchFolder
  let path: String

  init() throws {
    folder = try ScratchFolder()
    path = try folder.file("tiny.safetensors")
    try Tiny.write(Tiny.denoiser(), to: path)
  }

  /// The file with its recipe changed.
  private func write(_ change: (inout ModelRecipe) -> Void) throws {
    let model = try Tiny.denoiser()
    var recipe = model.recipe
    change(&recipe)
    try Tiny.write(Model(recipe: recipe, provenance: model.provenance, network: model.network), to: path)
  }

  @Test func aPyTorchCheckpointIsRefusedWithTheCommandThatConvertsIt() {
    let error = refusal { try Model(file: Fixture.reference("unets/pt_features.pt")) }
    #expect(error?.failure == .data)
    #expect(error?.description.contains("is a checkpoint of PyTorch, without a recipe; 'sfumato convert") == true)
  }

  @Test func carryAllThatSamplingNeeds() throws {
    let written = try Tiny.denoiser(), read = try Model(file: path)
    #expect(read.recipe.yaml() == written.recipe.yaml())
    #expect(read.provenance == written.provenance)
    for (a, b) in zip(read.network.stateDict().entries, written.network.stateDict().entries) {
      #expect(try a.name == b.name && a.tensor.floats() == b.tensor.floats())
    }
  }

  @Test func withoutARecipeAreRefused() throws {
    try Safetensors.write(StateDict([("weight", .ones([2]))]), to: path)
    let error = refusal { try Model(file: path) }
    #expect(error?.failure == .data)
    #expect(error?.description.contains("sfumato inspect \(path)") == true)
  }

  @Test func withTensorsOfAnotherNetworkAreRefusedWithTheirNames() throws {
    let other = try Tiny.denoiser(set: ["network.model_channels=64"])
    let model = try Tiny.denoiser()
    try Tiny.write(Model(recipe: model.recipe, provenance: Provenance(), network: other.network), to: path)
    let error = refusal { try Model(file: path) }
    #expect(error?.failure == .data)
    #expect(
      error?.description.hasPrefix("checkpoint \(path) does not fit network adm_unet\n  time_embed.0.weight: expected [128, 32]") == true)
  }

  @Test func whoseRecipeContradictsItselfAreRefused() throws {
    try write { $0.data.channels = 3 }
    #expect(
      refusal { try Model(file: path) }?.description.contains("cannot take images of 8 x 8 x 3: expected images [N, 1, H, W]") == true)
    try write {
      $0.data.classNames = []
      $0.data.nullClass = nil
    }
    #expect(refusal { try Model(file: path) }?.failure == .data)
    try write { $0.data.nullClass = 3 }
    #expect(throws: RecipeError.self) { try Model(file: path) }
    try write { $0.data.channels = 5 }
    #expect(throws: RecipeError.self) { try Model(file: path) }
  }

  @Test func thatAreTruncatedAreRefusedByName() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    for length in [4, 100, bytes.count - 1] {
      try bytes.prefix(length).write(to: URL(fileURLWithPath: path))
      let error = try #require(throws: SafetensorsError.self) { try Model(file: path) }
      #expect("\(error)".hasPrefix(path))
      #expect(Failure(of: error) == .data)
    }
  }
}
