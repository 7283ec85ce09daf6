import Diffusion
import NN
import Networks
import Tensors

/// The networks of a loop of set 5, with the weights of set 4, and what the manifest tells them beside the images.
struct SampleLoopNetwork {
  /// Classes that labels are drawn from; nil where there are none.
  let classes: Int?
  private let denoiser: ReferenceNetwork
  private let classifier: ReferenceNetwork?
  private let lowRes: Tensor?, corruptionStrengths: Tensor?

  init(_ manifest: Manifest) throws {
    guard let weights = manifest.members["weights"]?.object, let all = manifest.members["network_arguments"]?.object,
      Set(weights.keys) == Set(all.keys), Set(all.keys).isSubset(of: ["model", "classifier"])
    else { throw ReferenceError("\(manifest.name): the weights or the networks' arguments are not understood") }
    func network(_ name: String, _ family: ([String: JSON]) -> ReferenceNetwork.Family) throws -> ReferenceNetwork {
      guard let arguments = all[name]?.object, let file = weights[name]?.string else {
        throw ReferenceError("\(manifest.name): the network '\(name)' is not understood")
      }
      let network = try ReferenceNetwork(family(arguments), arguments, of: manifest, using: .shapes)
      try network.module.adopt(manifest.stateDict(file), on: .cpu)
      return network
    }
    let given = Set(manifest.entries.map(\.name))
    denoiser = try network("model") { Self.family($0, readsLowRes: given.contains("low_res")) }
    classifier = try all["classifier"].map { _ in try network("classifier") { _ in .classifier } }
    classes = all["model"]?["num_classes"]?.int ?? all["classifier"]?["out_channels"]?.int
    lowRes = given.contains("low_res") ? try manifest.tensor("low_res") : nil
    corruptionStrengths = given.contains("corruption_factor") ? try manifest.tensor("corruption_factor") : nil
    if given.contains("base_samples_uint8") { try checkLowRes(is: manifest.tensor("base_samples_uint8"), manifest) }
  }

  /// No class is named, but families differ in their arguments and in what they read.
  private static func family(_ arguments: [String: JSON], readsLowRes: Bool) -> ReferenceNetwork.Family {
    if arguments["num_corruptions"] != nil { return .dlasSuperResolution }
    if arguments["split_qkv_first"] != nil { return .nice }
    return readsLowRes ? .superResolution : .adm
  }

  /// The script makes the low-resolution images from the bytes of a file, arr / 127.5 − 1.
  private func checkLowRes(is bytes: Tensor, _ manifest: Manifest) throws {
    let made = (bytes.to(.float32) / 127.5 - 1).permute(0, 3, 1, 2)
    guard let lowRes, try (made - lowRes).abs().max().item() < 1e-6 else {
      throw ReferenceError("\(manifest.name): low_res is not what base_samples_uint8 gives")
    }
  }

  /// The denoising network, conditioned on these labels, `[N]`.
  func conditioned(on labels: Tensor?) -> DenoisingNetwork {
    let conditioning = Conditioning(labels: labels, lowRes: lowRes, corruptionStrengths: corruptionStrengths)
    return { [denoiser] x, timesteps in denoiser.trace(x, timesteps, conditioning) { _, _ in } }
  }

  /// What the classifier says of these labels, `[N]`.
  func logProbability(of labels: Tensor) throws -> LogProbability {
    guard let classifier else { throw ReferenceError("there is no classifier") }
    return { x, timesteps in Diffusion.logProbability(of: labels, logits: classifier.trace(x, timesteps, .none) { _, _ in }) }
  }
}
