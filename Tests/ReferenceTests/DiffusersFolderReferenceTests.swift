import Checkpoints
import Diffusion
import Foundation
import Interop
import NN
import Networks
import RecipeKit
import Tensors
import Testing

/// Set 9: pipelines of diffusers, their networks' outputs and gradients, and their runs; and an ADM UNet moved into one.
struct DiffusersFolderReferenceSet: ReferenceSet {
  let number = 9

  func reproduce(_ manifest: Manifest) throws -> Reproduction {
    try manifest.requireMembers([
      "folder", "parameters", "parameter_count", "sampling", "moves", "largest_difference_between_the_two_networks",
    ])
    let pipeline = try ReferencePipeline(manifest)
    var reproduction = Reproduction()
    let cases = Set(manifest.entries.map { String($0.name.prefix { $0 != "/" }) }).subtracting(["sampling"])
    for name in cases.sorted() { try run(name, pipeline, manifest, into: &reproduction) }
    if let sampling = manifest.members["sampling"] { try sample(sampling, pipeline, manifest, into: &reproduction) }
    if let moves = manifest.members["moves"]?.array { try MovedNetwork(manifest, moves, pipeline).reproduce(cases, into: &reproduction) }
    return reproduction
  }

  /// A forward pass, and its gradients where they are asked for.
  private func run(_ name: String, _ pipeline: ReferencePipeline, _ manifest: Manifest, into out: inout Reproduction) throws {
    let (x, timesteps, conditioning) = try ReferencePipeline.question(name, manifest)
    let y = pipeline.network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    out.tensors["\(name)/out"] = y.detach()
    guard manifest.entries.contains(where: { $0.name == "\(name)/grad_norms" }) else { return }
    let parameters = pipeline.network.namedParameters()
    let gradients = try y.square().mean().gradients(of: parameters.map(\.parameter.value))
    out.tensors["\(name)/grad_norms"] = Tensor(try gradients.map { try $0?.to(.float64).norm().item() ?? 0 })
  }

  /// The run of the pipeline: drawn again from its seed, and on the noise recorded.
  private func sample(_ sampling: JSON, _ pipeline: ReferencePipeline, _ manifest: Manifest, into out: inout Reproduction) throws {
    guard Set(sampling.object?.keys.map { $0 } ?? []) == ["seed", "steps", "timesteps", "procedure"],
      let seed = sampling["seed"]?.int, let steps = sampling["steps"]?.int
    else { throw ReferenceError("\(manifest.name): the run \(sampling) is not understood") }
    let diffusion = try pipeline.scheduler.process.makeDiffusion(), process = diffusion.process
    let levels = try pipeline.scheduler.levels(steps: steps, in: process)
    guard levels.dropLast().map({ Int($0.timestep) }) == sampling["timesteps"]?.ints else {
      throw ReferenceError("\(manifest.name): the timesteps are \(levels.map(\.timestep))")
    }
    let conditioning = Conditioning(labels: manifest.entries.contains { $0.name == "sampling/y" } ? try manifest.tensor("sampling/y") : nil)
    let denoiser = pipeline.scheduler.denoiser(in: diffusion) { x, timesteps in
      pipeline.network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference)
    }
    let start = try manifest.tensor("sampling/x_T"), noise = try manifest.tensor("sampling/noise")
    let sampler = try pipeline.scheduler.sampler(steps: steps, in: process)
    let seeded = SamplingRun(
      sampler, denoiser: denoiser, levels: levels, shape: start.shape, noise: BatchNoise(seed: Seed(UInt64(seed))))
    guard try (seeded.x - start).abs().max().item() <= 1e-6 else { throw ReferenceError("\(manifest.name): the start is drawn otherwise") }
    let replayed = SamplingRun(
      sampler, denoiser: denoiser, levels: levels, start: start,
      noise: RecordedDraws(draws: (0..<noise.size(0)).map { noise.select(0, $0) }))
    let final = try replayed.finish()
    // Drawn again, normals differ from those recorded by their last bits alone.
    guard try (seeded.finish() - final).abs().max().item() <= 1e-4 else { throw ReferenceError("\(manifest.name): the seed gives others") }
    out.tensors["sampling/final"] = final
    guard manifest.entries.contains(where: { $0.name == "sampling/images" }) else { return }
    out.tensors["sampling/images"] = (final / 2 + 0.5).clamp(0...1).permute(0, 2, 3, 1)
  }
}

/// A folder of the set, read part by part.
struct ReferencePipeline {
  let network: UNet2DModel, scheduler: DiffusersScheduler, state: StateDict, unet: UNet2DConfig

