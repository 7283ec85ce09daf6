import NN
import Networks
import RecipeKit
import Tensors
import Testing

/// Set 4: every network, forward, block by block, and every gradient; and what constructors refuse.
struct UNetReferenceSet: ReferenceSet {
  let number = 4

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    if let reproduction = try PyTorchFileReproduction.reproduce(manifest) { return reproduction }
    // Tensors to compare such files with, which no network made.
    if manifest.members["reference"]?.array?.isEmpty == true, !manifest.entries.contains(where: \.isWanted) { return Reproduction() }
    if manifest.members["groups_by_channels"] != nil { return try groupCounts(manifest) }
    if manifest.kind == nil && manifest.entries.isEmpty { return try constructorMistakes(manifest) }
    return try network(manifest)
  }

  /// DL-Art-School's groups of a norm by its channels.
  private func groupCounts(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["groups_by_channels", "source"])
    for (channels, groups) in manifest.members["groups_by_channels"]?.object ?? [:] {
      guard let channels = Int(channels) else { throw ReferenceError("\(manifest.name): channels '\(channels)' are not understood") }
      let ours = Normalization.dlas.groups(of: channels)
      guard groups.int == ours else { throw ReferenceError("\(channels) channels have \(ours) groups, expected \(groups)") }
    }
    return Reproduction()
  }

  /// Mistakes that a constructor must refuse, described in words.
  private func constructorMistakes(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers(["cases"])
    var reproduction = Reproduction()
    for mistake in manifest.errorCases {
      guard let what = mistake["what"]?.string, let message = mistake["message"]?.string else {
        throw ReferenceError("\(manifest.name): not understood: \(mistake)")
      }
      try reproduction.refuse {
        var recipe = ADMUNet.Recipe()
        if what.contains("model_channels not divisible"), let channels = message.firstMatch(of: /num_channels \(([0-9]+)\)/) {
          recipe.modelChannels = Int(channels.1) ?? 0
        } else if what.contains("conv_resample=False") {
          (recipe.resblockUpdown, recipe.convResample) = (false, false)
        } else {
          throw ReferenceError("\(manifest.name): '\(what)' is not understood")
        }
        _ = try ADMUNet(recipe, using: .shapes)
      }
    }
    return reproduction
  }

  // MARK: A network

  private func network(_ manifest: Manifest) throws -> Reproduction {
    let family = try ReferenceNetwork.Family(class: manifest.kind, of: manifest)
    try manifest.requireMembers([
      "weights", "parameter_count", "parameters", "blocks", "parameters_without_effect", "error_cases",
    ])
    var reproduction = Reproduction()
    guard manifest.entries.contains(where: \.isWanted) else { return reproduction }
    let network = try makeNetwork(family, manifest)
    for name in Set(manifest.entries.map { String($0.name.prefix { $0 != "/" }) }).sorted() {
      let wanted = Set(manifest.entries.filter { $0.isWanted && $0.name.hasPrefix("\(name)/") }.map(\.name))
      try run(name, wanted, network, manifest, into: &reproduction)
    }
    try leaveOut(manifest, from: &reproduction)
    for errorCase in manifest.errorCases { try reproduction.refuse { try run(errorCase, network, manifest) } }
    return reproduction
  }

  private func makeNetwork(_ family: ReferenceNetwork.Family, _ manifest: Manifest) throws -> ReferenceNetwork {
    guard let weights = manifest.members["weights"]?.string, let count = manifest.members["parameter_count"]?.int,
      let arguments = manifest.config["arguments"]?.object, manifest.config["mode"]?.string == "eval"
    else { throw ReferenceError("\(manifest.name): weights, the parameters' count, arguments or the mode are not understood") }
    let network = try ReferenceNetwork(family, arguments, of: manifest, using: Initializer(Generator(seed: 0)))
    let ours = network.module.state().map(\.name), names = parameters(manifest)
    // nice-diffusion lists the parts of a block in another order than OpenAI, to no effect.
    guard family == .nice ? ours.sorted() == names.sorted() : ours == names else {
      throw ReferenceError("the parameters' names or their order differ: \(zip(ours, names).first { $0 != $1 } ?? ("", ""))")
    }
    let found = network.module.parameterCount
    guard found == count else { throw ReferenceError("\(found) parameters, expected \(count)") }
    try network.module.load(manifest.stateDict(weights))
    return network
  }

  private func parameters(_ manifest: Manifest) -> [String] { manifest.members["parameters"]?.array?.compactMap(\.string) ?? [] }

  // MARK: One case

  /// The conditioning of a case.
  private func conditioning(_ name: String, _ manifest: Manifest) throws -> Conditioning {
    var conditioning = Conditioning()
    for entry in manifest.entries where entry.role == .input && entry.name.hasPrefix("\(name)/") {
      switch entry.name.dropFirst(name.count + 1) {
      case "x", "t": break
      case "y": conditioning.labels = try manifest.tensor(entry.name)
      case "low_res": conditioning.lowRes = try manifest.tensor(entry.name)
      case "corruption_factor": conditioning.corruptionStrengths = try manifest.tensor(entry.name)
      default: throw ReferenceError("\(manifest.name): the input '\(entry.name)' is not understood")
      }
    }
    return conditioning
  }

  private func run(
    _ name: String, _ wanted: Set<String>, _ network: ReferenceNetwork, _ manifest: Manifest, into out: inout Reproduction
  ) throws {
    let x = try manifest.tensor("\(name)/x").requiringGradient()
    var blocks: [(String, Tensor)] = [], enlarged: Tensor?
    let y = network.trace(x, try manifest.tensor("\(name)/t"), try conditioning(name, manifest)) { block, output in
      if block == "low_res_upsampled" { enlarged = output } else { blocks.append((block, output.detach())) }
    }
    for tensor in wanted {
      switch tensor.dropFirst(name.count + 1) {
      case "out": out.tensors[tensor] = y.detach()
      case "block_statistics": out.tensors[tensor] = try statistics(blocks, manifest)
      case "low_res_upsampled": out.tensors[tensor] = enlarged
      case "grad_norms", "grad_x": break
      default: throw ReferenceError("\(manifest.name): '\(tensor)' is not understood")
      }
    }
    guard wanted.contains("\(name)/grad_norms") || wanted.contains("\(name)/grad_x") else { return }
    let named = Dictionary(uniqueKeysWithValues: network.module.namedParameters().map { ($0.name, $0.parameter.value) })
    let gradients = try y.square().mean().gradients(of: [x] + parameters(manifest).compactMap { named[$0] })
    out.tensors["\(name)/grad_x"] = gradients[0] ?? .zeros(like: x)
    out.tensors["\(name)/grad_norms"] = Tensor(try gradients.dropFirst().map { try $0?.to(.float64).norm().item() ?? 0 })
  }

  /// An input that the network must refuse.
  private func run(_ errorCase: JSON, _ network: ReferenceNetwork, _ manifest: Manifest) throws {
    guard errorCase["what"]?.string == "input of twice the configured size" else {
      throw ReferenceError("\(manifest.name): not understood: \(errorCase)")
    }
    let x = try manifest.tensor("case0/x")
    let larger = x.interpolate(height: 2 * x.size(2), width: 2 * x.size(3), .nearest)
    try network.trace(larger, manifest.tensor("case0/t"), conditioning("case0", manifest), { _, _ in }).validated()
  }

  /// Mean, population standard deviation and norm of every block's output.
  private func statistics(_ blocks: [(String, Tensor)], _ manifest: Manifest) throws -> Tensor {
    let order = manifest.members["blocks"]?.array?.compactMap(\.string) ?? []
    guard blocks.map(\.0) == order else { throw ReferenceError("the blocks are \(blocks.map(\.0)), expected \(order)") }
    return .stack(
      blocks.map { _, output in
        let x = output.to(.float64)
        return .stack([x.mean(), x.variance(correction: 0).sqrt(), x.norm()])
      })
  }

  /// Gradients that are rounding noise, by the manifest's own account.
  private func leaveOut(_ manifest: Manifest, from out: inout Reproduction) throws {
    let names = Set(manifest.members["parameters_without_effect"]?["names"]?.array?.compactMap(\.string) ?? [])
    let parameters = parameters(manifest)
    let indices = Set(parameters.indices.filter { names.contains(parameters[$0]) })
    for name in out.tensors.keys where name.hasSuffix("/grad_norms") { out.leftOut[name] = indices }
  }
}

@Suite("Reference UNets (set 4)") struct ReferenceUNetTests {
  @Test func everyOutputBlockAndGradientIsReproduced() throws { try Examination.check(UNetReferenceSet()) }
}
