import NN
import Networks
import RecipeKit
import Tensors
import Testing

/// Set 4: the UNets of guided-diffusion and improved-diffusion, forward, block by block, and every gradient.
struct UNetReferenceSet: ReferenceSet {
  let number = 4

  /// The classes that are built.
  static let classes: Set<String> = ["guided_diffusion.unet.UNetModel", "improved_diffusion.unet.UNetModel"]

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    if let reproduction = try PyTorchFileReproduction.reproduce(manifest) { return reproduction }
    // Tensors to compare such files with, which no network made.
    if manifest.members["reference"]?.array?.isEmpty == true, !manifest.entries.contains(where: \.isWanted) { return Reproduction() }
    guard let kind = manifest.kind, Self.classes.contains(kind) else {
      throw ReferenceError("\(manifest.name): the network '\(manifest.kind ?? "")' is not understood")
    }
    try manifest.requireMembers(["weights", "parameter_count", "parameters", "blocks", "parameters_without_effect"])
    var reproduction = Reproduction()
    guard manifest.entries.contains(where: \.isWanted) else { return reproduction }
    let network = try makeNetwork(manifest)
    for name in Set(manifest.entries.map { String($0.name.prefix { $0 != "/" }) }).sorted() {
      let wanted = Set(manifest.entries.filter { $0.isWanted && $0.name.hasPrefix("\(name)/") }.map(\.name))
      try run(name, wanted, network, manifest, into: &reproduction)
    }
    try leaveOut(manifest, from: &reproduction)
    return reproduction
  }

  // MARK: The network

  private func makeNetwork(_ manifest: Manifest) throws -> ADMUNet {
    guard let weights = manifest.members["weights"]?.string, let names = manifest.members["parameters"]?.array?.compactMap(\.string),
      let count = manifest.members["parameter_count"]?.int, manifest.config["mode"]?.string == "eval"
    else { throw ReferenceError("\(manifest.name): weights, parameters, their count or the mode are not understood") }
    guard let arguments = manifest.config["arguments"]?.object else { throw ReferenceError("\(manifest.name): no arguments") }
    let network = try ADMUNet(Self.recipe(arguments, of: manifest), using: Initializer(Generator(seed: 0)))
    let ours = network.state().map(\.name)
    guard ours == names else {
      throw ReferenceError("the parameters' names or their order differ: \(zip(ours, names).first { $0 != $1 } ?? ("", ""))")
    }
    guard network.parameterCount == count else { throw ReferenceError("\(network.parameterCount) parameters, expected \(count)") }
    try network.load(manifest.stateDict(weights))
    return network
  }

  /// The reference's constructor arguments as a recipe.
  static func recipe(_ arguments: [String: JSON], of manifest: Manifest) throws -> ADMUNet.Recipe {
    let defaults: [String: JSON] = [
      "use_scale_shift_norm": .bool(false), "resblock_updown": .bool(false), "use_new_attention_order": .bool(false),
    ]
    let known: Set<String> = [
      "in_channels", "out_channels", "model_channels", "num_res_blocks", "channel_mult", "num_heads", "num_head_channels",
      "num_heads_upsample", "conv_resample", "dropout", "num_classes", "use_scale_shift_norm", "resblock_updown",
      "use_new_attention_order",
    ]
    let special: Set<String> = ["image_size", "attention_resolutions"]
    var settings: [String] = []
    for (key, value) in arguments.merging(defaults, uniquingKeysWith: { given, _ in given }) where !special.contains(key) {
      guard known.contains(key) else { throw ReferenceError("\(manifest.name): argument '\(key)' is not understood") }
      settings.append("\(key)=\(value)")
    }
    // The reference counts attention's place in factors of downsampling, the recipe in heights.
    let factors = arguments["attention_resolutions"]?.ints ?? []
    let height = factors.reduce(1, *) * 64
    settings += ["image_size=\(height)", "attention_resolutions=\(JSON.array(factors.map { .number(Double(height / $0)) }))"]
    return try ADMUNet.Recipe(yaml: "", file: manifest.name, set: settings)
  }

  // MARK: One case

  private func run(_ name: String, _ wanted: Set<String>, _ network: ADMUNet, _ manifest: Manifest, into out: inout Reproduction) throws {
    let x = try manifest.tensor("\(name)/x").requiringGradient()
    let labels = manifest.entries.contains { $0.name == "\(name)/y" } ? try manifest.tensor("\(name)/y") : nil
    var blocks: [(String, Tensor)] = []
    let y = network.trace(
      x, timesteps: try manifest.tensor("\(name)/t"), conditioning: Conditioning(labels: labels), mode: .inference
    ) { blocks.append(($0, $1.detach())) }
    for tensor in wanted {
      switch tensor.dropFirst(name.count + 1) {
      case "out": out.tensors[tensor] = y.detach()
      case "block_statistics": out.tensors[tensor] = try statistics(blocks, manifest)
      case "grad_norms", "grad_x": break
      default: throw ReferenceError("\(manifest.name): '\(tensor)' is not understood")
      }
    }
    guard wanted.contains("\(name)/grad_norms") || wanted.contains("\(name)/grad_x") else { return }
    let parameters = network.namedParameters().map(\.parameter.value)
    let gradients = try y.square().mean().gradients(of: [x] + parameters)
    out.tensors["\(name)/grad_x"] = gradients[0] ?? .zeros(like: x)
    out.tensors["\(name)/grad_norms"] = Tensor(try gradients.dropFirst().map { try $0?.to(.float64).norm().item() ?? 0 })
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
    let parameters = manifest.members["parameters"]?.array?.compactMap(\.string) ?? []
    let indices = Set(parameters.indices.filter { names.contains(parameters[$0]) })
    for name in out.tensors.keys where name.hasSuffix("/grad_norms") { out.leftOut[name] = indices }
  }
}

@Suite("Reference UNets (set 4)") struct ReferenceUNetTests {
  @Test func everyOutputBlockAndGradientIsReproduced() throws { try Examination.check(UNetReferenceSet()) }
}