  init(_ manifest: Manifest) throws {
    guard let name = manifest.members["folder"]?.string, let count = manifest.members["parameter_count"]?.int,
      let parameters = manifest.members["parameters"]?.array?.compactMap(\.string)
    else { throw ReferenceError("\(manifest.name): the folder or the parameters are not understood") }
    let folder = manifest.folder.appending(path: name)
    let config = folder.appending(path: "unet/config.json")
    unet = try UNet2DConfig(json: Data(contentsOf: config), file: config.path)
    let text = try String(contentsOf: folder.appending(path: "scheduler/scheduler_config.json"), encoding: .utf8)
    scheduler = try DiffusersScheduler(json: text)
    state = try Safetensors.read(folder.appending(path: "unet/diffusion_pytorch_model.safetensors").path).state
    network = try UNet2DModel(unet.recipe, using: Initializer(Generator(seed: 0)))
    guard network.state().map(\.name) == parameters, network.parameterCount == count else {
      throw ReferenceError(
        "\(manifest.name): the parameters are others: \(zip(network.state().map(\.name), parameters).first { $0 != $1 } ?? ("", ""))")
    }
    try network.load(state)
    // Written again and read, the config is the same.
    let again = try UNet2DConfig(json: unet.json, file: "written")
    guard again == unet else { throw ReferenceError("\(manifest.name): the config changes when it is written") }
  }

  /// What a case asks of a network.
  static func question(_ name: String, _ manifest: Manifest) throws -> (x: Tensor, timesteps: Tensor, Conditioning) {
    var conditioning = Conditioning()
    for entry in manifest.entries where entry.role == .input && entry.name.hasPrefix("\(name)/") {
      switch entry.name.dropFirst(name.count + 1) {
      case "x", "t": break
      case "y": conditioning.labels = try manifest.tensor(entry.name)
      default: throw ReferenceError("\(manifest.name): the input '\(entry.name)' is not understood")
      }
    }
    let x = try manifest.tensor("\(name)/x"), t = try manifest.tensor("\(name)/t")
    return (x, t.rank == 0 ? .cat(Array(repeating: t.reshape(1), count: x.size(0)), dim: 0) : t, conditioning)
  }
}

/// The network of guided-diffusion whose weights the folder holds under other names.
struct MovedNetwork {
  private let manifest: Manifest
  private let network: ADMUNet

  /// - Parameter moves: source name, operation, target name.
  init(_ manifest: Manifest, _ moves: [JSON], _ pipeline: ReferencePipeline) throws {
    self.manifest = manifest
    guard let guided = manifest.config["guided_diffusion"], guided["class"]?.string == "guided_diffusion.unet.UNetModel",
      let arguments = guided["arguments"]?.object
    else { throw ReferenceError("\(manifest.name): the network that was moved is not understood") }
    var recipe = try ReferenceNetwork.admRecipe(arguments, of: manifest)
    network = try ADMUNet(recipe, using: Initializer(Generator(seed: 0)))
    try network.load(Self.undone(moves, pipeline.state, manifest))
    // Our moves are those recorded, and lead to the network that was recorded.
    let moved = try network.unet2DState()
    for (name, tensor) in pipeline.state.entries {
      guard let ours = moved[name], ours.shape == tensor.shape, try (ours - tensor).abs().max().item() == 0 else {
        throw ReferenceError("\(manifest.name): \(name) is moved otherwise")
      }
    }
    guard moved.count == moves.count else { throw ReferenceError("\(manifest.name): \(moved.count) moves, expected \(moves.count)") }
    recipe.dropout = pipeline.unet.recipe.dropout
    let expressed = try UNet2DModel.Recipe(expressing: recipe)
    // The last level changes no resolution: there both kinds of block are the same.
    let others = zip(expressed.downBlockTypes.dropLast(), pipeline.unet.recipe.downBlockTypes).filter { $0 != $1 }
    guard others.isEmpty, expressed.attentionHeadDim == pipeline.unet.recipe.attentionHeadDim else {
      throw ReferenceError("\(manifest.name): the recipe is expressed as \(expressed.yaml())")
    }
  }

  /// The state before the moves: rows of one tensor put together again.
  private static func undone(_ moves: [JSON], _ state: StateDict, _ manifest: Manifest) throws -> StateDict {
    var parts: [String: [(first: Int, tensor: Tensor)]] = [:], order: [String] = []
    for move in moves {
      guard let source = move["guided"]?.string, let target = move["diffusers"]?.string, let operation = move["operation"]?.string,
        var tensor = state[target]
      else { throw ReferenceError("\(manifest.name): the move \(move) is not understood") }
      var first = 0
      for word in operation.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) where word != "copy" {
        if word == "drop the last axis" {
          tensor = tensor.unsqueeze(-1)
        } else if let rows = word.firstMatch(of: /^rows ([0-9]+):[0-9]+$/), let start = Int(rows.1) {
          first = start
        } else {
          throw ReferenceError("\(manifest.name): the operation '\(word)' is not understood")
        }
      }
      if parts[source] == nil { order.append(source) }
      parts[source, default: []].append((first, tensor))
    }
    return StateDict(order.map { ($0, .cat((parts[$0] ?? []).sorted { $0.first < $1.first }.map(\.tensor), dim: 0)) })
  }

  func reproduce(_ cases: Set<String>, into out: inout Reproduction) throws {
    for name in cases where manifest.entries.contains(where: { $0.name == "\(name)/guided_out" }) {
      let (x, timesteps, conditioning) = try ReferencePipeline.question(name, manifest)
      out.tensors["\(name)/guided_out"] = network(x, timesteps: timesteps, conditioning: conditioning, mode: .inference).detach()
    }
  }
}

@Suite("Reference diffusers folders (set 9)") struct ReferenceDiffusersFolderTests {
  @Test func everyOutputGradientAndRunIsReproduced() throws { try Examination.check(DiffusersFolderReferenceSet()) }
}
