import NN
import Networks
import RecipeKit
import Tensors
import Testing

/// Set 7: the RRDB upscaler, its outputs and every gradient, and its files.
struct UpscalerReferenceSet: ReferenceSet {
  let number = 7

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    if let reproduction = try PyTorchFileReproduction.reproduce(manifest) { return reproduction }
    try manifest.requireMembers(["weights", "parameter_count", "parameters", "error_cases"])
    var reproduction = Reproduction()
    guard manifest.entries.contains(where: \.isWanted) else { return reproduction }
    let network = try makeNetwork(manifest)
    for entry in manifest.entries where entry.isWanted {
      let parts = entry.name.split(separator: "/")
      guard parts.count == 2 else { throw ReferenceError("'\(entry.name)' is not understood") }
      let y = network(try manifest.tensor("\(parts[0])/x"))
      switch parts[1] {
      case "out": reproduction.tensors[entry.name] = y.detach()
      case "grad_norms": reproduction.tensors[entry.name] = try gradientNorms(y, network)
      default: throw ReferenceError("'\(entry.name)' is not understood")
      }
    }
    for errorCase in manifest.errorCases { try refuse(errorCase, network, into: &reproduction) }
    return reproduction
  }

  private func makeNetwork(_ manifest: Manifest) throws -> RRDBNet {
    guard let weights = manifest.members["weights"]?.string, let names = manifest.members["parameters"]?.array?.compactMap(\.string),
      let count = manifest.members["parameter_count"]?.int
    else { throw ReferenceError("\(manifest.name): weights, parameters or their count are not understood") }
    let recipe = try RRDBNet.Recipe(yaml: "", file: manifest.name, set: manifest.config.map { "\($0.key)=\($0.value)" })
    let network = try RRDBNet(recipe, using: Initializer(Generator(seed: 0)))
    guard network.state().map(\.name) == names else { throw ReferenceError("the parameters' names or their order differ") }
    guard network.parameterCount == count else { throw ReferenceError("\(network.parameterCount) parameters, expected \(count)") }
    let state = try manifest.stateDict(weights)
    guard RRDBNet.Recipe.recognised(from: CheckpointShapes(state), side: 64)?.recipe as? RRDBNet.Recipe == recipe else {
      throw ReferenceError("the recipe is not recognised by its shapes")
    }
    try network.load(state)
    return network
  }

  /// Of d mean(out²) / d parameter.
  private func gradientNorms(_ y: Tensor, _ network: RRDBNet) throws -> Tensor {
    let gradients = try y.square().mean().gradients(of: network.namedParameters().map(\.parameter.value))
    return Tensor(try gradients.map { try $0?.to(.float64).norm().item() ?? 0 })
  }

  private func refuse(_ errorCase: JSON, _ network: RRDBNet, into reproduction: inout Reproduction) throws {
    guard errorCase["what"]?.string == "height not divisible by the unshuffle factor" else {
      throw ReferenceError("the error case \(errorCase) is not understood")
    }
    let step = network.recipe.sizeStep
    try reproduction.refuse { try network(.ones([1, network.recipe.numInCh, 2 * step + 1, 2 * step])).validated() }
  }
}

@Suite("Reference upscaler (set 7)") struct ReferenceUpscalerTests {
  @Test func everyOutputGradientAndFileIsReproduced() throws { try Examination.check(UpscalerReferenceSet()) }
}
